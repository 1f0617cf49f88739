#include "base/zstd_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

// Text that neither compresses to nothing nor is noise.
std::string Sample(size_t size, uint32_t seed) {
  std::string text;
  while (text.size() < size) {
    seed = seed * 1664525 + 1013904223;
    text += "word" + std::to_string(seed >> 20) + " ";
  }
  text.resize(size);
  return text;
}

class ZstdTest : public ::testing::Test {
 protected:
  std::string ReadAll(const std::string& compressed, size_t step) {
    const auto path = folder_.path() / "f.zst";
    std::ofstream(path, std::ios::binary) << compressed;
    ZstdReader reader(path);
    std::string content, part(step, '\0');
    while (const size_t got = reader.Read(part.data(), step)) {
      content.append(part, 0, got);
    }
    EXPECT_EQ(reader.Read(part.data(), step), 0U);
    return content;
  }
  std::string Complaint(const std::string& compressed) {
    const std::string message = MessageOf([&] { ReadAll(compressed, 1000); });
    EXPECT_THAT(message, HasSubstr("f.zst"));
    return message;
  }

  TemporaryFolder folder_;
};

TEST_F(ZstdTest, FramesAreOneStreamWhateverTheStep) {
  const std::string a = Sample(300000, 1), b = Sample(5, 2);
  const std::string frames = ZstdCompress(a) + ZstdCompress("") +
                             ZstdCompress(b, 19) + ZstdCompress(a, 1);
  // 300000 and 300005: a buffer that ends exactly with a frame.
  for (const size_t step :
       {1UL, 7UL, 300000UL, 300005UL, 600005UL, 1UL << 20}) {
    EXPECT_EQ(ReadAll(frames, step), a + b + a) << step;
  }
  EXPECT_EQ(ReadAll(ZstdCompress(""), 10), "");
  EXPECT_EQ(ZstdDecompress(frames, 600005), a + b + a);
  EXPECT_EQ(ZstdDecompress(ZstdCompress(""), 0), "");
}

TEST_F(ZstdTest, TruncationIsNoticedAnywhere) {
  const std::string whole = ZstdCompress(Sample(2000, 3));
  const std::string two = whole + whole;
  for (size_t cut = 0; cut < two.size(); ++cut) {
    if (cut == whole.size()) continue;  // one whole frame is a whole file
    EXPECT_THAT(Complaint(two.substr(0, cut)),
                AnyOf(HasSubstr("truncated zstd data: it ends at byte " +
                                std::to_string(cut)),
                      HasSubstr("empty")));
  }
}

TEST_F(ZstdTest, CorruptDataIsNamedWithItsByte) {
  const std::string good = ZstdCompress(Sample(300000, 4));
  EXPECT_THAT(Complaint("this is not zstd at all"), HasSubstr("near byte 0"));
  EXPECT_THAT(Complaint(good + "tail that is no frame"),
              HasSubstr("corrupt zstd data near byte"));
  std::string reserved = good;
  reserved[4] = static_cast<char>(reserved[4] | 8);  // a reserved header bit
  EXPECT_THAT(Complaint(reserved), HasSubstr("corrupt zstd data near byte"));
}

TEST_F(ZstdTest, UnpackedSizeIsBounded) {
  const std::string bomb = ZstdCompress(std::string(50'000'000, 'x'));
  EXPECT_LT(bomb.size(), 10000U);
  EXPECT_THAT(MessageOf([&] { ZstdDecompress(bomb, 1000, "the bomb"); }),
              HasSubstr("the bomb: unpacks to more than 1000"));
  EXPECT_THROW(ZstdDecompress("", 10), Error);
  EXPECT_THROW(ZstdReader reader(folder_.path() / "none"), Error);
}

}  // namespace
}  // namespace plastometer
