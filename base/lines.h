// Text line by line, however long the whole is.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

namespace plastometer {

// A line is one document in memory. The Pile's longest are far below this; a
// longer one is a file that unpacks to gigabytes.
inline constexpr size_t kMaxLineBytes = size_t{128} << 20;

// (line without its end, 1-based number); false: enough.
using VisitLine = std::function<bool(std::string_view line, int64_t number)>;
// Fills up to `size` bytes; 0: nothing is left.
using ReadBytes = std::function<size_t(char* data, size_t size)>;

// `path` is named in errors. Throws kInvalid when a line is longer than
// kMaxLineBytes; Interrupted.
void ForEachLine(const ReadBytes& read, const std::filesystem::path& path,
                 const VisitLine& visit);
// Of a regular file; throws kInvalid too when it cannot be read.
void ForEachLineOfFile(const std::filesystem::path& path,
                       const VisitLine& visit);

}  // namespace plastometer
