// What the end-to-end way of adapting measured (harness/studies/end_to_end.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/end_to_end_cost.h"
#include "harness/results/summary.h"

namespace plastometer {

struct EndToEndRequest {
  std::vector<double> rates = {0.01};
  int64_t chunk_tokens = 64;
  bool carry = true, fp64 = false;
  int threads = 1;  // windows read at once, one thread each
};

struct EndToEndRow {
  std::string profile, plastic_layers;
  double rate = 0;  // chosen on the tuning windows when several were given
  Measured nll;     // nats per scored token
  Measured gained;  // frozen - this profile, paired by work
  EndToEndCost cost;
  // Time of this profile over uniform's, window by window (geometric mean).
  Measured time_ratio;
};

struct EndToEndRun {
  std::vector<EndToEndRow> rows;  // in the order of the group's profiles
  std::vector<size_t> tuning, evaluated;  // windows; tuning: works of their own
  RunRecord record;                       // of the evaluated windows
  size_t uniform_idx = 0;
};

}  // namespace plastometer
