#include "model/ops/native/cpu/bf16_few_rows.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "base/error.h"
#include "model/ops/native/cpu/bf16_ops.h"

namespace plastometer {
namespace {

bool HasAvx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw");
#else
  return false;
#endif
}

// Every number of rows, widths around 16 and outputs around 4; x is a whole
// number and weights are multiples of 1/8, so that every sum is exact.
TEST(Bf16FewRows, IsTheExactProduct) {
  if (!HasAvx512()) {  // then the lane is refused, and nobody calls it
    EXPECT_THROW(ops::Bf16Ops::CheckMachine("cpu-native-bf16"), Error);
    return;
  }
  std::mt19937 random(1);
  const auto draw = [&] { return static_cast<float>(int(random() % 17) - 8); };
  for (int64_t rows = 1; rows <= native::kFewRows; ++rows) {
    for (const int64_t K : {1, 15, 16, 17, 48, 100}) {
      for (const int64_t N : {1, 3, 4, 5, 9}) {
        std::vector<float> x(rows * K), weights(N * K), y(rows * (N + 2), -1);
        std::vector<uint16_t> bits;
        for (float& v : x) v = draw();
        for (float& w : weights) {
          w = draw() / 8;
          bits.push_back(
              static_cast<uint16_t>(std::bit_cast<uint32_t>(w) >> 16));
        }
        native::MultiplyFewRows(x.data(), rows, K, bits.data(), N, y.data(),
                                N + 2);
        for (int64_t r = 0; r < rows; ++r) {
          for (int64_t n = 0; n < N; ++n) {
            float expected = 0;
            for (int64_t k = 0; k < K; ++k)
              expected += x[r * K + k] * weights[n * K + k];
            EXPECT_EQ(y[r * (N + 2) + n], expected)
                << rows << " " << K << " " << N;
          }
          EXPECT_EQ(y[r * (N + 2) + N], -1);  // nothing beyond
        }
      }
    }
  }
}

}  // namespace
}  // namespace plastometer
