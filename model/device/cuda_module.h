// The functions of libplastometer_cuda.so: C names and plain types, read by
// nvcc as C++17 and by g++ as C++20. Each returns 0 or a cudaError_t, and
// writes its text into `message` (at most kCudaMessageBytes with the ending
// zero).
#pragma once
#include <cstdint>

namespace plastometer {

constexpr int kCudaMessageBytes = 512;

struct CudaModuleDevice {
  char name[256];
  unsigned char uuid[16];
  int compute_major;
  int compute_minor;
  int num_multiprocessors;
  uint64_t total_memory_bytes;
};

extern "C" {

// Versions and the number of devices. Versions are filled in even when the
// result is an error.
int plastometer_cuda_count(int* num_devices, int* driver_version,
                           int* runtime_version, char* message);

int plastometer_cuda_device(int device_idx, CudaModuleDevice* device,
                            char* message);

// Host pointers to `n` floats each.
int plastometer_cuda_arithmetic(int device_idx, const float* a, const float* b,
                                const float* c, float* fused, float* separate,
                                int n, char* message);
}

}  // namespace plastometer
