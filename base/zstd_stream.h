// zstd: a file of one or more frames read as one stream, and whole strings.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace plastometer {

// Constant memory: the frame's window (at most 128 MiB, larger ones are
// refused) and one block.
class ZstdReader {
 public:
  // Throws kInvalid when the file cannot be read.
  explicit ZstdReader(const std::filesystem::path& path);
  ~ZstdReader();
  ZstdReader(const ZstdReader&) = delete;
  ZstdReader& operator=(const ZstdReader&) = delete;

  // Fills up to `size` bytes; fewer only at the end, 0 when nothing is left.
  // Throws kInvalid that names the file and the byte of the compressed file
  // where it stops making sense (corrupt, truncated, or not zstd at all).
  size_t Read(char* data, size_t size);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string ZstdCompress(std::string_view content, int level = 3);

// `source` is named in errors. Throws kInvalid when corrupt, truncated, or
// larger than max_bytes once unpacked.
std::string ZstdDecompress(std::string_view compressed, uint64_t max_bytes,
                           const std::string& source = "zstd data");

}  // namespace plastometer
