// RoPE's tables, correctly rounded: computed once, with 64-bit significands,
// and refused where those would not settle the rounding.
#include <cmath>
#include <string>

#include "base/error.h"
#include "model/ops/portable/cpu/kernels.h"

namespace plastometer::portable {
namespace {

// libm's long double functions are off by an ulp or two (2^-63). An angle is
// off by at most 2^-58 of itself: the exponent's rounding (2^-64) times
// log(theta), and pow's own. cos and sin carry that on as an absolute error.
float Rounded(long double value, long double angle, const char* function,
              int64_t token, int64_t pair) {
  const long double slack = angle * 0x1p-58L + std::abs(value) * 0x1p-61L;
  if (static_cast<float>(value - slack) != static_cast<float>(value + slack)) {
    throw InternalError(std::string("RoPE: ") + function + " of token " +
                        std::to_string(token) + ", pair " +
                        std::to_string(pair) +
                        " lies too near the middle of two fp32 numbers");
  }
  return static_cast<float>(value);
}

}  // namespace

void RopeTables(double theta, int64_t head_dim, std::vector<float>& cos,
                std::vector<float>& sin) {
  const int64_t num_pairs = head_dim / 2;
  cos.clear();
  sin.clear();
  for (int64_t t = 0; t < kBatchTokens; ++t) {
    for (int64_t i = 0; i < num_pairs; ++i) {
      const long double angle =
          static_cast<long double>(t) *
          std::pow(static_cast<long double>(theta),
                   -2.0L * static_cast<long double>(i) /
                       static_cast<long double>(head_dim));
      cos.push_back(Rounded(std::cos(angle), angle, "cos", t, i));
      sin.push_back(Rounded(std::sin(angle), angle, "sin", t, i));
    }
  }
}

void InterleaveRope(const std::vector<float>& cos,
                    const std::vector<float>& sin, std::vector<float>& of_even,
                    std::vector<float>& of_odd) {
  of_even.clear();
  of_odd.clear();
  for (size_t i = 0; i < cos.size(); ++i) {
    of_even.insert(of_even.end(), {cos[i], sin[i]});
    of_odd.insert(of_odd.end(), {-sin[i], cos[i]});
  }
}

}  // namespace plastometer::portable
