#include "base/host_tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/errors.h"
#include "tests/model/weights/weights_test_util.h"

namespace plastometer {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

uint16_t Bits(double value, DType dtype) {
  return Convert(HostTensor::FromF64({1}, {value}), dtype).As<uint16_t>()[0];
}

// All 65536 values of a 16-bit format.
HostTensor Every(DType dtype) {
  HostTensor all{dtype, {65536}, std::vector<std::byte>(131072)};
  for (int i = 0; i < 65536; ++i) {
    all.As<uint16_t>()[i] = static_cast<uint16_t>(i);
  }
  return all;
}

TEST(HostTensor, SixteenBitFormatsSurviveEveryWiderOne) {
  for (const DType narrow : {DType::kBF16, DType::kF16}) {
    const HostTensor all = Every(narrow);
    for (const DType wide : {DType::kF32, DType::kF64}) {
      const HostTensor back = Convert(Convert(all, wide), narrow);
      const std::vector<double> values = ToDoubles(all);
      for (int i = 0; i < 65536; ++i) {
        if (std::isnan(values[i])) {
          EXPECT_TRUE(std::isnan(ToDoubles(back)[i]));
          i |= 1023;  // one NaN of a range is enough
          continue;
        }
        ASSERT_EQ(back.As<uint16_t>()[i], i) << DTypeName(narrow);
      }
    }
  }
}

#ifdef __FLT16_MAX__
// The compiler's own conversion as the oracle for half precision.
TEST(HostTensor, HalfRoundsLikeTheCompiler) {
  uint64_t state = 1;
  for (int i = 0; i < 200000; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const int exponent = static_cast<int>(state >> 58) - 40;
    const double value = std::ldexp(
        static_cast<double>(static_cast<int64_t>(state << 6)) / 9.3e18,
        exponent);
    const auto expected = static_cast<_Float16>(value);
    ASSERT_EQ(Bits(value, DType::kF16), std::bit_cast<uint16_t>(expected))
        << value;
  }
}
#endif

TEST(HostTensor, RoundsOnceToNearestEven) {
  // 1 + 2^-8 is half way between two bf16 values and goes to the even one; a
  // hair above goes up, but not if it was rounded to float first.
  EXPECT_EQ(Bits(1 + 0x1p-8, DType::kBF16), 0x3f80);
  EXPECT_EQ(Bits(1 + 0x1p-8 + 0x1p-40, DType::kBF16), 0x3f81);
  EXPECT_EQ(Bits(1 + 3 * 0x1p-8, DType::kBF16), 0x3f82);
  EXPECT_EQ(Bits(1 + 0x1p-11 + 0x1p-40, DType::kF16), 0x3c01);
  EXPECT_EQ(Bits(0x1p-133, DType::kBF16), 0x0001);  // smallest subnormal
  EXPECT_EQ(Bits(0x1p-134, DType::kBF16), 0x0000);
  EXPECT_EQ(Bits(-0.0, DType::kBF16), 0x8000);
  EXPECT_EQ(Bits(1e300, DType::kBF16), 0x7f80);
  EXPECT_EQ(Bits(-kInf, DType::kF16), 0xfc00);
  EXPECT_EQ(Bits(65519.9, DType::kF16), 0x7bff);
  EXPECT_EQ(Bits(65520, DType::kF16), 0x7c00);
}

TEST(HostTensor, FloatAndDoubleRoundAlikeToBf16) {
  uint32_t state = 1;
  std::vector<float> values;
  for (int i = 0; i < 100000; ++i) {
    state = state * 1664525 + 1013904223;
    values.push_back(std::bit_cast<float>(state));
    if (!std::isfinite(values.back())) values.back() = 0;
  }
  const HostTensor f32 = HostTensor::FromF32({100000}, values);
  EXPECT_EQ(Convert(f32, DType::kBF16).bytes,
            Convert(Convert(f32, DType::kF64), DType::kBF16).bytes);
}

TEST(HostTensor, FindsTheFirstNonFiniteValue) {
  for (const DType dtype :
       {DType::kF64, DType::kF32, DType::kBF16, DType::kF16}) {
    const auto first = [&](const std::vector<double>& values) {
      return FirstNonFinite(Convert(HostTensor::FromF64({3}, values), dtype));
    };
    EXPECT_EQ(first({1, -2, 0}), -1);
    EXPECT_EQ(first({1, std::nan(""), kInf}), 1);
    EXPECT_EQ(first({1, 2, -kInf}), 2);
  }
}

TEST(HostTensor, RefusesIntegersAndAbsurdShapes) {
  MessageOf([] { Convert(HostTensor::FromI32({1}, {1}), DType::kF32); });
  const HostTensor huge{DType::kF32, {int64_t{1} << 40, int64_t{1} << 40}, {}};
  MessageOf([&] { huge.NumElements(); });
  EXPECT_EQ(ShapeText({2, 64}), "[2, 64]");
  EXPECT_EQ(ShapeText({}), "[]");
}

}  // namespace
}  // namespace plastometer
