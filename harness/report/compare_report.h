// What `plastometer compare` prints.
#pragma once
#include <string>
#include <vector>

#include "harness/results/compare.h"

namespace plastometer {

// Tables of at most `width` columns where names allow it, one set a group.
std::string CompareTable(const std::vector<RunComparison>& comparisons,
                         int width);
// Numbers with their intervals and reasons; a list, one entry a group.
std::string CompareJson(const std::vector<RunComparison>& comparisons);

}  // namespace plastometer
