// A layer map without 2L runs, and beside it the measured one: dL/dlambda
// (model/adapt/sensitivity.h), each layer alone, each layer dropped.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/run/group.h"

namespace plastometer {

struct SensitivityRequest {
  std::vector<double> points = {1.0, 0.5};  // lambda of all layers
  int path_points = 4;       // midpoints of the path from 0 to 1; 0: none
  int64_t block_tokens = 0;  // 0: one block; blocks are in the file only
  int threads = 0;           // 0: all cores
};

// One way of asking how much a layer matters: a value a layer, nats per scored
// token; larger is more important.
struct LayerMap {
  std::string name;  // "alone", "dropped", "gradient at 1", "path"
  std::vector<Measured> layers;
  // [layer][work] nats, works in the order of their names.
  std::vector<std::vector<double>> by_work;
};

struct MapCorrelation {
  std::string a, b;
  Measured rank;  // Spearman's; interval: percentiles over resampled works
};

struct SensitivityRun {
  RunRecord record;  // of the measured map: uniform, frozen, alone, dropped
  std::vector<LayerMap> maps;
  std::vector<MapCorrelation> correlations;  // gradients with measured maps
  // [point][layer][head][block] summed over windows, nats per scored token, by
  // name of the map.
  std::vector<std::vector<double>> head_blocks;
  int64_t num_heads = 0, num_blocks = 0;
};

// The profiles that the measured map needs.
std::vector<std::string> LayerMapProfiles(int64_t num_layers);

// `group` was loaded with LayerMapProfiles. Throws kInternal otherwise,
// Interrupted.
SensitivityRun MeasureSensitivity(
    const LoadedGroup& group, const SensitivityRequest& request,
    const std::function<void(int64_t done, int64_t total)>& progress);

}  // namespace plastometer
