// What several subcommands share.
#pragma once
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "harness/cli/command_line.h"
#include "harness/run/environment.h"

namespace plastometer {

// What main returns when no error came: a mismatch is a result, not an error.
inline int& ExitStatus() {
  static int status = 0;
  return status;
}

// The errno of the first write to standard output that failed; 0: none did. The
// stream itself only knows that one did.
inline int& OutputError() {
  static int error = 0;
  return error;
}

// What was printed is only out when it is flushed: a disk may be full. The
// program goes on, and ends with that error.
inline void FlushOutput() {
  if (std::fflush(stdout) != 0 && OutputError() == 0) OutputError() = errno;
}

inline void Print(const std::string& text) {
  const size_t written = std::fwrite(text.data(), 1, text.size(), stdout);
  if (written != text.size() && OutputError() == 0) OutputError() = errno;
  FlushOutput();
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

// Throws kUsage naming the option.
inline void RequireAtLeast(const char* option, int64_t value, int64_t least) {
  if (value < least)
    throw UsageError(std::string(option) + " is " + std::to_string(value) +
                     "; expected at least " + std::to_string(least));
}
inline void RequireWithin(const char* option, int64_t value, int64_t least,
                          int64_t most) {
  RequireAtLeast(option, value, least);
  if (value > most)
    throw UsageError(std::string(option) + " is " + std::to_string(value) +
                     "; expected at most " + std::to_string(most));
}

// Of a command that prints tables: --json instead, and --out FILE.
struct NumbersOutput {
  std::string out;
  bool json = false;

  void AddOptions(Command& command) {
    command.Heading("Output");
    command.Add("--out FILE", out,
                "also write the numbers to this file (JSON); must not exist");
    command.Flag("--json", json, "print JSON instead of tables");
  }
  // Before minutes of measuring.
  void Check() const {
    if (!out.empty()) RefuseExisting(out, "file");
  }
  void Write(const std::string& numbers, const std::string& tables) const {
    if (!out.empty()) WriteFile(out, numbers);
    Print(json ? numbers : tables);
  }
};

}  // namespace plastometer
