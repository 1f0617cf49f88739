// What `plastometer arms` prints.
#pragma once
#include <string>
#include <vector>

#include "harness/results/arms.h"

namespace plastometer {

// "yes", "undecided (one training seed)"
std::string ArmVerdict(const ArmRow& row);
std::string ArmsTable(const std::vector<ArmComparison>& comparisons, int width);
std::string ArmsJson(const std::vector<ArmComparison>& comparisons);

}  // namespace plastometer
