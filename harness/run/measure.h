// The measuring loop: every profile over every batch, a result for each unit.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "harness/run/planned_record.h"
#include "model/model.h"

namespace plastometer {

struct MeasureOptions {
  int64_t batch_size = 8;
  // In units of one batch under one profile, of those that are wanted.
  std::function<void(int64_t done, int64_t total)> progress;
  // False: this batch under this profile is measured elsewhere, or was before.
  std::function<bool(size_t batch_idx, size_t profile_idx)> wanted = {};
  bool accuracy = false;  // also whether each most probable token came
};

// A causality probe comes first. All profiles run on one batch before the next
// batch, in rotated order, so that a machine that slows down hits all alike.
// `done` gets the units of one batch under one profile. Throws kInternal
// (probe, counters), Interrupted.
void MeasureUnits(
    const Model& model, const std::vector<Window>& windows,
    const ProfilePlan& plan, const MeasureOptions& options,
    const std::function<void(const std::vector<UnitResult>&)>& done);

// Everything in memory: PlanRecord, and every unit added.
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
