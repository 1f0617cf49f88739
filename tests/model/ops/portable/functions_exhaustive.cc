// Every binary32 number: exp and log of each kernel table against the
// correctly rounded value, the composed functions of all tables against each
// other to the bit, and their largest errors. Minutes on two cores; ctest label
// `nightly`.
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
#include "tests/model/ops/portable/correctly_rounded.h"

namespace plastometer::portable {
namespace {

using Function = void (*)(const float*, float*, int64_t);
constexpr int64_t kBlock = 1 << 14;

float FromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// True when `value`, off by at most 2^-50 relative, rounds to one binary32
// number whatever the error was.
bool RoundsAlike(double value) {
  if (std::isinf(value)) return true;
  const double slack = std::abs(value) * 0x1p-50;
  return static_cast<float>(value - slack) == static_cast<float>(value + slack);
}

struct Primitive {
  const char* name;
  Function Kernels::*kernel;
  double (*nearly)(double);  // libm: documented to be within 1 ulp (2^-52)
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

// The mathematical functions in binary64: within 2^-44 of them, as exp's
// argument is (at most 2^7, a few roundings of 2^-53).
constexpr double kRootOf8OverPi = 1.5957691216057308;
double GeluExponent(double x) {
  return -kRootOf8OverPi * x * (1 + 0.044715 * x * x);
}
double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double Silu(double x) { return x / (1 + std::exp(-x)); }
double Gelu(double x) { return x / (1 + std::exp(GeluExponent(x))); }
double GeluDerivative(double x) {
  const double e = std::exp(GeluExponent(x)), s = 1 / (1 + e);
  const double slope = s / (1 + 1 / e);  // s (1 - s)
  return s + x * slope * kRootOf8OverPi * (1 + 3 * 0.044715 * x * x);
}

struct Composite {
  const char* name;
  Function Kernels::*kernel;
  double (*exact)(double);
  // From here on the error counts in ulp; of gelu', which has a zero, in 2^-24.
  // Below, where exp(-x) overflows or meets its limit, it counts over |x|.
  float first;
  bool absolute;
  float last;  // finite numbers beyond, in magnitude, are not measured
  double largest_error, largest_tail;  // measured, rounded up
};
constexpr float kAll = FLT_MAX;
const Composite kComposites[] = {
    {"sigmoid", &Kernels::sigmoid, Sigmoid, -87, false, kAll, 3, 0x1p-126},
    {"silu", &Kernels::silu, Silu, -88, false, kAll, 3, 0x1p-126},
    {"gelu", &Kernels::gelu, Gelu, -9.6F, false, kAll, 200, 0x1p-115},
    {"gelu'", &Kernels::gelu_derivative, GeluDerivative, -9.6F, true, 1e4F, 4,
     0x1p-80}};

struct Worst {
  double error = 0;
  float at = 0;
  void Take(double other, float x) {
    if (other > error || std::isnan(other)) error = other, at = x;
  }
};

struct Tally {
  std::mutex mutex;
  int64_t wrong = 0, differ = 0;
  Worst error, tail;
};

double Ulp(double exact) {
  int exponent;
  std::frexp(exact, &exponent);
  return std::ldexp(1.0, std::max(exponent, FLT_MIN_EXP) - FLT_MANT_DIG);
}

void Measure(const Composite& composite, float x, float value, Worst& error,
             Worst& tail) {
  if (!(std::abs(x) <= composite.last)) return;
  const double exact = composite.exact(x), off = std::abs(value - exact);
  if (x < composite.first) {
    tail.Take(off / -static_cast<double>(x), x);
  } else {
    error.Take(off / (composite.absolute ? 0x1p-24 : Ulp(exact)), x);
  }
}

// body(inputs): all 2^32 numbers in blocks, on all cores.
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
                        : CorrectlyRounded(primitive.exact, inputs[i]);
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

bool CheckComposite(const Composite& composite) {
  Tally tally;
  ForAll([&](const std::vector<float>& inputs) {
    std::vector<float> expected(kBlock), values(kBlock);
    (AvailableKernels().front()->*composite.kernel)(inputs.data(),
                                                    expected.data(), kBlock);
    int64_t differ = 0;
    for (const Kernels* table : AvailableKernels()) {
      if (table == AvailableKernels().front()) continue;
      (table->*composite.kernel)(inputs.data(), values.data(), kBlock);
      for (int64_t i = 0; i < kBlock; ++i)
        differ += SameFloat(values[i], expected[i]) ? 0 : 1;
    }
    Worst error, tail;
    for (int64_t i = 0; i < kBlock; ++i)
      Measure(composite, inputs[i], expected[i], error, tail);
    const std::lock_guard lock(tally.mutex);
    tally.differ += differ;
    tally.error.Take(error.error, error.at);
    tally.tail.Take(tail.error, tail.at);
  });
  std::printf(
      "%s: %lld differ between tables; largest error %.3f %s at %a (%g), below "
      "x = %g: %.3g |x| at %a (%g)\n",
      composite.name, static_cast<long long>(tally.differ), tally.error.error,
      composite.absolute ? "* 2^-24" : "ulp", tally.error.at, tally.error.at,
      composite.first, tally.tail.error, tally.tail.at, tally.tail.at);
  return tally.differ == 0 && tally.error.error <= composite.largest_error &&
         tally.tail.error <= composite.largest_tail;
}

int Main(int argc, char** argv) {
  bool good = true;
  const std::string only = argc > 1 ? argv[1] : "";
  for (const Primitive& primitive : kPrimitives)
    if (only.empty() || only == primitive.name)
      good = CheckPrimitive(primitive) && good;
  for (const Composite& composite : kComposites)
    if (only.empty() || only == composite.name)
      good = CheckComposite(composite) && good;
  return good ? 0 : 1;
}

}  // namespace
}  // namespace plastometer::portable

int main(int argc, char** argv) {
  return plastometer::portable::Main(argc, argv);
}
