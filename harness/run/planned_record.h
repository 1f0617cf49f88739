// A record before and while it is filled: windows and profiles of a plan, and
// the measured units that come one by one.
#pragma once
#include <cstdint>
#include <vector>

#include "datasets/corpus.h"
#include "harness/results/record.h"
#include "harness/run/plan.h"

namespace plastometer {

// One case on one window, as measured in its batch.
struct UnitResult {
  size_t profile_idx = 0, window_idx = 0, batch_idx = 0;
  int64_t batch_windows = 1;
  double batch_seconds = 0;    // around the model only
  int64_t working_bytes = -1;  // BatchTime's
  Counters counters;
  std::vector<double> nll;
  std::vector<uint8_t> correct = {};  // one a loss, where it was asked for
};

// Windows and profiles into a record that has no losses yet;
// RunRecord::accuracy says whether they will have their correctness beside
// them. Throws kInvalid (no window, a window of one token).
void PlanRecord(const std::vector<Window>& windows, const ProfilePlan& plan,
                int64_t batch_size, RunRecord& record);
// What `window`, of a generated task, can lose at least; `record` is its plan.
FloorRecord FloorOf(const Window& window, const WindowRecord& record);
// One finished unit into a planned record.
void AddUnit(const UnitResult& unit, RunRecord& record);
// The batch's ids [B, T], row-major.
std::vector<int32_t> BatchIds(const std::vector<Window>& windows,
                              const Batch& batch);
std::vector<Batch> BatchesOf(const std::vector<Window>& windows,
                             int64_t batch_size);

}  // namespace plastometer
