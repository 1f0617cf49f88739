#include "harness/pins/pins.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/lane.h"

extern const char* const kPlastometerCodeTree;
extern const bool kPlastometerBuiltFromCommit;

namespace plastometer {
namespace {

// Set to the process's id, which exec keeps, in the program that was started
// anew, so that it cannot happen twice; another's value says nothing.
constexpr char kGuard[] = "PLASTOMETER_PINNED";

bool StartedAnew() {
  const char* guard = std::getenv(kGuard);
  return guard != nullptr && guard == std::to_string(getpid());
}

const std::vector<EnvironmentPin>& CommonPins() {
  static const std::vector<EnvironmentPin> pins = {
      {"OMP_DYNAMIC", "FALSE", "no fewer threads than asked for"},
      {"MKL_DYNAMIC", "FALSE", "no fewer threads than asked for"},
      {"NVIDIA_TF32_OVERRIDE", "0", "fp32 products keep 24 bits"},
      {"CUBLAS_WORKSPACE_CONFIG", ":4096:8", "cuBLAS repeats itself"},
      {"CUDA_FORCE_PTX_JIT", "0", "the compiled kernels, not the driver's"},
  };
  return pins;
}

const std::vector<EnvironmentPin>& ReferencePins() {
  static const std::vector<EnvironmentPin> pins = {
      {"ATEN_CPU_CAPABILITY", "avx2", "one instruction set everywhere"},
      {"ONEDNN_MAX_CPU_ISA", "AVX2", "one instruction set everywhere"},
      {"MKL_CBWR", "AVX2", "MKL's code path does not depend on the CPU"},
  };
  return pins;
}

// The variable's value differs from the pin; an accepted spelling does not.
bool Contradicts(const std::string& value, const std::string& pinned) {
  return strcasecmp(value.c_str(), pinned.c_str()) != 0;
}

}  // namespace

std::vector<EnvironmentPin> PinsFor(const std::vector<std::string>& lanes) {
  std::vector<EnvironmentPin> pins = CommonPins();
  const std::string *reference = nullptr, *bf16 = nullptr;
  for (const std::string& lane : lanes) {
    if (TraitsOf(lane).is_reference()) reference = &lane;
    if (TraitsOf(lane).bf16_products) bf16 = &lane;
  }
  if (reference != nullptr && bf16 != nullptr)
    throw UsageError("lanes " + *reference + " and " + *bf16 +
                     " cannot share a process: one needs ONEDNN_MAX_CPU_ISA="
                     "AVX2, the other oneDNN's bf16 products; use two suites");
  if (reference != nullptr)
    pins.insert(pins.end(), ReferencePins().begin(), ReferencePins().end());
  return pins;
}

std::vector<EnvironmentPin> LocalePins() {
  return {{"LC_ALL", "C.UTF-8", "always set by this program"},
          {"TZ", "UTC", "always set by this program"}};
}

void ApplyPins(const std::vector<EnvironmentPin>& pins, char** argv) {
  const char* tf32 = std::getenv("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE");
  if (tf32 != nullptr && std::strcmp(tf32, "0") != 0)
    throw RefusedError("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE is '" +
                       std::string(tf32) +
                       "'; expected it to be unset: it lets LibTorch round "
                       "fp32 products to 11 bits");
  bool missing = false;
  for (const EnvironmentPin& pin : pins) {
    const char* value = std::getenv(pin.variable.c_str());
    if (value != nullptr && Contradicts(value, pin.value))
      throw RefusedError(pin.variable + " is '" + value + "', pinned to '" +
                         pin.value + "' (" + pin.why +
                         "); unset it, or set it to that");
    missing = missing || value == nullptr;
  }
  for (const EnvironmentPin& pin : LocalePins())
    setenv(pin.variable.c_str(), pin.value.c_str(), /*overwrite=*/1);
  if (!missing) {
    unsetenv(kGuard);  // a program that this one starts may pin more
    return;
  }
  if (StartedAnew())
    throw InternalError("the environment is not as pinned after starting anew");
  for (const EnvironmentPin& pin : pins)
    setenv(pin.variable.c_str(), pin.value.c_str(), 1);
  setenv(kGuard, std::to_string(getpid()).c_str(), 1);
  execv("/proc/self/exe", argv);
  throw InfrastructureError(
      "cannot start this program anew with the pinned environment: " +
      std::string(std::strerror(errno)));
}

std::string CodeTree() { return kPlastometerCodeTree; }
bool BuiltFromCommit() { return kPlastometerBuiltFromCommit; }

}  // namespace plastometer
