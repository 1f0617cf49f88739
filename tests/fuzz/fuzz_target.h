// What every fuzz target shares. A target feeds bytes to one parser: a refusal
// of the kinds that the parser promises is a pass, everything else (another
// exception, a broken property, a sanitizer's report) is a finding.
#pragma once
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/files.h"

namespace plastometer::fuzz {

inline std::string_view View(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Not assert: it must hold in every build.
inline void Require(bool good, const char* property) {
  if (!good) throw std::logic_error(property);
}

// How many inputs parsers have taken: a corpus that is always refused at the
// door asks nothing.
inline int num_accepted = 0;

// Runs `parse`, which may refuse with one of `kinds`.
template <typename F>
void Try(F&& parse,
         std::initializer_list<ErrorKind> kinds = {ErrorKind::kInvalid}) {
  try {
    parse();
    ++num_accepted;
  } catch (const Error& error) {
    if (std::find(kinds.begin(), kinds.end(), error.kind()) == kinds.end()) {
      throw;
    }
  }
}

// For parsers that read files: the same file again and again.
inline std::filesystem::path WriteInput(const std::string& name,
                                        std::string_view bytes) {
  static const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / name;
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

}  // namespace plastometer::fuzz
