// The end-to-end way of adapting, measured: quality, FLOPs, time and memory of
// several profiles on the same windows (model/adapt/end_to_end.h).
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/run/group.h"
#include "model/adapt/end_to_end.h"

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

// With several rates every second work, by name, is for tuning: each profile
// keeps the rate of its least loss there. Profiles take turns on each window.
// Throws kUsage (one work cannot be divided), Interrupted.
EndToEndRun MeasureEndToEnd(
    const LoadedGroup& group, const EndToEndRequest& request,
    const std::function<void(int64_t done, int64_t total)>& progress);

}  // namespace plastometer
