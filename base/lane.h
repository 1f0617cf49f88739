// A lane is device + arithmetic + dtype. Asking for one never falls back
// silently to another. What is true of a lane stands in one table (lane.cc);
// nobody reads it off a lane's name.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/host_tensor.h"

namespace plastometer {

enum class Lane {
  kCpuReference,
  kCpuReferenceFp64,
  kCudaReference,
  kCpuPortable,
  kCpuNative,
  kCpuNativeBf16,
  // Not in this version.
  kCudaPortable,
  kCudaNative,
  kCudaNativeBf16
};

enum class LaneDevice { kCpu, kCuda };
// kReference: LibTorch's operations and threads. The others have their own.
enum class LaneArithmetic { kReference, kPortable, kNative };

struct LaneTraits {
  Lane lane;
  const char* name;
  LaneDevice device;
  LaneArithmetic arithmetic;
  DType dtype = DType::kF32;  // of activations, fast weights and losses
  bool bf16_products = false;
  bool available = true;

  bool on_cpu() const { return device == LaneDevice::kCpu; }
  bool is_reference() const { return arithmetic == LaneArithmetic::kReference; }
  // The same bits on every machine, with any threads, batch and chunks.
  bool promises_bits() const { return arithmetic == LaneArithmetic::kPortable; }
  int64_t loss_bytes() const { return DTypeBytes(dtype); }
  // What names the lane in a numeric class: lanes of one arithmetic that
  // promises bits share it.
  std::string class_stem() const {
    return promises_bits() ? "portable-1" : name;
  }
};

const LaneTraits& TraitsOf(Lane lane);
// Of a known lane, also one that this version lacks. Throws kUsage that lists
// the available ones.
const LaneTraits& TraitsOf(const std::string& name);

// Throws kUsage for an unknown name, and for a known lane that this version
// does not have; lists those it has.
Lane ParseLane(const std::string& name);
std::string ToString(Lane lane);

std::vector<std::string> AvailableLanes();

}  // namespace plastometer
