// A front whose truth is known: losses above uniform and costs by hand, on
// works of unlike difficulty.
#pragma once
#include <string>
#include <vector>

#include "harness/results/frontier.h"

namespace plastometer {

struct PlantedPoint {
  std::string name;
  double lost = 0;      // nats per token above uniform
  int64_t updates = 0;  // of a window
};

// Defaults: uniform (cost 100), uniform;every=2 (50), frozen (0, `gap` above
// uniform). Members: front-01 gains 0.02 over uniform at its cost, front-02
// loses `half_lost` with half saved, front-03 is frozen.
inline FrontierRun PlantedFront(int num_works = 20, double half_lost = 0.01,
                                double gap = 0.4, double jitter = 0.001) {
  const std::vector<PlantedPoint> points = {{"uniform", 0, 100},
                                            {"uniform;every=2", 0.1, 50},
                                            {"frozen", gap, 0},
                                            {"front-01", -0.02, 100},
                                            {"front-02", half_lost, 50}};
  FrontierRun run;
  RunRecord& record = run.record;
  record.model_name = "planted";
  record.model_sha256 = std::string(64, 'a');
  record.data_name = "planted text";
  record.data_sha256 = std::string(64, 'c');
  record.lane = "cpu-portable";
  record.context_tokens = 101;
  record.batch_size = 8;
  record.seed = 1;
  record.uniform_idx = 0;
  record.frozen_idx = 2;
  for (int w = 0; w < num_works; ++w)
    record.windows.push_back({"source", "prose", std::to_string(100 + w),
                              "document", 0, 101, 300, int64_t{w} * 100});
  for (size_t p = 0; p < points.size(); ++p) {
    ProfileRecord profile;
    profile.name = points[p].name;
    if (points[p].name == "frozen") profile.same_as = {"front-03"};
    profile.plastic_layers = "all";
    for (int w = 0; w < num_works; ++w) {
      // Unlike in every profile and work, 0 over every two works.
      const double scatter =
          (w % 2 == 0 ? jitter : -jitter) * static_cast<double>(p);
      profile.nll.insert(profile.nll.end(), 100,
                         3 + 0.05 * w + points[p].lost + scatter);
      Counters counters;
      counters.tokens = 101;
      counters.inner_updates = points[p].updates;
      counters.flops = 1000 + points[p].updates;
      profile.counters.push_back(counters);
      profile.window_seconds.push_back(0.1);
    }
    profile.times.push_back({101 * num_works, 1.0});
    record.profiles.push_back(profile);
  }
  FrontierChoice& c = run.choice;
  c.num_candidates = 106;
  c.num_tried = 60;
  c.num_windows = c.num_works = 12;
  c.front_size = 3;
  c.members = {{{"front-01", 2.9, 100}, {{1, 1}, 2}},
               {{"front-02", 3.0, 50}, {{1, 0}, 1}},
               {{"front-03", 3.4, 0}, {{0, 0}, 1}}};
  c.defaults = {
      {"uniform", 2.95, 100}, {"uniform;every=2", 3.1, 50}, {"frozen", 3.4, 0}};
  c.half = c.furthest = 1;
  return run;
}

}  // namespace plastometer
