// Finds libplastometer_cuda.so and libtorch_cuda.so when they are first asked
// for: the program itself starts anywhere.
#include <dlfcn.h>
#include <link.h>

#include <cstdio>
#include <filesystem>
#include <mutex>

#include "base/error.h"
#include "model/device/cuda_module.h"
#include "model/device/device.h"

namespace plastometer {

namespace {

constexpr const char* kModuleName = "libplastometer_cuda.so";

std::string LoaderMessage() {
  const char* text = dlerror();
  return text != nullptr ? text : "no message from the dynamic loader";
}

// Beside the program, or one folder up (test programs live in tests/ of the
// build folder).
std::filesystem::path FindModule() {
  const auto folder =
      std::filesystem::read_symlink("/proc/self/exe").parent_path();
  for (const auto& place : {folder, folder.parent_path()}) {
    if (std::filesystem::exists(place / kModuleName))
      return place / kModuleName;
  }
  throw InfrastructureError(
      std::string(kModuleName) + " is not beside the program in " +
      folder.string() +
      "; build all of preset gpu: cmake --build --preset gpu");
}

void* Module() {
  static std::mutex mutex;
  static void* module = nullptr;
  const std::lock_guard lock(mutex);
  if (module == nullptr) {
    // RTLD_LOCAL: the CUDA runtime inside the module is not to meet LibTorch's.
    module = dlopen(FindModule().c_str(), RTLD_NOW | RTLD_LOCAL);
    if (module == nullptr)
      throw InfrastructureError("cannot load the CUDA module: " +
                                LoaderMessage());
  }
  return module;
}

template <typename F>
F* Function(const char* name, F* /*type*/) {
  return reinterpret_cast<F*>(CudaFunction(name));
}
#define PLASTOMETER_CUDA_FUNCTION(name) Function(#name, decltype(&name){})

std::string UuidText(const unsigned char (&b)[16]) {
  char text[48];
  std::snprintf(text, sizeof(text),
                "GPU-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%"
                "02x%02x%02x",
                b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9],
                b[10], b[11], b[12], b[13], b[14], b[15]);
  return text;
}

CudaDevice ReadDevice(int index) {
  CudaModuleDevice raw{};
  char message[kCudaMessageBytes];
  if (PLASTOMETER_CUDA_FUNCTION(plastometer_cuda_device)(index, &raw,
                                                         message) != 0) {
    throw InfrastructureError("device " + std::to_string(index) + ": " +
                              message);
  }
  return {.index = index,
          .name = raw.name,
          .uuid = UuidText(raw.uuid),
          .compute_major = raw.compute_major,
          .compute_minor = raw.compute_minor,
          .num_multiprocessors = raw.num_multiprocessors,
          .total_memory_bytes = raw.total_memory_bytes};
}

void ReadDevices(CudaProbe* probe) {
  int num_devices = 0;
  char message[kCudaMessageBytes];
  const int error = PLASTOMETER_CUDA_FUNCTION(plastometer_cuda_count)(
      &num_devices, &probe->driver_version, &probe->runtime_version, message);
  if (error != 0) {
    probe->problem = message;
    if (probe->driver_version == 0)
      probe->problem += " (no NVIDIA driver is loaded on this machine)";
    return;
  }
  if (num_devices == 0)
    probe->problem =
        "the driver reports no device; is CUDA_VISIBLE_DEVICES empty?";
  for (int i = 0; i < num_devices; ++i) probe->devices.push_back(ReadDevice(i));
}

// The folder of the libtorch_cpu.so that this process has loaded; its
// libtorch_cuda.so is the only one that fits.
std::filesystem::path TorchFolder() {
  std::filesystem::path folder;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        const std::filesystem::path path(info->dlpi_name);
        if (path.filename() != "libtorch_cpu.so") return 0;
        *static_cast<std::filesystem::path*>(out) = path.parent_path();
        return 1;
      },
      &folder);
  if (folder.empty())
    throw InternalError(
        "LoadTorchCuda was called in a program that does not link LibTorch");
  return folder;
}

}  // namespace

CudaProbe ProbeCuda() {
  CudaProbe probe;
  probe.built = true;
  try {
    ReadDevices(&probe);
  } catch (const std::exception& e) {
    probe.problem = e.what();
  }
  return probe;
}

void LoadTorchCuda() {
  const std::string library = (TorchFolder() / "libtorch_cuda.so").string();
  // RTLD_GLOBAL: LibTorch's own libraries look each other's symbols up. A
  // second call returns the library already there.
  if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw InfrastructureError(
        "cannot load LibTorch's CUDA library: " + LoaderMessage() +
        "\nIt needs the CUDA 13 libraries (cuBLAS, cuDNN, cuSPARSE, NCCL, "
        "...): point LIBTORCH_ROOT at the "
        "torch 2.11.0 of a Python that has them, configure again, or add their "
        "folders to LD_LIBRARY_PATH.");
  }
}

void* CudaFunction(const char* name) {
  void* function = dlsym(Module(), name);
  if (function == nullptr) {
    throw InfrastructureError(std::string(kModuleName) + " has no function " +
                              name +
                              "; it is of another build than the program: "
                              "cmake --build --preset gpu");
  }
  return function;
}

CudaArithmetic RunCudaArithmetic(int device_idx, std::span<const float> a,
                                 std::span<const float> b,
                                 std::span<const float> c) {
  if (a.size() != b.size() || a.size() != c.size())
    throw InternalError("RunCudaArithmetic: the inputs differ in length");
  CudaArithmetic result{std::vector<float>(a.size()),
                        std::vector<float>(a.size())};
  char message[kCudaMessageBytes];
  const int error = PLASTOMETER_CUDA_FUNCTION(plastometer_cuda_arithmetic)(
      device_idx, a.data(), b.data(), c.data(), result.fused.data(),
      result.separate.data(), static_cast<int>(a.size()), message);
  if (error != 0)
    throw InfrastructureError(std::string("CUDA arithmetic check: ") + message);
  return result;
}

}  // namespace plastometer
