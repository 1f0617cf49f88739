// The arithmetic that the portable lane stands on: fmaf rounds once, a * b + c
// rounds twice, to the bit as on the host.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "model/device/device.h"

namespace plastometer {
namespace {

TEST(CudaModule, FusesOnlyWhereWritten) {
  // a * a = 1 + 2^-11 + 2^-24 lies halfway between two floats; the tie goes to
  // 1 + 2^-11, so two roundings leave 0.
  const std::vector<float> a{1.0f + 0x1p-12f};
  const std::vector<float> c{-(1.0f + 0x1p-11f)};
  const CudaArithmetic result = RunCudaArithmetic(0, a, a, c);
  EXPECT_EQ(result.fused[0], 0x1p-24f);
  EXPECT_EQ(result.separate[0], 0.0f);
}

TEST(CudaModule, SameBitsAsTheHostWithSubnormals) {
  std::vector<float> a, b, c;
  uint32_t state = 12345;
  const auto next = [&state] { return state = state * 1664525u + 1013904223u; };
  for (int i = 0; i < 4096; ++i) {
    a.push_back(std::ldexp(1.0f + static_cast<float>(next() >> 9) * 0x1p-23f,
                           static_cast<int>(next() >> 26) - 75));
    b.push_back(std::ldexp(1.0f + static_cast<float>(next() >> 9) * 0x1p-23f,
                           static_cast<int>(next() >> 26) - 75));
    c.push_back(-a.back() * b.back());
  }
  const CudaArithmetic result = RunCudaArithmetic(0, a, b, c);
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(result.fused[i]),
              std::bit_cast<uint32_t>(std::fma(a[i], b[i], c[i])))
        << i;
    ASSERT_EQ(std::bit_cast<uint32_t>(result.separate[i]),
              std::bit_cast<uint32_t>(a[i] * b[i] + c[i]))
        << i;
  }
}

}  // namespace
}  // namespace plastometer
