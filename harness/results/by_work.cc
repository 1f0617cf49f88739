#include "harness/results/by_work.h"

#include <cmath>

#include "harness/results/summary.h"

namespace plastometer {

void AddTo(stats::WorkTotals& totals, double value, double weight) {
  if (!std::isfinite(value)) return;
  totals.sum += value * weight;
  totals.weight += weight;
}

stats::Interval MeanByWork(const ByWork& works, uint64_t seed) {
  ByWork present;
  for (const stats::WorkTotals& w : works)
    if (w.weight > 0) present.push_back(w);
  stats::Interval interval = stats::WeightedMean(present, seed);
  if (static_cast<int64_t>(present.size()) < kMinWorks)
    interval.low = interval.high = stats::kUnknown;
  return interval;
}

}  // namespace plastometer
