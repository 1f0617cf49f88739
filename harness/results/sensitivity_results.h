// How much each layer matters, asked in several ways
// (harness/studies/sensitivity.h).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "harness/results/summary.h"

namespace plastometer {

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

}  // namespace plastometer
