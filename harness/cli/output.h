// What every subcommand that writes something new asks first.
#pragma once
#include <filesystem>
#include <string>

#include "harness/base/error.h"

namespace plastometer {

// `kind`: "file" or "folder". Throws kUsage when `out` exists, a dangling link
// included.
inline void RefuseExisting(const std::string& out, const std::string& kind) {
  if (std::filesystem::exists(std::filesystem::symlink_status(out))) {
    throw UsageError(
        "output " + kind + " " + out +
        " already exists; nothing is overwritten: choose another --out");
  }
}

}  // namespace plastometer
