// The answers of a build without CUDA.
#include "base/error.h"
#include "model/device/device.h"

namespace plastometer {

namespace {
constexpr const char* kNoCuda =
    "this build has no CUDA module; build it with: cmake --workflow --preset "
    "gpu (needs nvcc)";
}

CudaProbe ProbeCuda() {
  CudaProbe probe;
  probe.problem = kNoCuda;
  return probe;
}

void LoadTorchCuda() { throw InfrastructureError(kNoCuda); }

void* CudaFunction(const char* name) {
  throw InfrastructureError(std::string(name) + ": " + kNoCuda);
}

CudaArithmetic RunCudaArithmetic(int device_idx, std::span<const float> a,
                                 std::span<const float> b,
                                 std::span<const float> c) {
  throw InfrastructureError(kNoCuda);
}

}  // namespace plastometer
