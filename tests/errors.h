// What a refusal says.
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace plastometer {

// The message of the Error that `action` must throw, of this kind; "" and a
// failure of the test otherwise.
template <typename Action>
std::string MessageOf(const Action& action,
                      ErrorKind kind = ErrorKind::kInvalid) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(kind))
        << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error was thrown";
  return "";
}

}  // namespace plastometer
