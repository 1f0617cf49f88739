// The fixture of all GPU tests: exit 0 and the device's name when our CUDA
// module and LibTorch's CUDA can both be used, else one message and exit 8.
#include <ATen/Context.h>

#include <cstdio>
#include <exception>

#include "base/error.h"
#include "model/device/device.h"

namespace {

void RequireDevice() {
  const plastometer::CudaProbe probe = plastometer::ProbeCuda();
  if (!probe.usable()) {
    throw plastometer::InfrastructureError(
        "preset gpu needs a usable NVIDIA GPU, and there is none here: " +
        probe.problem +
        "\nNo GPU test was run. Run `ctest --preset cpu` on this machine, or "
        "`ctest --preset gpu` on one with a GPU.");
  }
  std::printf("%s", plastometer::DescribeCuda(probe).c_str());
  plastometer::LoadTorchCuda();
  if (!at::globalContext().hasCUDA()) {
    throw plastometer::InfrastructureError(
        "our CUDA module sees the device, but LibTorch's CUDA library does "
        "not");
  }
}

}  // namespace

int main() {
  try {
    RequireDevice();
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "gpu.device: %s\n", e.what());
    return static_cast<int>(plastometer::ErrorKind::kInfrastructure);
  }
}
