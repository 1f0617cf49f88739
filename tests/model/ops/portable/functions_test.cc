// exp and log are correctly rounded, on a stratified million; all 2^32 numbers:
// functions_exhaustive.cc.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tests/model/ops/portable/correctly_rounded.h"
#include "tests/model/ops/portable/testing.h"

namespace plastometer::portable {
namespace {

using judge::Values;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Every sign and exponent, 2048 mantissas of each.
Values Stratified() {
  Random random(41);
  Values values;
  for (int64_t high = 0; high < 512; ++high) {
    for (int i = 0; i < 2048; i += kStep) {
      const auto bits = static_cast<uint32_t>(
          high << 23 | (i == 0   ? 0
                        : i == 1 ? 0x7fffff
                                 : random.Integer(0, 0x7fffff)));
      values.push_back(std::bit_cast<float>(bits));
    }
  }
  return values;
}

// To the bit, but NaN is NaN.
void ExpectEqual(const Values& x, const Values& expected, const Values& actual,
                 const std::string& what) {
  int failures = 0;
  for (size_t i = 0; i < x.size() && failures < 5; ++i) {
    if (std::isnan(expected[i]) && std::isnan(actual[i])) continue;
    if (std::bit_cast<uint32_t>(expected[i]) !=
        std::bit_cast<uint32_t>(actual[i])) {
      ADD_FAILURE() << what << "(" << std::hexfloat << x[i]
                    << ") = " << actual[i] << ", expected " << expected[i];
      ++failures;
    }
  }
}

// exp and log of every table.
void ExpectCorrectlyRounded(const Values& x) {
  Values exp, log;
  for (const float v : x) {
    exp.push_back(CorrectlyRounded(mpfr_exp, v));
    log.push_back(CorrectlyRounded(mpfr_log, v));
  }
  for (const Kernels* table : AvailableKernels()) {
    Values y(x.size());
    table->exp(x.data(), y.data(), static_cast<int64_t>(x.size()));
    ExpectEqual(x, exp, y, std::string(table->isa) + " exp");
    table->log(x.data(), y.data(), static_cast<int64_t>(x.size()));
    ExpectEqual(x, log, y, std::string(table->isa) + " log");
  }
}

TEST(Functions, ExpAndLogAreCorrectlyRounded) {
  const Values x = Stratified();
  ASSERT_GE(x.size() * kStep, 1000000U);
  ExpectCorrectlyRounded(x);
}

TEST(Functions, ComposedOnesAreTheJudge) {
  const Values all = Stratified();
  Values x;
  for (size_t i = 0; i < all.size(); i += 7) x.push_back(all[i]);
  struct Function {
    const char* name;
    void (*Kernels::*kernel)(const float*, float*, int64_t);
    float (*judge)(float);
  };
  for (const Function& f :
       {Function{"sigmoid", &Kernels::sigmoid, judge::Sigmoid},
        {"silu", &Kernels::silu, judge::Silu},
        {"gelu", &Kernels::gelu, judge::Gelu},
        {"gelu'", &Kernels::gelu_derivative, judge::GeluDerivative}}) {
    Values expected;
    for (const float v : x) expected.push_back(f.judge(v));
    for (const Kernels* table : AvailableKernels()) {
      Values y(x.size());
      (table->*f.kernel)(x.data(), y.data(), static_cast<int64_t>(x.size()));
      for (size_t i = 0; i < x.size(); ++i) {
        if (!std::isfinite(expected[i]) && !std::isfinite(y[i]))
          y[i] = expected[i];  // outside the contract
      }
      ExpectEqual(x, expected, y, std::string(table->isa) + " " + f.name);
    }
  }
}

TEST(Functions, EdgesAndHardCases) {
  const Values x = {0.0F,
                    -0.0F,
                    kInfinity,
                    -kInfinity,
                    0x1.62e43p6F,
                    0x1.62e42ep6F,
                    -0x1.9fe368p6F,
                    -104.0F,
                    0x1p-149F,
                    -0x1p-149F,
                    1.0F,
                    -1.0F,
                    -0x1.d2259ap+3F,
                    -0x1.e1dbe2p-8F,
                    -0x1.c1c4b8p-10F,
                    -0x1p-25F,
                    0x1.fdff02p-17F,
                    0x1.62b666p+1F,
                    0x1.036492p+1F,
                    0x1.112856p+6F,
                    0x1.827a74p-7F,
                    0x1.2f1fd6p+3F,
                    0x1.bacb4ap+25F,
                    0x1.b121a6p+76F,
                    0x1.6351d8p+95F,
                    0x1.fffffep127F,
                    std::nanf("")};
  ExpectCorrectlyRounded(x);
}

}  // namespace
}  // namespace plastometer::portable
