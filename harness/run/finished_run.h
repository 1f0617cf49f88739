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
// Of collected records, so that no more is generated than was measured: the
// floors of the folder's plan, and that no loss is below them by more than
// chance allows. Throws kInvalid naming the file.
void CheckTasks(const RunPlan& plan, const std::vector<RunRecord>& records,
                const std::filesystem::path& folder);

// Time and memory of the whole run, which results.json alone holds, and a note
// where it is of a newer program. Throws kInvalid naming the file and the key.
void ReadTotals(const std::filesystem::path& file, RunRecord& record);

// Throws kInvalid: no run folder, damaged, or units are missing (says which and
// how to go on).
FinishedRun ReadFinishedRun(const std::filesystem::path& folder);

}  // namespace plastometer
