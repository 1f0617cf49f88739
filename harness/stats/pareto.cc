#include "harness/stats/pareto.h"

#include <algorithm>
#include <cmath>

#include "harness/base/error.h"

namespace plastometer::stats {

namespace {

// Of n points those that are known and that no other known one dominates.
template <typename Known, typename Dominates>
std::vector<bool> Front(size_t n, Known known, Dominates dominates) {
  std::vector<bool> front(n);
  for (size_t i = 0; i < n; ++i) {
    front[i] = known(i);
    for (size_t j = 0; j < n && front[i]; ++j)
      front[i] = !(j != i && known(j) && dominates(j, i));
  }
  return front;
}

bool AllFinite(std::span<const WorkTotals> works) {
  return !works.empty() && std::ranges::all_of(works, [](const WorkTotals& w) {
    return std::isfinite(w.sum) && std::isfinite(w.weight);
  });
}

}  // namespace

std::vector<bool> ParetoSet(std::span<const ParetoPoint> points, uint64_t seed,
                            int num_resamples) {
  const auto known = [&](size_t i) {
    return std::isfinite(points[i].cost) && AllFinite(points[i].works);
  };
  const auto dominates = [&](size_t a, size_t b) {
    if (points[a].cost > points[b].cost) return false;
    return PairedDifference(points[a].works, points[b].works, seed,
                            num_resamples)
               .high < 0;  // false when it is NaN
  };
  return Front(points.size(), known, dominates);
}

std::vector<bool> ParetoSet(std::span<const double> loss,
                            std::span<const double> cost) {
  if (loss.size() != cost.size())
    throw InternalError("ParetoSet: losses and costs differ in number");
  const auto known = [&](size_t i) {
    return std::isfinite(loss[i]) && std::isfinite(cost[i]);
  };
  const auto dominates = [&](size_t a, size_t b) {
    return loss[a] <= loss[b] && cost[a] <= cost[b] &&
           (loss[a] < loss[b] || cost[a] < cost[b]);
  };
  return Front(loss.size(), known, dominates);
}

}  // namespace plastometer::stats
