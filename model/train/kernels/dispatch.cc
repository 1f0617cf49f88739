#include <cstdlib>
#include <cstring>
#include <string>

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

const Kernels& SelectKernels() {
  static const Kernels& selected = []() -> const Kernels& {
    const char* wanted = std::getenv("PLASTOMETER_TRAIN_ISA");
    if (wanted != nullptr && *wanted != '\0') {
      const Kernels* kernels = KernelsByName(wanted);
      if (kernels == nullptr) {
        throw UsageError(
            std::string("PLASTOMETER_TRAIN_ISA=") + wanted +
            ": expected baseline, v3 or v4, and a CPU that has it");
      }
      return *kernels;
    }
    for (const char* name : {"v4", "v3"}) {
      if (const Kernels* kernels = KernelsByName(name)) return *kernels;
    }
    return kKernelsBaseline;
  }();
  return selected;
}

}  // namespace plastometer::train
