#include "model/weights/flax_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json.h"
#include "tests/errors.h"
#include "tests/model/weights/weights_test_util.h"

namespace plastometer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

bool All(const std::vector<std::string>&) { return true; }

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 3) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// Built by hand from the format's description: key params/params/model/h/0/
// seq_modeling_block/"ttt_norm/scale", shape (2, 2), bf16 ones.
const char kGolden[] =
    "92 97 a6 70 61 72 61 6d 73 a6 70 61 72 61 6d 73 a5 6d 6f 64 65 6c a1 68 "
    "a1 30 b2 73 65 71 5f 6d 6f 64 65 6c 69 6e 67 5f 62 6c 6f 63 6b ae 74 74 "
    "74 5f 6e 6f 72 6d 2f 73 63 61 6c 65 c4 1a c7 17 01 93 92 02 02 a8 62 66 "
    "6c 6f 61 74 31 36 c4 08 80 3f 80 3f 80 3f 80 3f ";

class FlaxStreamTest : public ::testing::Test {
 protected:
  std::filesystem::path Write(const std::string& bytes) {
    const std::filesystem::path path = folder_.path() / "stream";
    testing::WriteBytes(path, bytes);
    return path;
  }
  std::string Complaint(const std::string& bytes) {
    const std::filesystem::path path = Write(bytes);
    return MessageOf([&] { FlaxStream stream(path, All); });
  }
  // One record whose value is `payload`.
  static std::string WithPayload(const std::string& payload) {
    return std::string("\x92") + testing::PackKey({"model", "x"}) +
           testing::PackBin(payload);
  }

  TemporaryFolder folder_;
};

TEST_F(FlaxStreamTest, ReadsTheGoldenRecord) {
  const std::string golden = FromHex(kGolden);
  ASSERT_EQ(golden.size(), 88U);
  const FlaxStream stream(Write(golden), All);
  ASSERT_EQ(stream.records().size(), 1U);
  const FlaxRecord& record = stream.records()[0];
  EXPECT_THAT(record.key, ElementsAre("params", "params", "model", "h", "0",
                                      "seq_modeling_block", "ttt_norm/scale"));
  EXPECT_THAT(record.shape, ElementsAre(2, 2));
  EXPECT_EQ(record.dtype, DType::kBF16);
  EXPECT_EQ(record.length, 88U);
  EXPECT_THAT(ToDoubles(stream.Read(record)), ElementsAre(1, 1, 1, 1));
}

TEST_F(FlaxStreamTest, TheTestsOwnWriterMakesTheGoldenRecord) {
  const HostTensor ones =
      Convert(HostTensor::FromF32({2, 2}, {1, 1, 1, 1}), DType::kBF16);
  EXPECT_EQ(testing::PackRecord({"params", "params", "model", "h", "0",
                                 "seq_modeling_block", "ttt_norm/scale"},
                                ones),
            FromHex(kGolden));
}

TEST_F(FlaxStreamTest, EveryPrefixOfTheGoldenRecordIsRefused) {
  const std::string golden = FromHex(kGolden);
  for (size_t length = 1; length < golden.size(); ++length) {
    const std::string message = Complaint(golden.substr(0, length));
    EXPECT_THAT(message, HasSubstr("truncated")) << length;
  }
}

// A flipped bit in key text or elements is still a valid record; it must never
// crash, hang or allocate.
TEST_F(FlaxStreamTest, EveryBitFlipIsReadOrRefused) {
  const std::string golden = FromHex(kGolden);
  int refused = 0;
  for (size_t bit = 0; bit < golden.size() * 8; ++bit) {
    std::string flipped = golden;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const std::filesystem::path path = Write(flipped);
    try {
      FlaxStream stream(path, All);
    } catch (const Error& error) {
      ++refused;
      EXPECT_THAT(error.what(), HasSubstr("byte "));
    }
  }
  // Of 704 flips, 64 lie in the elements and about 400 in key characters.
  EXPECT_GT(refused, 150);
}

TEST_F(FlaxStreamTest, RecordsMatchTheOfficialIndexByChecksum) {
  for (const char* ending : {".streaming_params", ".streaming_train_state"}) {
    for (const auto& path : testing::ParityFiles(ending)) {
      std::filesystem::path json = path;
      const nlohmann::json expected =
          ReadJsonFile(json.replace_extension(".json")).at("records");
      const FlaxStream stream(path, All);
      ASSERT_EQ(stream.records().size(), expected.size()) << path;
      for (size_t i = 0; i < expected.size(); ++i) {
        const FlaxRecord& met = stream.records()[i];
        const HostTensor tensor = stream.Read(met);
        EXPECT_EQ(nlohmann::json(met.key), expected[i].at("key"));
        EXPECT_EQ(nlohmann::json(met.shape), expected[i].at("shape"));
        EXPECT_EQ(met.offset, expected[i].at("offset").get<uint64_t>());
        EXPECT_EQ(met.length, expected[i].at("length").get<uint64_t>());
        EXPECT_EQ(crc32(0, reinterpret_cast<const Bytef*>(tensor.bytes.data()),
                        static_cast<uInt>(tensor.bytes.size())),
                  expected[i].at("raw_crc32").get<uint64_t>())
            << KeyText(met.key);
      }
    }
  }
}

