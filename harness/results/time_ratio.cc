#include "harness/results/time_ratio.h"

#include <algorithm>
#include <cmath>

#include "harness/stats/basic.h"
#include "harness/stats/pareto.h"

namespace plastometer {

std::vector<size_t> EqualBatches(const RunRecord& record) {
  const std::vector<BatchTime>& times = record.profiles[0].times;
  int64_t largest = 0;
  for (const BatchTime& time : times) largest = std::max(largest, time.tokens);
  std::vector<size_t> batches;
  for (size_t i = 0; i < times.size(); ++i)
    if (times[i].tokens == largest &&
        std::ranges::all_of(record.profiles, [&](const ProfileRecord& p) {
          return i < p.times.size() && p.times[i].seconds > 0;
        }))
      batches.push_back(i);
  return batches;
}

std::vector<double> TimeRatios(const RunRecord& record, size_t profile,
                               std::span<const size_t> batches) {
  const ProfileRecord &p = record.profiles[profile],
                      &uniform = record.profiles[record.uniform_idx];
  std::vector<double> ratios;
  for (const size_t i : batches)
    ratios.push_back(p.times[i].seconds / uniform.times[i].seconds);
  return ratios;
}

Measured TimeRatio(const RunRecord& record, size_t profile) {
  const std::vector<size_t> batches = EqualBatches(record);
  Measured ratio;
  ratio.kind = Range::kQuartiles;
  if (batches.size() < kMinTimedBatches) {
    ratio.reason =
        "timed batches of the same size: " + std::to_string(batches.size()) +
        ", fewer than " + std::to_string(kMinTimedBatches);
    return ratio;
  }
  const std::vector<double> ratios = TimeRatios(record, profile, batches);
  ratio.value = stats::Quantile(ratios, 0.5);
  ratio.low = stats::Quantile(ratios, 0.25);
  ratio.high = stats::Quantile(ratios, 0.75);
  return ratio;
}

std::vector<std::optional<bool>> RangedParetoMarks(
    const WorkSums& works, const std::vector<Measured>& costs, uint64_t seed) {
  std::vector<std::optional<bool>> marks(costs.size());
  if (static_cast<int64_t>(works.num_works()) < kMinWorks) return marks;
  std::vector<stats::ParetoPoint> points;
  for (size_t p = 0; p < costs.size(); ++p)
    points.push_back({Totals(works, p), costs[p].low.value_or(stats::kUnknown),
                      costs[p].high.value_or(stats::kUnknown)});
  const std::vector<bool> on_front = stats::ParetoSet(points, seed);
  for (size_t p = 0; p < costs.size(); ++p) {
    const bool finite = std::ranges::all_of(
        works.nll[p], [](double nats) { return std::isfinite(nats); });
    if (costs[p].low && costs[p].high && finite) marks[p] = on_front[p];
  }
  return marks;
}

}  // namespace plastometer
