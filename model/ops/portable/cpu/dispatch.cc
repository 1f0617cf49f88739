#include <cfloat>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "model/ops/portable/cpu/kernels.h"

namespace plastometer::portable {
namespace {

// The x87 unit has a control word of its own, with a precision in it.
bool KeepsLongDouble() {
  const volatile long double one = 1.0L, quarter_ulp = LDBL_EPSILON / 4,
                             three_quarters = LDBL_EPSILON * 0.75L;
  const volatile long double down = one + quarter_ulp,
                             up = one + three_quarters;
  return down == 1.0L && up == 1.0L + LDBL_EPSILON;
}

// By what it does, not by the control register: the same on every CPU.
// volatile: nothing is computed by the compiler.
void RequireDefaultEnvironment() {
  const volatile float one = 1.0f, quarter_ulp = 0x1p-25f,
                       three_quarters = 0x1.8p-24f, smallest_normal = FLT_MIN,
                       subnormal = 0x1p-149f, half = 0.5f, large = 0x1p100f;
  const float down = one + quarter_ulp, up = one + three_quarters;
  const char* met = nullptr;
  if (down != 1.0f || up != 1.0f + FLT_EPSILON) met = "another rounding mode";
  if (smallest_normal * half == 0.0f) met = "results flushed to zero (FTZ)";
  if (subnormal * large == 0.0f) met = "subnormals read as zero (DAZ)";
  if (!KeepsLongDouble())
    met = "long double of fewer bits (RoPE's tables need all of them)";
  if (met == nullptr) return;
  throw InfrastructureError(
      std::string("cpu-portable: floating-point environment of this thread: ") +
      met +
      "; expected rounding to nearest and subnormals kept; something in this "
      "process changed it (torch::set_flush_denormal, -ffast-math, "
      "LD_PRELOAD)");
}

// Slowest first.
const char* const kNames[] = {"scalar", "avx2", "avx512"};

}  // namespace

const Kernels& SelectKernels() {
  RequireDefaultEnvironment();
  const auto& tables = AvailableKernels();
  const char* cap = std::getenv("PLASTOMETER_MAX_ISA");
  if (cap == nullptr || *cap == '\0') return *tables.back();
  const Kernels* selected = nullptr;
  for (const std::string name : kNames) {
    for (const Kernels* table : tables)
      if (table->isa == name) selected = table;
    if (name == cap) return *selected;
  }
  throw UsageError(std::string("PLASTOMETER_MAX_ISA=") + cap +
                   ": expected scalar, avx2 or avx512");
}

}  // namespace plastometer::portable
