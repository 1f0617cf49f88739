#include "harness/stats/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/philox.h"

namespace plastometer::stats {

namespace {

constexpr double kLowTail = 0.025;

double Ratio(std::span<const WorkTotals> works) {
  double sum = 0;
  double weight = 0;
  for (const WorkTotals& w : works) {
    sum += w.sum;
    weight += w.weight;
  }
  return weight > 0 && std::isfinite(weight) ? sum / weight : kUnknown;
}

// Stream r is resample r: asking for more resamples leaves the first ones as
// they were.
void Resample(std::span<const WorkTotals> works, uint64_t seed, int r,
              std::vector<WorkTotals>* out) {
  PhiloxStream stream(seed, static_cast<uint64_t>(r));
  for (WorkTotals& w : *out)
    w = works[stream.NextBelow(static_cast<uint32_t>(works.size()))];
}

Interval StudentInterval(double estimate, double error, size_t num_works) {
  const double t =
      StudentQuantile(1 - kLowTail, static_cast<double>(num_works - 1));
  return {estimate, estimate - t * error, estimate + t * error};
}

Interval Studentised(std::span<const WorkTotals> works, double estimate,
                     double error, uint64_t seed, int num_resamples) {
  std::vector<double> t;
  std::vector<WorkTotals> drawn(works.size());
  for (int r = 0; r < num_resamples; ++r) {
    Resample(works, seed, r, &drawn);
    const double drawn_error = StandardError(drawn);
    // One work drawn n times has no error of its own: at 8 works, 5 resamples
    // in 10 million.
    if (drawn_error > 0) t.push_back((Ratio(drawn) - estimate) / drawn_error);
  }
  if (t.size() < 2) return {.estimate = estimate};
  std::ranges::sort(t);
  // The upper tail of t bounds the interval from below: the roles of the tails
  // are exchanged.
  return {estimate, estimate - SortedQuantile(t, 1 - kLowTail) * error,
          estimate - SortedQuantile(t, kLowTail) * error};
}

// Efron and Tibshirani, eq. 14.10: the level of the bootstrap distribution that
// stands for the level `tail`.
double BcaLevel(double tail, double bias, double acceleration) {
  const double z = bias + NormalQuantile(tail);
  return NormalCdf(bias + z / (1 - acceleration * z));
}

Interval Bca(std::span<const WorkTotals> works, double estimate, uint64_t seed,
             int num_resamples) {
  std::vector<double> values;
  std::vector<WorkTotals> drawn(works.size());
  for (int r = 0; r < num_resamples; ++r) {
    Resample(works, seed, r, &drawn);
    const double value = Ratio(drawn);
    if (std::isfinite(value)) values.push_back(value);
  }
  if (values.size() < 2) return {.estimate = estimate};
  std::ranges::sort(values);
  const auto below =
      std::ranges::lower_bound(values, estimate) - values.begin();
  const double bias = NormalQuantile(static_cast<double>(below) /
                                     static_cast<double>(values.size()));
  const double acceleration = Acceleration(Jackknife(works));
  return {estimate,
          SortedQuantile(values, BcaLevel(kLowTail, bias, acceleration)),
          SortedQuantile(values, BcaLevel(1 - kLowTail, bias, acceleration))};
}

}  // namespace

double StandardError(std::span<const WorkTotals> works) {
  if (works.size() < 2) return kUnknown;
  const double ratio = Ratio(works);
  double squares = 0;
  double weight = 0;
  for (const WorkTotals& w : works) {
    const double residual = w.sum - ratio * w.weight;
    squares += residual * residual;
    weight += w.weight;
  }
  const auto n = static_cast<double>(works.size());
  return std::sqrt(n / (n - 1) * squares) / weight;
}

std::vector<double> Jackknife(std::span<const WorkTotals> works) {
  double sum = 0;
  double weight = 0;
  for (const WorkTotals& w : works) {
    sum += w.sum;
    weight += w.weight;
  }
  std::vector<double> values;
  for (const WorkTotals& w : works) {
    values.push_back(weight - w.weight > 0 ? (sum - w.sum) / (weight - w.weight)
                                           : kUnknown);
  }
  return values;
}

double Acceleration(std::span<const double> jackknife) {
  const double mean = Mean(jackknife);
  double squares = 0;
  double cubes = 0;
  for (const double v : jackknife) {
    const double d = mean - v;
    squares += d * d;
    cubes += d * d * d;
  }
  // NaN stays NaN.
  return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : squares;
}

Interval WeightedMean(std::span<const WorkTotals> works, uint64_t seed,
                      int num_resamples, Method method) {
  const double estimate = Ratio(works);
  if (!std::isfinite(estimate) || works.size() < 2)
    return {.estimate = std::isfinite(estimate) ? estimate : kUnknown};
  const double error = StandardError(works);
  if (!std::isfinite(error)) return {.estimate = estimate};
  if (error == 0) return {estimate, estimate, estimate};
  if (works.size() < kMinBootstrapWorks)
    return StudentInterval(estimate, error, works.size());
  if (method == Method::kBca) return Bca(works, estimate, seed, num_resamples);
  return Studentised(works, estimate, error, seed, num_resamples);
}

std::vector<WorkTotals> Differences(std::span<const WorkTotals> a,
                                    std::span<const WorkTotals> b) {
  if (a.size() != b.size()) {
    throw InternalError("paired difference of " + std::to_string(a.size()) +
                        " and " + std::to_string(b.size()) +
                        " works; both sides need the same works");
  }
  std::vector<WorkTotals> result;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].weight != b[i].weight) {
      throw InternalError("paired difference: work " + std::to_string(i) +
                          " has weight " + std::to_string(a[i].weight) +
                          " and " + std::to_string(b[i].weight) +
                          "; both sides need the same scored tokens");
    }
    result.push_back({a[i].sum - b[i].sum, a[i].weight});
  }
  return result;
}

Interval PairedDifference(std::span<const WorkTotals> a,
                          std::span<const WorkTotals> b, uint64_t seed,
                          int num_resamples, Method method) {
  return WeightedMean(Differences(a, b), seed, num_resamples, method);
}

}  // namespace plastometer::stats
