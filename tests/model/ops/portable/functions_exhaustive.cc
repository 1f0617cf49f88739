// Every binary32 number: exp and log of each kernel table against the
// correctly rounded value, the composed functions of all tables against each
// other to the bit, with their largest error in ulp. Minutes on two cores;
// ctest label `nightly`.
#include <mpfr.h>

#include <algorithm>
#include <atomic>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "model/ops/portable/cpu/kernels.h"

namespace plastometer::portable {
namespace {

using Function = void (*)(const float*, float*, int64_t);
constexpr int64_t kBlock = 1 << 14;

float FromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// The correctly rounded value, through 200 bits.
float Exact(int (*function)(mpfr_t, const mpfr_t, mpfr_rnd_t), float x) {
  mpfr_t argument, value;
  mpfr_init2(argument, 24);
  mpfr_init2(value, 200);
  mpfr_set_flt(argument, x, MPFR_RNDN);
  function(value, argument, MPFR_RNDN);
  const float result = mpfr_get_flt(value, MPFR_RNDN);
  mpfr_clear(argument);
  mpfr_clear(value);
  return result;
}

// True when `value`, off by at most 2^-50 relative, rounds to one binary32
// number whatever the error was.
bool RoundsAlike(double value) {
  const double slack = std::abs(value) * 0x1p-50;
  return static_cast<float>(value - slack) == static_cast<float>(value + slack);
}

struct Primitive {
  const char* name;
  Function Kernels::*kernel;
  double (*nearly)(double);  // libm, within 1 ulp of binary64
  int (*exact)(mpfr_t, const mpfr_t, mpfr_rnd_t);
};
double NearlyExp(double x) { return std::exp(x); }
double NearlyLog(double x) { return std::log(x); }
const Primitive kPrimitives[] = {{"exp", &Kernels::exp, NearlyExp, mpfr_exp},
                                 {"log", &Kernels::log, NearlyLog, mpfr_log}};

bool SameFloat(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// sigmoid, silu, gelu, gelu' in long double.
long double Composed(int which, long double x) {
  const long double z =
      2 * 0.79788456080286535588L * x * (1 + 0.044715L * x * x);
  const long double s = 1 / (1 + std::exp(which < 2 ? -x : -z));
  switch (which) {
    case 0:
      return s;
    case 1:
      return x * s;
    case 2:
      return x * s;
    default:
      return s + x * s * (1 / (1 + std::exp(z))) * 2 * 0.79788456080286535588L *
                     (1 + 3 * 0.044715L * x * x);
  }
}
struct Composite {
  const char* name;
  Function Kernels::*kernel;
  double largest_ulps;  // where |x| <= 8; measured, see the definition
};
const Composite kComposites[] = {{"sigmoid", &Kernels::sigmoid, 2.6},
                                 {"silu", &Kernels::silu, 3.0},
                                 {"gelu", &Kernels::gelu, 90},
                                 {"gelu'", &Kernels::gelu_derivative, 1e9}};

struct Tally {
  std::mutex mutex;
  int64_t wrong = 0, differ = 0;
  double worst_ulps = 0;
  float worst_at = 0;
};

double Ulps(float value, long double exact) {
  int exponent;
  std::frexp(static_cast<double>(exact), &exponent);
  const long double ulp =
      std::ldexp(1.0L, std::max(exponent, FLT_MIN_EXP) - FLT_MANT_DIG);
  return static_cast<double>(std::abs(value - exact) / ulp);
}

// body(first, inputs): all 2^32 numbers in blocks, on all cores.
template <class Body>
void ForAll(const Body& body) {
  std::atomic<uint64_t> next{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < std::max(1U, std::thread::hardware_concurrency());
       ++t)
    threads.emplace_back([&] {
      std::vector<float> inputs(kBlock);
      for (;;) {
        const uint64_t first = next.fetch_add(kBlock);
        if (first >> 32 != 0) return;
        for (int64_t i = 0; i < kBlock; ++i)
          inputs[i] = FromBits(static_cast<uint32_t>(first + i));
        body(inputs);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

bool CheckPrimitive(const Primitive& primitive) {
  Tally tally;
  ForAll([&](const std::vector<float>& inputs) {
    std::vector<float> expected(kBlock), values(kBlock);
    for (int64_t i = 0; i < kBlock; ++i) {
      const double value = primitive.nearly(static_cast<double>(inputs[i]));
      expected[i] = std::isnan(value) || RoundsAlike(value)
                        ? static_cast<float>(value)
                        : Exact(primitive.exact, inputs[i]);
    }
    for (const Kernels* table : AvailableKernels()) {
      (table->*primitive.kernel)(inputs.data(), values.data(), kBlock);
      for (int64_t i = 0; i < kBlock; ++i) {
        if (SameFloat(values[i], expected[i])) continue;
        const std::lock_guard lock(tally.mutex);
        if (++tally.wrong <= 60)
          std::printf("%s %s(%a) = %a, expected %a\n", table->isa,
                      primitive.name, inputs[i], values[i], expected[i]);
      }
    }
  });
  std::printf("%s: %lld wrong of 2^32 in %zu tables\n", primitive.name,
              static_cast<long long>(tally.wrong), AvailableKernels().size());
  return tally.wrong == 0;
}

bool CheckComposite(int which) {
  const Composite& composite = kComposites[which];
  Tally tally;
  ForAll([&](const std::vector<float>& inputs) {
    std::vector<float> expected(kBlock), values(kBlock);
    (AvailableKernels().front()->*composite.kernel)(inputs.data(),
                                                    expected.data(), kBlock);
    for (const Kernels* table : AvailableKernels()) {
      (table->*composite.kernel)(inputs.data(), values.data(), kBlock);
      int64_t differ = 0;
      for (int64_t i = 0; i < kBlock; ++i)
        differ += SameFloat(values[i], expected[i]) ? 0 : 1;
      const std::lock_guard lock(tally.mutex);
      tally.differ += differ;
    }
    for (int64_t i = 0; i < kBlock; i += 16) {  // errors: every 16th number
      if (!(std::abs(inputs[i]) <= 8) || std::abs(inputs[i]) < 1e-30F) continue;
      const double ulps = Ulps(expected[i], Composed(which, inputs[i]));
      const std::lock_guard lock(tally.mutex);
      if (ulps > tally.worst_ulps) {
        tally.worst_ulps = ulps;
        tally.worst_at = inputs[i];
      }
    }
  });
  std::printf(
      "%s: %lld differ between tables; largest error for |x| <= 8: "
      "%.2f ulp at %a\n",
      composite.name, static_cast<long long>(tally.differ), tally.worst_ulps,
      tally.worst_at);
  return tally.differ == 0 && tally.worst_ulps <= composite.largest_ulps;
}

int Main(int argc, char** argv) {
  bool good = true;
  const std::string only = argc > 1 ? argv[1] : "";
  for (const Primitive& primitive : kPrimitives)
    if (only.empty() || only == primitive.name)
      good = CheckPrimitive(primitive) && good;
  for (int which = 0; which < 4; ++which)
    if (only.empty() || only == kComposites[which].name)
      good = CheckComposite(which) && good;
  return good ? 0 : 1;
}

}  // namespace
}  // namespace plastometer::portable

int main(int argc, char** argv) {
  return plastometer::portable::Main(argc, argv);
}
