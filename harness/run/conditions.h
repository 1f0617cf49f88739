// The same scored text after different contexts, compared.
#pragma once
#include <vector>

#include "harness/run/results.h"

namespace plastometer {

// Conditions in order of appearance; the first is what the others are compared
// with. Empty when no window has a condition. Throws kInvalid when the
// conditions do not score the same tokens of the same works.
std::vector<ConditionResult> SummariseConditions(const RunRecord& record);

}  // namespace plastometer
