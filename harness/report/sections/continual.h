// The measures of A, B, A' (harness/run/continual.h) as a table on a terminal.
#pragma once
#include <string>

#include "harness/results/summary.h"

namespace plastometer {

// Empty where the run has none.
std::string ContinualText(const Results& results, int width);
// "32 [16, > 64]": `num_tokens` is as far as A' reaches.
std::string RecoveryText(const Measured& recovery, int64_t num_tokens);

}  // namespace plastometer
