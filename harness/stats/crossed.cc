#include "harness/stats/crossed.h"

#include <cmath>
#include <numeric>

#include "base/error.h"

namespace plastometer::stats {
namespace {

using Matrix = std::vector<std::vector<double>>;

double Total(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// Estimates of the two means; covariances of the estimates from seeds and from
// works: [0] numerator, [1] both, [2] denominator.
struct Moments {
  double mean[2];
  double from_seeds[3], from_works[3];
  double seeds, works;  // degrees of freedom
};

void CheckShape(const Matrix& sums, std::span<const double> weights) {
  for (const auto& row : sums)
    if (row.size() != weights.size())
      throw InternalError("crossed interval: " + std::to_string(row.size()) +
                          " works, but " + std::to_string(weights.size()) +
                          " weights");
}

// Adds scale * (a a', a b', b b') of every pair of residuals.
template <class Residual>
void AddCovariance(size_t n, const Residual& residual, double scale,
                   double (&to)[3]) {
  for (size_t i = 0; i < n; ++i) {
    const double a = residual(0, i), b = residual(1, i);
    to[0] += scale * a * a;
    to[1] += scale * a * b;
    to[2] += scale * b * b;
  }
}

Moments MomentsOf(const Matrix& num, const Matrix& den,
                  std::span<const double> weights) {
  const auto S = static_cast<double>(num.size()),
             W = static_cast<double>(weights.size());
  const double total = Total(weights);
  Moments m{{0, 0}, {0, 0, 0}, {0, 0, 0}, S - 1, W - 1};
  const Matrix* sides[2] = {&num, &den};
  Matrix by_seed(2), by_work(2, std::vector<double>(weights.size(), 0));
  for (int side = 0; side < 2; ++side) {
    for (const auto& row : *sides[side]) {
      by_seed[side].push_back(Total(row) / total);
      m.mean[side] += by_seed[side].back() / S;
      for (size_t w = 0; w < row.size(); ++w) by_work[side][w] += row[w] / S;
    }
  }
  AddCovariance(
      num.size(),
      [&](int side, size_t s) { return by_seed[side][s] - m.mean[side]; },
      1 / (S * (S - 1)), m.from_seeds);
  AddCovariance(
      weights.size(),
      [&](int side, size_t w) {
        return by_work[side][w] - m.mean[side] * weights[w];
      },
      W / (W - 1) / (total * total), m.from_works);
  return m;
}

// Degrees of freedom of numerator - r denominator.
double DegreesFor(const Moments& m, double r) {
  const auto variance = [&](const double(&v)[3]) {
    return std::fmax(0, v[0] - 2 * r * v[1] + r * r * v[2]);
  };
  const double seeds = variance(m.from_seeds), works = variance(m.from_works);
  const double both = seeds + works;
  return both > 0
             ? both * both / (seeds * seeds / m.seeds + works * works / m.works)
             : m.works;
}

double QuantileFor(const Moments& m, double r) {
  return StudentQuantile(0.975, DegreesFor(m, r));
}

}  // namespace

Interval CrossedMean(const Matrix& sums, std::span<const double> weights) {
  CheckShape(sums, weights);
  if (sums.empty() || weights.empty()) return {};
  const Matrix none(sums.size(), std::vector<double>(weights.size(), 0));
  const Moments m = MomentsOf(sums, none, weights);
  Interval interval{m.mean[0], kUnknown, kUnknown};
  if (sums.size() < 2 || weights.size() < 2 || !std::isfinite(m.mean[0]))
    return interval;
  const double half =
      QuantileFor(m, 0) * std::sqrt(m.from_seeds[0] + m.from_works[0]);
  interval.low = m.mean[0] - half;
  interval.high = m.mean[0] + half;
  return interval;
}

double CrossedLevel(const Matrix& sums, std::span<const double> weights) {
  CheckShape(sums, weights);
  if (sums.size() < 2 || weights.size() < 2) return kUnknown;
  const Matrix none(sums.size(), std::vector<double>(weights.size(), 0));
  const Moments m = MomentsOf(sums, none, weights);
  const double error = std::sqrt(m.from_seeds[0] + m.from_works[0]);
  if (!std::isfinite(m.mean[0]) || !std::isfinite(error)) return kUnknown;
  if (error == 0) return m.mean[0] == 0 ? 1 : 0;
  return 2 * StudentCdf(-std::abs(m.mean[0]) / error, DegreesFor(m, 0));
}

RatioResult CrossedRatio(const Matrix& numerator, const Matrix& denominator,
                         std::span<const double> weights) {
  CheckShape(numerator, weights);
  CheckShape(denominator, weights);
  if (numerator.size() != denominator.size())
    throw InternalError("crossed interval: seeds differ in number");
  if (numerator.empty() || weights.empty())
    return {kUnknown, std::nullopt, "there is nothing measured"};
  const Moments m = MomentsOf(numerator, denominator, weights);
  const double ratio = m.mean[0] / m.mean[1];
  const double estimate =
      m.mean[1] != 0 && std::isfinite(ratio) ? ratio : kUnknown;
  if (numerator.size() < 2 || weights.size() < 2)
    return {estimate, std::nullopt,
            numerator.size() < 2 ? "one training seed: its spread is unknown"
                                 : "one work has no spread"};
  double v[3];
  for (int i = 0; i < 3; ++i) v[i] = m.from_seeds[i] + m.from_works[i];
  return FiellerFromMoments(
      {m.mean[0], m.mean[1], v[0], v[1], v[2]},
      QuantileFor(m, std::isfinite(estimate) ? estimate : 0));
}

}  // namespace plastometer::stats
