#include "base/lane.h"

#include "base/error.h"
#include "base/text.h"

namespace plastometer {
namespace {

using enum LaneDevice;
using enum LaneArithmetic;

// In the order in which help and errors list them.
constexpr LaneTraits kLanes[] = {
    {Lane::kCpuPortable, "cpu-portable", kCpu, kPortable},
    {Lane::kCpuNative, "cpu-native", kCpu, kNative},
    {.lane = Lane::kCpuNativeBf16,
     .name = "cpu-native-bf16",
     .device = kCpu,
     .arithmetic = kNative,
     .bf16_products = true},
    {Lane::kCpuReference, "cpu-reference", kCpu, kReference},
    {Lane::kCpuReferenceFp64, "cpu-reference-fp64", kCpu, kReference,
     DType::kF64},
    {Lane::kCudaReference, "cuda-reference", kCuda, kReference},
    {.lane = Lane::kCudaPortable,
     .name = "cuda-portable",
     .device = kCuda,
     .arithmetic = kPortable,
     .available = false},
    {.lane = Lane::kCudaNative,
     .name = "cuda-native",
     .device = kCuda,
     .arithmetic = kNative,
     .available = false},
    {.lane = Lane::kCudaNativeBf16,
     .name = "cuda-native-bf16",
     .device = kCuda,
     .arithmetic = kNative,
     .bf16_products = true,
     .available = false},
};

}  // namespace

const LaneTraits& TraitsOf(Lane lane) {
  for (const LaneTraits& traits : kLanes)
    if (traits.lane == lane) return traits;
  throw InternalError("lane without traits");
}

const LaneTraits& TraitsOf(const std::string& name) {
  for (const LaneTraits& traits : kLanes)
    if (traits.name == name) return traits;
  throw UsageError("unknown lane '" + name +
                   "'; expected one of: " + Join(AvailableLanes()));
}

std::vector<std::string> AvailableLanes() {
  std::vector<std::string> names;
  for (const LaneTraits& traits : kLanes)
    if (traits.available) names.emplace_back(traits.name);
  return names;
}

Lane ParseLane(const std::string& name) {
  const LaneTraits& traits = TraitsOf(name);
  if (traits.available) return traits.lane;
  throw UsageError("lane '" + name + "' is not in this version; it has: " +
                   Join(AvailableLanes()));
}

std::string ToString(Lane lane) { return TraitsOf(lane).name; }

}  // namespace plastometer
