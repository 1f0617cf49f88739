#include "harness/stats/contrast.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/error.h"
#include "base/philox.h"

namespace plastometer::stats {
namespace {

double Ratio(std::span<const WorkTotals> works) {
  double sum = 0, weight = 0;
  for (const WorkTotals& w : works) {
    sum += w.sum;
    weight += w.weight;
  }
  return weight > 0 ? sum / weight : kUnknown;
}

// Which works resample r draws.
void Draw(uint64_t seed, int r, std::vector<size_t>* drawn) {
  PhiloxStream stream(seed, static_cast<uint64_t>(r));
  for (size_t& w : *drawn)
    w = stream.NextBelow(static_cast<uint32_t>(drawn->size()));
}

// (mean* - mean) / se* of the works drawn; NaN where there is no error.
double StudentisedMean(const std::vector<WorkTotals>& works,
                       const std::vector<size_t>& drawn, double estimate,
                       std::vector<WorkTotals>* buffer) {
  for (size_t i = 0; i < drawn.size(); ++i) (*buffer)[i] = works[drawn[i]];
  const double error = StandardError(*buffer);
  return error > 0 ? (Ratio(*buffer) - estimate) / error : kUnknown;
}

}  // namespace

std::vector<WorkTotals> Combine(std::span<const Term> terms) {
  std::vector<WorkTotals> all;
  for (const Term& term : terms) {
    if (all.empty()) {
      for (const WorkTotals& w : term.works) all.push_back({0, w.weight});
    }
    if (term.works.size() != all.size())
      throw InternalError("a contrast of " + std::to_string(all.size()) +
                          " and " + std::to_string(term.works.size()) +
                          " works; every term needs the same works");
    for (size_t i = 0; i < all.size(); ++i) {
      if (term.works[i].weight != all[i].weight)
        throw InternalError("a contrast: work " + std::to_string(i) +
                            " has two weights; every term needs the same "
                            "scored tokens");
      all[i].sum += term.coefficient * term.works[i].sum;
    }
  }
  return all;
}

Interval VerdictInterval(std::span<const WorkTotals> works, uint64_t seed,
                         int num_resamples) {
  Interval interval = WeightedMean(works, seed, num_resamples);
  if (!interval.available()) return interval;
  const std::vector<double> values = Jackknife(works);
  const auto n = static_cast<double>(values.size());
  const double error = (n - 1) * std::sqrt(Variance(values) / n);
  double weight = 0, squares = 0;
  for (const WorkTotals& w : works) {
    weight += w.weight;
    squares += w.weight * w.weight;
  }
  const double degrees = weight * weight / squares - 1;
  const double t = StudentQuantile(0.975, degrees);
  if (!std::isfinite(error) || !std::isfinite(t))  // one work holds everything
    return {.estimate = interval.estimate};
  interval.low = std::min(interval.low, interval.estimate - t * error);
  interval.high = std::max(interval.high, interval.estimate + t * error);
  return interval;
}

Verdict IsNegative(const Interval& interval) {
  if (!interval.available()) return Verdict::kUndecided;
  if (interval.high < 0) return Verdict::kYes;
  return interval.low > 0 ? Verdict::kNo : Verdict::kUndecided;
}

double BootstrapLevel(std::span<const WorkTotals> works, uint64_t seed,
                      int num_resamples) {
  const double estimate = Ratio(works), error = StandardError(works);
  if (works.size() < kMinBootstrapWorks || !std::isfinite(error))
    return kUnknown;
  const double least = 1.0 / (1.0 + num_resamples);
  if (error == 0) return estimate == 0 ? 1 : least;
  const double t = std::abs(estimate / error);
  const std::vector<WorkTotals> all(works.begin(), works.end());
  std::vector<WorkTotals> buffer(works.size());
  std::vector<size_t> drawn(works.size());
  int num_beyond = 0;
  for (int r = 0; r < num_resamples; ++r) {
    Draw(seed, r, &drawn);
    // A NaN (one work drawn n times) counts as beyond: never in favour.
    num_beyond +=
        std::abs(StudentisedMean(all, drawn, estimate, &buffer)) < t ? 0 : 1;
  }
  return (1.0 + num_beyond) * least;
}

std::vector<double> HolmAdjusted(std::span<const double> levels) {
  std::vector<size_t> order;
  for (size_t i = 0; i < levels.size(); ++i)
    if (!std::isnan(levels[i])) order.push_back(i);
  std::ranges::stable_sort(
      order, [&](size_t a, size_t b) { return levels[a] < levels[b]; });
  std::vector<double> adjusted(levels.size(), kUnknown);
  double largest = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, static_cast<double>(order.size() - rank) *
                                    levels[order[rank]]);
    adjusted[order[rank]] = std::min(1.0, largest);
  }
  return adjusted;
}

std::vector<Interval> SimultaneousBand(
    std::span<const std::vector<WorkTotals>> points, uint64_t seed,
    int num_resamples) {
  std::vector<Interval> band;
  std::vector<double> errors;
  for (const auto& works : points) {
    if (works.size() != points.front().size())
      throw InternalError("a band over points with " +
                          std::to_string(works.size()) + " and " +
                          std::to_string(points.front().size()) + " works");
    band.push_back({.estimate = Ratio(works)});
    errors.push_back(StandardError(works));
  }
  if (points.empty() || points.front().size() < kMinBootstrapWorks) return band;
  std::vector<WorkTotals> buffer(points.front().size());
  std::vector<size_t> drawn(buffer.size());
  std::vector<double> maxima;
  for (int r = 0; r < num_resamples; ++r) {
    Draw(seed, r, &drawn);
    double largest = 0;
    for (size_t k = 0; k < points.size(); ++k) {
      if (!(errors[k] > 0)) continue;
      const double t = std::abs(
          StudentisedMean(points[k], drawn, band[k].estimate, &buffer));
      largest = t > largest ? t : largest;  // a NaN is passed over
    }
    maxima.push_back(largest);
  }
  const double c = Quantile(maxima, 0.95);
  for (size_t k = 0; k < points.size(); ++k) {
    if (!(errors[k] > 0) || !std::isfinite(band[k].estimate)) continue;
    band[k].low = band[k].estimate - c * errors[k];
    band[k].high = band[k].estimate + c * errors[k];
  }
  return band;
}

}  // namespace plastometer::stats
