// The task `forgetting` (docs/synthetic.md): chain A, chain B, A again. What a
// reader still knows of A when it comes back, beside the exact losses of a
// reader that remembers A and of one that begins anew at each border.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/results/summary.h"

namespace plastometer {

// Empty where the run has another task, its windows were made by other code
// (their floors differ), a segment is shorter than kContinualSpan, or the
// documents end before that many tokens of A' are there.
std::optional<ContinualResult> SummariseContinual(const RunRecord& record);

// All that can be said of a run: Summarise, and of the task forgetting the rows
// beside the exact readers.
Results ResultsOf(RunRecord record);

}  // namespace plastometer
