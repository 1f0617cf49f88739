#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/train/kernels/kernels.h"

namespace plastometer::train {

extern const Kernels kKernelsBaseline;
#if defined(__x86_64__)
extern const Kernels kKernelsV3, kKernelsV4;
#endif

const Kernels* KernelsByName(const char* name) {
  if (std::strcmp(name, "baseline") == 0) return &kKernelsBaseline;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") &&
                  __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi2");
  if (std::strcmp(name, "v3") == 0) return v3 ? &kKernelsV3 : nullptr;
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") &&
                  __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") &&
                  __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  if (std::strcmp(name, "v4") == 0) return v4 ? &kKernelsV4 : nullptr;
#endif
  return nullptr;
}

namespace {

// Slowest first: what PLASTOMETER_MAX_ISA says, and our table for it.
struct IsaTable {
  std::string_view cap;
  const char* table;
};
constexpr IsaTable kIsaTables[] = {
    {"scalar", "baseline"}, {"avx2", "v3"}, {"avx512", "v4"}};

const Kernels& FastestWithin(std::string_view cap) {
  const Kernels* fastest = nullptr;
  for (const IsaTable& isa : kIsaTables) {
    if (const Kernels* kernels = KernelsByName(isa.table)) fastest = kernels;
    if (isa.cap == cap) return *fastest;
  }
  throw UsageError("PLASTOMETER_MAX_ISA=" + std::string(cap) +
                   ": expected scalar, avx2 or avx512");
}

}  // namespace

const Kernels& SelectKernels() {
  static const Kernels& selected = []() -> const Kernels& {
    if (std::getenv("PLASTOMETER_TRAIN_ISA") != nullptr)
      throw UsageError(
          "PLASTOMETER_TRAIN_ISA is no more: set PLASTOMETER_MAX_ISA to "
          "scalar, "
          "avx2 or avx512, for all kernels");
    const char* cap = std::getenv("PLASTOMETER_MAX_ISA");
    return FastestWithin(cap == nullptr || *cap == '\0' ? "avx512" : cap);
  }();
  return selected;
}

}  // namespace plastometer::train
