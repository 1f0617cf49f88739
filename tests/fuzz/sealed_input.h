// A seal over a file's content stops every blind change at the door. To reach
// what lies behind it, an input is also tried with the seal made to fit.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/canonical_json.h"
#include "base/json.h"
#include "tests/fuzz/fuzz_target.h"

namespace plastometer::fuzz {

inline std::optional<std::string> Resealed(std::string_view bytes) {
  try {
    nlohmann::json object = ParseJson(bytes, "input");
    if (!object.is_object()) return std::nullopt;
    object.erase("content_sha256");
    return SealedText(std::move(object));
  } catch (const Error&) {
    return std::nullopt;
  }
}

// parse(text) gives a value, write(value) the text again: of each value there
// is one text.
template <typename Parse, typename Write>
void CheckSealed(std::string_view bytes, const Parse& parse,
                 const Write& write) {
  const auto check = [&](std::string_view text) {
    Try([&] {
      const auto value = parse(text);
      Require(write(value) == text, "what is read is written as it was");
    });
  };
  check(bytes);
  if (const auto text = Resealed(bytes)) check(*text);
}

}  // namespace plastometer::fuzz
