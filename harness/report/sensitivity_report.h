// What `plastometer sensitivity` prints.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "harness/results/sensitivity_results.h"

namespace plastometer {

// What SensitivityJson wrote, as far as a report shows it.
struct LayerMaps {
  std::string model_name, model_sha256, data_name, data_sha256, lane;
  int64_t num_windows = 0;
  std::vector<LayerMap> maps;  // by_work is empty
  std::vector<MapCorrelation> correlations;
  std::string note = {};  // what is to be said of the file
};
// Throws kInvalid naming the file and the key.
LayerMaps ReadLayerMaps(const std::filesystem::path& file);

std::string SensitivityTable(const SensitivityRun& run, int width);
std::string SensitivityJson(const SensitivityRun& run);

}  // namespace plastometer
