// Sums by independent work, and their mean.
#pragma once
#include <cstdint>
#include <vector>

#include "harness/stats/bootstrap.h"

namespace plastometer {

// One a work, in the order of WorkPlaces; weight 0: the work has nothing to
// say.
using ByWork = std::vector<stats::WorkTotals>;

// A value that is not finite is left out.
void AddTo(stats::WorkTotals& totals, double value, double weight);

// Weighted mean over the works that have a weight; NaN bounds below kMinWorks
// of them.
stats::Interval MeanByWork(const ByWork& works, uint64_t seed);

}  // namespace plastometer