TEST_F(FlaxStreamTest, ReadsEveryExtAndBinWidth) {
  // fixext 16: "\x93\x91\x01" + "\xa5int32" + bin of 4 is 15 bytes, one more
  // with a 2-dimensional shape.
  const std::string body =
      testing::PackArrayBody({1, 1}, "int32", std::string(4, '\1'));
  ASSERT_EQ(body.size(), 16U);
  std::string bytes = WithPayload(testing::PackExt(1, body));
  bytes += WithPayload(testing::PackExt(  // the scalar type
      3, testing::PackArrayBody({}, "float32", std::string(4, '\0'))));
  for (const int64_t count : {10, 1000, 40000}) {  // ext and bin 8, 16, 32
    bytes += WithPayload(testing::PackExt(
        1, testing::PackArrayBody({count}, "bfloat16",
                                  std::string(2 * count, '\0'))));
  }
  const FlaxStream stream(Write(bytes), All);
  ASSERT_EQ(stream.records().size(), 5U);
  EXPECT_THAT(ToDoubles(stream.Read(stream.records()[0])),
              ElementsAre(0x01010101));
  EXPECT_TRUE(stream.records()[1].shape.empty());
  EXPECT_THAT(stream.records()[4].shape, ElementsAre(40000));
}

TEST_F(FlaxStreamTest, RefusesWhatItDoesNotUnderstandByName) {
  using testing::PackArrayBody;
  using testing::PackExt;
  const std::string four(4, '\0');
  EXPECT_THAT(Complaint("\x93"), HasSubstr("expected 0x92"));
  EXPECT_THAT(Complaint(WithPayload("\x83 chunked")),
              HasSubstr("chunked array"));
  EXPECT_THAT(Complaint(WithPayload("\xc0")), HasSubstr("met 0xc0"));
  EXPECT_THAT(Complaint(WithPayload(PackExt(2, "\x92\1\1"))),
              HasSubstr("complex"));
  EXPECT_THAT(
      Complaint(WithPayload(PackExt(1, PackArrayBody({1}, "int4", four)))),
      HasSubstr("int4"));
  EXPECT_THAT(
      Complaint(WithPayload(PackExt(1, PackArrayBody({2}, "float32", four)))),
      HasSubstr("4 bytes of elements, expected 8"));
  EXPECT_THAT(Complaint(WithPayload(
                  PackExt(1, PackArrayBody({1}, "float32", four)) + "x")),
              HasSubstr("to fill the value"));
  EXPECT_THAT(Complaint(WithPayload(
                  PackExt(1, PackArrayBody({1}, "float32", four) + "x"))),
              HasSubstr("bytes behind the elements"));
  EXPECT_THAT(Complaint("\x92\x90"), HasSubstr("empty key"));
  EXPECT_THAT(Complaint("\x92\x91\x01"), HasSubstr("expected a string"));
}

// Lengths of up to 2^60 that nothing backs. The process would die on an
// allocation; under a sanitizer it reports one.
TEST_F(FlaxStreamTest, LyingLengthsAreRefusedBeforeAnyAllocation) {
  const std::string key =
      std::string("\x92") + testing::PackKey({"model", "x"});
  EXPECT_THAT(Complaint(key + "\xc6\xff\xff\xff\xff"),
              HasSubstr("value of 4294967295 bytes"));
  EXPECT_THAT(Complaint("\x92\xdd\xff\xff\xff\xff"),
              HasSubstr("array of 4294967295"));
  EXPECT_THAT(Complaint("\x92\x91\xdb\xff\xff\xff\xff"),
              HasSubstr("string of 4294967295"));
  EXPECT_THAT(Complaint(key + testing::PackBin("\xc9\xff\xff\xff\xff\x01")),
              HasSubstr("ext of 4294967295"));
  const std::string huge("\xcf\x10\0\0\0\0\0\0\0", 9);  // an extent of 2^60
  EXPECT_THAT(Complaint(WithPayload(testing::PackExt(
                  1, "\x93\x91" + huge + testing::PackText("float32") +
                         testing::PackBin("abcd")))),
              HasSubstr("absurd extent 1152921504606846976"));
}

TEST_F(FlaxStreamTest, APipeIsRefusedNotWaitedFor) {
  const TemporaryFolder folder;
  const std::filesystem::path pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(MessageOf([&] { FlaxStream(pipe, All); }),
              HasSubstr("not a regular file"));
}

// Each takes ten times its bytes in memory, and no model has so many.
TEST_F(FlaxStreamTest, ManyMoreRecordsThanAModelHasAreRefused) {
  const std::string record =
      testing::PackRecord({"model", "x"}, HostTensor::FromF32({1}, {2}));
  std::string bytes;
  for (int i = 0; i <= 1 << 16; ++i) bytes += record;
  EXPECT_THAT(Complaint(bytes), HasSubstr("more than 65536 parameters"));
}

TEST_F(FlaxStreamTest, SkippedRecordsAreNotParsed) {
  // The first value is nonsense, which only a reader that looks would notice.
  const std::string bytes =
      std::string("\x92") + testing::PackKey({"opt_state", "0"}) +
      testing::PackBin("nonsense") +
      testing::PackRecord({"model", "x"}, HostTensor::FromF32({1}, {2}));
  const FlaxStream stream(Write(bytes),
                          [](const auto& key) { return key[0] == "model"; });
  EXPECT_EQ(stream.num_skipped(), 1);
  EXPECT_THAT(stream.skipped_roots(), ElementsAre("opt_state"));
  EXPECT_THAT(ToDoubles(stream.Read(stream.records().at(0))), ElementsAre(2));
}

}  // namespace
}  // namespace plastometer
