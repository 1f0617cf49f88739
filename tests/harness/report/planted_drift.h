// A drift folder whose truth is known, for a planted run.
#pragma once
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "harness/results/drift_results.h"

namespace plastometer {

// Profiles with their KL a prediction after 64 tokens; twice that after 128.
inline DriftRecord PlantedDrift(
    int num_works,
    const std::vector<std::pair<DriftProfile, double>>& profiles) {
  DriftRecord drift;
  drift.model_name = "planted";
  drift.model_sha256 = std::string(64, 'a');
  drift.data_name = "contexts";
  drift.probe_name = "other text";
  drift.seed = 1;
  drift.num_layers = drift.num_heads = 1;
  drift.probe_windows = drift.probe_works = 1;
  drift.probe_predictions = 100;
  drift.probe_nll = 300;
  drift.positions = {0, 64, 128};
  for (int w = 0; w < num_works; ++w)
    drift.contexts.push_back(
        {"source", "prose", "work " + std::to_string(w), "d", 0});
  for (const auto& [profile, kl] : profiles) {
    drift.profiles.push_back(profile);
    const auto p =
        static_cast<double>(profiles.size() > 3 ? drift.profiles.size() : 1);
    for (const double times : {0, 1, 2})
      for (int w = 0; w < num_works; ++w) {
        const double own = kl * times * (1 + 0.05 * std::sin(w * p));
        drift.points.push_back({100 * own,
                                20 * own,
                                10 * own,
                                static_cast<int64_t>(10 * times),
                                {own}});
      }
  }
  return drift;
}

inline DriftRecord PlantedDrift(int num_works, double uniform, double early,
                                double late) {
  return PlantedDrift(num_works, {{{"uniform", {}, "all"}, uniform},
                                  {{"early:25%", {}, "0"}, early},
                                  {{"late:25%", {}, "3"}, late}});
}

}  // namespace plastometer
