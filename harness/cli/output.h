// What several subcommands share.
#pragma once
#include <filesystem>
#include <string>

#include "harness/base/error.h"

namespace plastometer {

// argv as main got it, for a program that starts itself anew.
inline char**& ProgramArguments() {
  static char** arguments = nullptr;
  return arguments;
}

// What main returns when no error came: a mismatch is a result, not an error.
inline int& ExitStatus() {
  static int status = 0;
  return status;
}

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
