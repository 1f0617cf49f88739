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

// Throws kInvalid: no run folder, damaged, or units are missing (says which and
// how to go on).
FinishedRun ReadFinishedRun(const std::filesystem::path& folder);

}  // namespace plastometer
