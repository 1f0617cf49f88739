// libplastometer_cuda.so: our CUDA code, with the CUDA runtime linked in.
// C++17, no torch, no C++20 headers of ours.
#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>

#include "model/device/cuda_module.h"

namespace plastometer {
namespace {

int Report(cudaError_t error, char* message) {
  if (error == cudaSuccess) {
    message[0] = '\0';
  } else {
    std::snprintf(message, kCudaMessageBytes, "%s: %s", cudaGetErrorName(error),
                  cudaGetErrorString(error));
    cudaGetLastError();  // an error that stays would be blamed on the next call
  }
  return static_cast<int>(error);
}

// The five arrays of the arithmetic check on the device, freed together.
struct DeviceArrays {
  float* base = nullptr;
  ~DeviceArrays() { cudaFree(base); }
};

// Built with -fmad=false: a multiply and an add fuse only where fmaf is
// written.
__global__ void ArithmeticKernel(const float* a, const float* b, const float* c,
                                 float* fused, float* separate, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  fused[i] = fmaf(a[i], b[i], c[i]);
  separate[i] = a[i] * b[i] + c[i];
}

cudaError_t RunArithmetic(int device_idx, const float* const inputs[3],
                          float* const outputs[2], int n) {
  const size_t bytes = static_cast<size_t>(n) * sizeof(float);
  cudaError_t error = cudaSetDevice(device_idx);
  if (error != cudaSuccess) return error;
  DeviceArrays device;
  error = cudaMalloc(&device.base, 5 * bytes);
  if (error != cudaSuccess) return error;
  for (int k = 0; k < 3; ++k) {
    error = cudaMemcpy(device.base + k * n, inputs[k], bytes,
                       cudaMemcpyHostToDevice);
    if (error != cudaSuccess) return error;
  }
  float* p = device.base;
  ArithmeticKernel<<<(n + 127) / 128, 128>>>(p, p + n, p + 2 * n, p + 3 * n,
                                             p + 4 * n, n);
  error = cudaGetLastError();
  for (int k = 0; k < 2 && error == cudaSuccess; ++k) {
    error =
        cudaMemcpy(outputs[k], p + (3 + k) * n, bytes, cudaMemcpyDeviceToHost);
  }
  return error;
}

}  // namespace

#define PLASTOMETER_EXPORT extern "C" __attribute__((visibility("default")))

PLASTOMETER_EXPORT int plastometer_cuda_count(int* num_devices,
                                              int* driver_version,
                                              int* runtime_version,
                                              char* message) {
  *num_devices = *driver_version = *runtime_version = 0;
  cudaDriverGetVersion(driver_version);
  cudaRuntimeGetVersion(runtime_version);
  return Report(cudaGetDeviceCount(num_devices), message);
}

PLASTOMETER_EXPORT int plastometer_cuda_device(int device_idx,
                                               CudaModuleDevice* device,
                                               char* message) {
  cudaDeviceProp properties;
  const cudaError_t error = cudaGetDeviceProperties(&properties, device_idx);
  if (error != cudaSuccess) return Report(error, message);
  std::snprintf(device->name, sizeof(device->name), "%s", properties.name);
  std::memcpy(device->uuid, properties.uuid.bytes, sizeof(device->uuid));
  device->compute_major = properties.major;
  device->compute_minor = properties.minor;
  device->num_multiprocessors = properties.multiProcessorCount;
  device->total_memory_bytes = properties.totalGlobalMem;
  return Report(cudaSuccess, message);
}

PLASTOMETER_EXPORT int plastometer_cuda_arithmetic(
    int device_idx, const float* a, const float* b, const float* c,
    float* fused, float* separate, int n, char* message) {
  const float* inputs[] = {a, b, c};
  float* outputs[] = {fused, separate};
  return Report(RunArithmetic(device_idx, inputs, outputs, n), message);
}

}  // namespace plastometer
