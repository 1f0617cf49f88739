#include "base/lane.h"

#include "base/error.h"
#include "base/text.h"

namespace plastometer {
namespace {

struct LaneName {
  Lane lane;
  const char* name;
};
constexpr LaneName kLanes[] = {{Lane::kCpuPortable, "cpu-portable"},
                               {Lane::kCpuNative, "cpu-native"},
                               {Lane::kCpuNativeBf16, "cpu-native-bf16"},
                               {Lane::kCpuReference, "cpu-reference"},
                               {Lane::kCpuReferenceFp64, "cpu-reference-fp64"},
                               {Lane::kCudaReference, "cuda-reference"}};

// Defined in docs, not in this version.
constexpr const char* kPlannedLanes[] = {"cuda-portable", "cuda-native",
                                         "cuda-native-bf16"};

}  // namespace

std::vector<std::string> AvailableLanes() {
  std::vector<std::string> names;
  for (const auto& lane : kLanes) names.emplace_back(lane.name);
  return names;
}

Lane ParseLane(const std::string& name) {
  for (const auto& lane : kLanes) {
    if (name == lane.name) return lane.lane;
  }
  for (const char* planned : kPlannedLanes) {
    if (name == planned) {
      throw UsageError("lane '" + name + "' is not in this version; it has: " +
                       Join(AvailableLanes()));
    }
  }
  throw UsageError("unknown lane '" + name +
                   "'; expected one of: " + Join(AvailableLanes()));
}

bool IsCpu(Lane lane) { return lane != Lane::kCudaReference; }

std::string ToString(Lane lane) {
  for (const auto& entry : kLanes) {
    if (entry.lane == lane) return entry.name;
  }
  throw InternalError("lane without a name");
}

}  // namespace plastometer
