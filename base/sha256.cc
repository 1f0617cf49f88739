#include "base/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <vector>

#include "base/error.h"

namespace plastometer {
namespace {

void Require(int ok) {
  if (ok != 1) throw InternalError("SHA-256: OpenSSL refused the operation");
}

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

struct Sha256::Impl {
  Impl() : context(EVP_MD_CTX_new()) {}
  ~Impl() { EVP_MD_CTX_free(context); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  EVP_MD_CTX* context;
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  Require(EVP_DigestInit_ex(impl_->context, EVP_sha256(), nullptr));
}

Sha256::~Sha256() = default;

void Sha256::Update(std::span<const std::byte> data) {
  Require(EVP_DigestUpdate(impl_->context, data.data(), data.size()));
}

void Sha256::Update(std::string_view text) {
  Require(EVP_DigestUpdate(impl_->context, text.data(), text.size()));
}

std::string Sha256::HexDigest() {
  std::array<unsigned char, 32> digest{};
  unsigned int size = 0;
  Require(EVP_DigestFinal_ex(impl_->context, digest.data(), &size));
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::string Sha256Hex(std::string_view text) {
  Sha256 hash;
  hash.Update(text);
  return hash.HexDigest();
}

std::string Sha256Hex(std::span<const std::byte> data) {
  Sha256 hash;
  hash.Update(data);
  return hash.HexDigest();
}

uint64_t DigestPrefix(std::string_view hex_digest, int num_bytes) {
  uint64_t value = 0;
  for (int byte = num_bytes - 1; byte >= 0; --byte)
    value = value << 8 | std::stoul(std::string(hex_digest.substr(2 * byte, 2)),
                                    nullptr, 16);
  return value;
}

std::string Sha256OfFile(const std::filesystem::path& path) {
  const std::unique_ptr<std::FILE, FileCloser> file(
      std::fopen(path.c_str(), "rbe"));
  const auto fail = [&](int error) {
    return InvalidError("cannot read " + path.string() + ": " +
                        std::generic_category().message(error));
  };
  if (!file) throw fail(errno);
  std::vector<std::byte> buffer(size_t{1} << 20);
  Sha256 hash;
  while (true) {
    const size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get());
    hash.Update(std::span(buffer.data(), got));
    if (got < buffer.size()) break;
  }
  // A folder opens, and fails here.
  if (std::ferror(file.get()) != 0) throw fail(errno);
  return hash.HexDigest();
}

}  // namespace plastometer
