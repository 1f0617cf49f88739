#include "base/sha256.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"

namespace plastometer {
namespace {

// The examples of FIPS 180-2.
TEST(Sha256, KnownDigests) {
  EXPECT_EQ(Sha256Hex(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesAndFilesGiveTheSame) {
  const std::string text((size_t{1} << 20) + 17, 'q');
  Sha256 hash;
  hash.Update(text.substr(0, 1000));
  hash.Update(std::as_bytes(std::span(text).subspan(1000)));
  const std::string digest = hash.HexDigest();
  EXPECT_EQ(digest, Sha256Hex(text));
  const TemporaryFolder folder;
  WriteFile(folder.path() / "f", text);
  EXPECT_EQ(Sha256OfFile(folder.path() / "f"), digest);
  EXPECT_THROW(Sha256OfFile(folder.path() / "none"), Error);
  EXPECT_THROW(Sha256OfFile(folder.path()), Error);
}

}  // namespace
}  // namespace plastometer
