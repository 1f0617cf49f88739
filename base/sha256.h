// SHA-256 as lower-case hex; the identity of every input.
#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace plastometer {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void Update(std::span<const std::byte> data);
  void Update(std::string_view text);
  std::string HexDigest();  // ends the computation

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string Sha256Hex(std::string_view text);
std::string Sha256Hex(std::span<const std::byte> data);
// The first `num_bytes` (at most 8) of a digest as they stand in memory:
// little-endian.
uint64_t DigestPrefix(std::string_view hex_digest, int num_bytes);
// Streams the file. Throws kInvalid as ReadFile does.
std::string Sha256OfFile(const std::filesystem::path& path);

}  // namespace plastometer
