#include "base/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/errors.h"
#include "tests/model/weights/weights_test_util.h"

namespace plastometer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SafetensorsTest : public ::testing::Test {
 protected:
  std::filesystem::path path() const { return folder_.path() / "t"; }

  void Write(const std::string& header, const std::string& data,
             uint64_t claimed) {
    std::string bytes(reinterpret_cast<const char*>(&claimed), 8);
    testing::WriteBytes(path(), bytes + header + data);
  }
  std::string Complaint(const std::string& header, const std::string& data) {
    Write(header, data, header.size());
    return MessageOf([&] { SafetensorsFile file(path()); });
  }

  TemporaryFolder folder_;
};

TEST_F(SafetensorsTest, WhatIsWrittenIsRead) {
  const TensorMap tensors = {{"b", HostTensor::FromF64({2, 1}, {1.5, -2})},
                             {"a", HostTensor::FromI32({3}, {1, 2, 3})},
                             {"empty", HostTensor::FromF32({0, 4}, {})},
                             {"scalar", HostTensor::FromF32({}, {7})}};
  WriteSafetensors(path(), tensors, {{"k", "v"}});
  const SafetensorsFile file(path());
  ASSERT_EQ(file.tensors().size(), 4U);
  EXPECT_EQ(file.metadata().at("k"), "v");
  EXPECT_THAT(ToDoubles(file.Read("b")), ElementsAre(1.5, -2));
  EXPECT_THAT(ToDoubles(file.Read("a")), ElementsAre(1, 2, 3));
  EXPECT_THAT(file.Read("empty").shape, ElementsAre(0, 4));
  EXPECT_THAT(ToDoubles(file.Read("scalar")), ElementsAre(7));
  EXPECT_THAT(MessageOf([&] { file.Read("none"); }), HasSubstr("\"none\""));
}

TEST_F(SafetensorsTest, HeadersThatLieAreRefused) {
  const std::string good = R"({"a":{"dtype":"F32","shape":[1],)"
                           R"("data_offsets":[0,4]}})";
  Write(good, "1234", good.size());
  EXPECT_EQ(SafetensorsFile(path()).tensors().size(), 1U);
  for (const uint64_t claimed :
       {uint64_t{1} << 60, ~uint64_t{0}, uint64_t{good.size() + 5}}) {
    Write(good, "1234", claimed);
    EXPECT_THAT(MessageOf([&] { SafetensorsFile file(path()); }),
                HasSubstr("header length at byte 0"));
  }
  testing::WriteBytes(path(), "short");
  EXPECT_THAT(MessageOf([&] { SafetensorsFile file(path()); }),
              HasSubstr("5 bytes, expected at least 8"));
  EXPECT_THAT(Complaint(good, "123"), HasSubstr("truncated?"));
  EXPECT_THAT(Complaint(good, "12345"), HasSubstr("behind the last tensor"));
  EXPECT_THAT(Complaint("{]", ""), HasSubstr("not valid JSON"));
  EXPECT_THAT(Complaint("[]", ""), HasSubstr("not a JSON object"));
}

TEST_F(SafetensorsTest, EntriesThatDoNotAddUpAreRefused) {
  const auto entry = [&](const std::string& dtype, const std::string& shape,
                         const std::string& offsets) {
    return Complaint(R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape +
                         R"(,"data_offsets":)" + offsets + "}}",
                     "12345678");
  };
  EXPECT_THAT(entry("\"F8\"", "[8]", "[0,8]"), HasSubstr("dtype \"F8\""));
  EXPECT_THAT(entry("\"F32\"", "[3]", "[0,8]"), HasSubstr("expected 12"));
  EXPECT_THAT(entry("\"F32\"", "[-2]", "[0,8]"), HasSubstr("non-negative"));
  EXPECT_THAT(entry("\"F32\"", "[2.0]", "[0,8]"), HasSubstr("non-negative"));
  EXPECT_THAT(entry("\"F32\"", "[4294967296,4294967296]", "[0,8]"),
              HasSubstr("2^64 or more"));
  EXPECT_THAT(entry("\"F32\"", "[2]", "[8,0]"), HasSubstr("[begin, end]"));
  EXPECT_THAT(entry("\"F32\"", "[1]", "[4,8]"), HasSubstr("begins at byte"));
  EXPECT_THAT(entry("\"F32\"", "[2]", "[0]"), HasSubstr("[begin, end]"));
  EXPECT_THAT(Complaint(R"({"a":3})", ""), HasSubstr("tensor \"a\""));
  EXPECT_THAT(Complaint(R"({"__metadata__":{"k":1}})", ""), HasSubstr("\"k\""));
  const std::string one =
      R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  EXPECT_THAT(Complaint("{" + one + "," + one + "}", "12345678"),
              HasSubstr("appears twice"));
  EXPECT_THAT(Complaint("{" + one + R"(,"b":{"dtype":"F32","shape":[1],)" +
                            R"("data_offsets":[4,8]}})",
                        "12345678"),
              HasSubstr("begins at byte"));
}

TEST_F(SafetensorsTest, EveryCutAndBitFlipIsReadOrRefused) {
  WriteSafetensors(path(), {{"a", HostTensor::FromF32({2}, {1, 2})},
                            {"b", HostTensor::FromF32({1}, {3})}});
  const std::string good = ReadFile(path());
  for (size_t cut = 0; cut < good.size(); ++cut) {
    testing::WriteBytes(path(), good.substr(0, cut));
    EXPECT_FALSE(MessageOf([&] { SafetensorsFile file(path()); }).empty());
  }
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string flipped = good;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    testing::WriteBytes(path(), flipped);
    try {
      const SafetensorsFile file(path());
      for (const auto& [name, info] : file.tensors()) file.Read(name);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalid);
    }
  }
}

TEST_F(SafetensorsTest, AnUnfinishedFileIsNotLeftBehind) {
  {
    SafetensorsWriter writer(path(), {{"a", {DType::kF32, {1}, 0, 0}}}, {});
    MessageOf([&] { writer.Commit(); }, ErrorKind::kInternal);
    const HostTensor two = HostTensor::FromF32({2}, {1, 2});
    MessageOf([&] { writer.Write("a", two.bytes); }, ErrorKind::kInternal);
  }
  EXPECT_THAT(testing::FilesIn(folder_.path()), ElementsAre());
}

}  // namespace
}  // namespace plastometer
