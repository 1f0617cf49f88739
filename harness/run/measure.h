// The measuring loop: every profile over every batch, losses, counters and
// times into a RunRecord.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "datasets/corpus.h"
#include "harness/run/plan.h"
#include "harness/run/results.h"
#include "model/model.h"

namespace plastometer {

struct MeasureOptions {
  int64_t batch_size = 8;
  std::function<void(int64_t done, int64_t total)>
      progress;  // in units of one batch under one profile
};

// Fills windows, profiles and the indices of uniform and frozen. A causality
// probe comes first. All profiles run on one batch before the next batch, in
// rotated order, so that a machine that slows down hits all alike. Throws
// kInvalid (no window, a window of one token), kInternal (probe, counters),
// Interrupted.
void Measure(const Model& model, const std::vector<Window>& windows,
             const ProfilePlan& plan, const MeasureOptions& options,
             RunRecord& record);

// What was counted must be what the formulas say. Throws kInternal that names
// both.
void CheckCounters(const Model& model, const Profile& profile,
                   int64_t num_sequences, int64_t num_tokens,
                   const Counters& counters);

// Bytes; -1 when the system does not say.
int64_t PeakMemoryBytes();

}  // namespace plastometer
