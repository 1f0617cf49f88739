// A layer map without 2L runs, and beside it the measured one: dL/dlambda
// (model/adapt/sensitivity.h), each layer alone, each layer dropped.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/results/sensitivity_results.h"
#include "harness/run/group.h"

namespace plastometer {

struct SensitivityRequest {
  std::vector<double> points = {1.0, 0.5};  // lambda of all layers
  int path_points = 4;       // midpoints of the path from 0 to 1; 0: none
  int64_t block_tokens = 0;  // 0: one block; blocks are in the file only
  int threads = 0;           // 0: all cores
};

// The profiles that the measured map needs.
std::vector<std::string> LayerMapProfiles(int64_t num_layers);

// `group` was loaded with LayerMapProfiles. Throws kInternal otherwise,
// Interrupted.
SensitivityRun MeasureSensitivity(
    const LoadedGroup& group, const SensitivityRequest& request,
    const std::function<void(int64_t done, int64_t total)>& progress);

}  // namespace plastometer
