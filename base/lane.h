// A lane is device + arithmetic + dtype. Asking for one never falls back
// silently to another.
#pragma once
#include <string>
#include <vector>

namespace plastometer {

enum class Lane {
  kCpuReference,
  kCpuReferenceFp64,
  kCudaReference,
  kCpuPortable,
  kCpuNative,
  kCpuNativeBf16
};

// Throws kUsage for an unknown name, and for a known lane that this version
// does not have; lists those it has.
Lane ParseLane(const std::string& name);
std::string ToString(Lane lane);
// The rest are not the CPU's.
bool IsCpu(Lane lane);

std::vector<std::string> AvailableLanes();

}  // namespace plastometer
