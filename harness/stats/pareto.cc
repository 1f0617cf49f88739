#include "harness/stats/pareto.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/philox.h"

namespace plastometer::stats {

namespace {

// Of points those that are known and that no other known one dominates, which
// is to have a lower loss at least. The lowest losses are asked first: one of
// them answers for most points, so that a thousand points are no million
// bootstraps.
template <typename Known, typename Dominates>
std::vector<bool> Front(const std::vector<double>& loss, Known known,
                        Dominates dominates) {
  std::vector<size_t> by_loss;
  for (size_t i = 0; i < loss.size(); ++i)
    if (known(i)) by_loss.push_back(i);
  std::ranges::stable_sort(by_loss, {}, [&](size_t i) { return loss[i]; });
  std::vector<bool> front(loss.size());
  for (const size_t i : by_loss) {
    front[i] = true;
    for (const size_t j : by_loss) {
      if (loss[j] > loss[i] || !front[i]) break;
      ThrowIfInterrupted();
      front[i] = j == i || !dominates(j, i);
    }
  }
  return front;
}

double MeanLoss(const ParetoPoint& point) {
  double sum = 0, weight = 0;
  for (const WorkTotals& w : point.works) {
    sum += w.sum;
    weight += w.weight;
  }
  return sum / weight;
}

bool AllFinite(std::span<const WorkTotals> works) {
  return !works.empty() && std::ranges::all_of(works, [](const WorkTotals& w) {
    return std::isfinite(w.sum) && std::isfinite(w.weight);
  });
}

bool CostsNoMore(const ParetoPoint& a, const ParetoPoint& b) {
  return std::isnan(a.cost_high) ? a.cost <= b.cost : a.cost_high < b.cost;
}

// Means over the works that were drawn, each as often as `times` says.
std::vector<double> MeansOf(std::span<const ParetoPoint> points,
                            const std::vector<int>& times) {
  std::vector<double> means;
  for (const ParetoPoint& point : points) {
    double sum = 0, weight = 0;
    for (size_t w = 0; w < times.size(); ++w) {
      sum += times[w] * point.works[w].sum;
      weight += times[w] * point.works[w].weight;
    }
    means.push_back(weight > 0 ? sum / weight : kUnknown);
  }
  return means;
}

// Of each point, the same in all; 0 of none.
size_t NumWorks(std::span<const ParetoPoint> points) {
  const size_t num_works = points.empty() ? 0 : points.front().works.size();
  for (const ParetoPoint& point : points)
    if (point.works.size() != num_works)
      throw InternalError("Hypervolume: points differ in their works");
  return num_works;
}

double AreaOf(std::span<const ParetoPoint> points,
              const std::vector<int>& times, double reference_loss,
              double reference_cost) {
  std::vector<double> costs;
  for (const ParetoPoint& point : points) costs.push_back(point.cost);
  return Hypervolume(MeansOf(points, times), costs, reference_loss,
                     reference_cost);
}

// value(how often each work is drawn), with percentiles over resamples.
template <typename Value>
Interval OverResamples(size_t num_works, uint64_t seed, int num_resamples,
                       const Value& value) {
  Interval result{.estimate = value(std::vector<int>(num_works, 1))};
  if (num_works < 2 || num_resamples < 2) return result;
  std::vector<double> values;
  for (int r = 0; r < num_resamples; ++r) {
    PhiloxStream stream(seed, static_cast<uint64_t>(r));
    std::vector<int> times(num_works, 0);
    for (size_t i = 0; i < num_works; ++i)
      ++times[stream.NextBelow(static_cast<uint32_t>(num_works))];
    values.push_back(value(times));
  }
  std::ranges::sort(values);
  result.low = SortedQuantile(values, 0.025);
  result.high = SortedQuantile(values, 0.975);
  return result;
}

}  // namespace

double Hypervolume(std::span<const double> loss, std::span<const double> cost,
                   double reference_loss, double reference_cost) {
  if (loss.size() != cost.size())
    throw InternalError("Hypervolume: losses and costs differ in number");
  std::vector<std::pair<double, double>> by_cost;
  // Written so that no NaN passes.
  for (size_t i = 0; i < loss.size(); ++i)
    if (loss[i] < reference_loss && cost[i] < reference_cost)
      by_cost.emplace_back(cost[i], loss[i]);
  std::ranges::sort(by_cost);
  double area = 0, best = reference_loss;
  for (const auto& [x, y] : by_cost) {
    area += (reference_cost - x) * std::max(0.0, best - y);
    best = std::min(best, y);
  }
  return area;
}

Interval Hypervolume(std::span<const ParetoPoint> points, double reference_loss,
                     double reference_cost, uint64_t seed, int num_resamples) {
  const size_t num_works = NumWorks(points);
  if (num_works == 0 || !std::isfinite(reference_loss + reference_cost))
    return {};
  return OverResamples(
      num_works, seed, num_resamples, [&](const std::vector<int>& times) {
        return AreaOf(points, times, reference_loss, reference_cost);
      });
}

Interval HypervolumeDifference(std::span<const ParetoPoint> a,
                               std::span<const ParetoPoint> b,
                               double reference_loss, double reference_cost,
                               uint64_t seed, int num_resamples) {
  const size_t num_works = NumWorks(a);
  if (num_works != NumWorks(b))
    throw InternalError("HypervolumeDifference: " + std::to_string(num_works) +
                        " and " + std::to_string(NumWorks(b)) + " works");
  if (num_works == 0 || !std::isfinite(reference_loss + reference_cost))
    return {};
  return OverResamples(
      num_works, seed, num_resamples, [&](const std::vector<int>& times) {
        return AreaOf(a, times, reference_loss, reference_cost) -
               AreaOf(b, times, reference_loss, reference_cost);
      });
}

std::vector<bool> ParetoSet(std::span<const ParetoPoint> points, uint64_t seed,
                            int num_resamples) {
  std::vector<double> loss;
  for (const ParetoPoint& p : points) loss.push_back(MeanLoss(p));
  const auto known = [&](size_t i) {
    return std::isfinite(points[i].cost) && AllFinite(points[i].works) &&
           std::isfinite(loss[i]);
  };
  const auto dominates = [&](size_t a, size_t b) {
    if (!CostsNoMore(points[a], points[b])) return false;
    // Nor does an interval of NaN.
    return PairedDifference(points[a].works, points[b].works, seed,
                            num_resamples)
               .high < 0;
  };
  return Front(loss, known, dominates);
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
  return Front({loss.begin(), loss.end()}, known, dominates);
}

}  // namespace plastometer::stats
