// What CUDA offers here, without a CUDA or torch header. Two sources answer:
// cuda_loader.cc (preset gpu), which loads libplastometer_cuda.so from beside
// the program at run time, and no_cuda.cc, which says that this build has none.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace plastometer {

struct CudaDevice {
  int index = 0;
  std::string name;
  std::string uuid;  // "GPU-..." as the driver's tools print it
  int compute_major = 0;
  int compute_minor = 0;
  int num_multiprocessors = 0;
  uint64_t total_memory_bytes = 0;
};

struct CudaProbe {
  bool built = false;       // this build has a CUDA module
  std::string problem;      // why no device can be used; empty when one can
  int driver_version = 0;   // as CUDA counts: 13000 is 13.0; 0: no driver
  int runtime_version = 0;  // of the module's own runtime; 0: unknown
  std::vector<CudaDevice> devices;

  bool usable() const { return problem.empty() && !devices.empty(); }
};

// Never throws: what is wrong is in `problem`.
CudaProbe ProbeCuda();

// One line per fact, for `env` and for the test that requires a device.
std::string DescribeCuda(const CudaProbe& probe);

// Makes LibTorch's CUDA available; call it before the first use of a CUDA
// tensor. Safe to call again. Throws kInfrastructure with the dynamic loader's
// message (it names the library that is missing).
void LoadTorchCuda();

// A function of libplastometer_cuda.so by its C name
// (model/device/cuda_module.h declares them). Throws kInfrastructure when the
// module cannot be loaded or has no such function.
void* CudaFunction(const char* name);

// Runs one small kernel on the device: fused[i] = fmaf(a[i], b[i], c[i]) and
// separate[i] = a[i] * b[i] + c[i] with two roundings. Equal lengths. Throws
// kInfrastructure when CUDA reports an error.
struct CudaArithmetic {
  std::vector<float> fused;
  std::vector<float> separate;
};
CudaArithmetic RunCudaArithmetic(int device_idx, std::span<const float> a,
                                 std::span<const float> b,
                                 std::span<const float> c);

}  // namespace plastometer
