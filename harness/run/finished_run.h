// A finished run's folder, read back: plan and journal hold all that was
// measured, to the bit.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "harness/run/collect.h"

namespace plastometer {

struct FinishedRun {
  RunPlan plan;
  std::vector<RunRecord> records;  // one a group
};

// Floors of generated documents are computed again and held against the plan's.
// Throws kInvalid that names `source`, window and both values.
void CheckFloors(const RunPlan& plan, const std::string& source);

// Throws kInvalid: no run folder, damaged, or units are missing (says which and
// how to go on).
FinishedRun ReadFinishedRun(const std::filesystem::path& folder);

}  // namespace plastometer
