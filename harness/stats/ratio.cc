#include "harness/stats/ratio.h"

#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"

namespace plastometer::stats {

namespace {

// Weighted means of numerator and denominator and their linearised
// (co)variances.
PairedMoments Moments(std::span<const double> num, std::span<const double> den,
                      std::span<const double> weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  PairedMoments m{std::accumulate(num.begin(), num.end(), 0.0) / total,
                  std::accumulate(den.begin(), den.end(), 0.0) / total, 0, 0,
                  0};
  const auto n = static_cast<double>(num.size());
  const double scale = n / (n - 1) / (total * total);
  for (size_t i = 0; i < num.size(); ++i) {
    const double rest_num = num[i] - m.numerator * weights[i];
    const double rest_den = den[i] - m.denominator * weights[i];
    m.var_numerator += scale * rest_num * rest_num;
    m.covariance += scale * rest_num * rest_den;
    m.var_denominator += scale * rest_den * rest_den;
  }
  return m;
}

// All r with (N - r D)^2 <= t^2 Var(N - r D), a quadratic in r; `a` > 0 makes
// that a bounded interval.
Interval Solve(const PairedMoments& m, double t, double a) {
  const double b = m.numerator * m.denominator - t * t * m.covariance;
  const double c = m.numerator * m.numerator - t * t * m.var_numerator;
  // >= 0 but for rounding: the estimate satisfies it.
  const double root = std::sqrt(std::fmax(0.0, b * b - a * c));
  return {m.numerator / m.denominator, (b - root) / a, (b + root) / a};
}

double RatioOf(const PairedMoments& m) {
  const double ratio = m.numerator / m.denominator;
  return m.denominator != 0 && std::isfinite(ratio) ? ratio : kUnknown;
}

double Sum(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// The ratio without work `left_out`, or of all works.
double RatioWithout(const RatioSums& r, size_t left_out) {
  const bool all = left_out >= r.numerator.size();
  return (Sum(r.numerator) - (all ? 0 : r.numerator[left_out])) /
         (Sum(r.denominator) - (all ? 0 : r.denominator[left_out]));
}

}  // namespace

RatioResult FiellerFromMoments(const PairedMoments& m, double t) {
  RatioResult result;
  result.estimate = RatioOf(m);
  const double a = m.denominator * m.denominator - t * t * m.var_denominator;
  if (std::isnan(a) || std::isnan(m.numerator)) {
    result.reason = "a value is unknown";
  } else if (a <= 0) {
    result.reason = "the 95 % interval of the denominator contains 0";
  } else {
    result.interval = Solve(m, t, a);
  }
  return result;
}

RatioResult FiellerRatio(std::span<const double> numerator_by_work,
                         std::span<const double> denominator_by_work,
                         std::span<const double> weights) {
  const size_t n = numerator_by_work.size();
  if (denominator_by_work.size() != n || weights.size() != n)
    throw InternalError("FiellerRatio: the spans differ in length");
  if (n == 0) return {kUnknown, std::nullopt, "there are no works"};
  const PairedMoments m =
      Moments(numerator_by_work, denominator_by_work, weights);
  if (n < 2)
    return {RatioOf(m), std::nullopt,
            "one work has no spread; an interval needs two or more"};
  return FiellerFromMoments(m,
                            StudentQuantile(0.975, static_cast<double>(n - 1)));
}

Interval RatioDifference(const RatioSums& b, const RatioSums& a,
                         std::span<const double> weights) {
  const size_t n = weights.size();
  for (const size_t size : {a.numerator.size(), a.denominator.size(),
                            b.numerator.size(), b.denominator.size()})
    if (size != n)
      throw InternalError("RatioDifference: the spans differ in length");
  Interval result;
  const double estimate = RatioWithout(b, n) - RatioWithout(a, n);
  if (!std::isfinite(estimate)) return result;
  result.estimate = estimate;
  std::vector<double> values;
  double squares = 0;
  for (size_t i = 0; i < n; ++i) {
    values.push_back(RatioWithout(b, i) - RatioWithout(a, i));
    squares += weights[i] * weights[i];
  }
  const auto count = static_cast<double>(n);
  const double error = (count - 1) * std::sqrt(Variance(values) / count);
  const double total = Sum(weights);
  const double t = StudentQuantile(0.975, total * total / squares - 1);
  if (!std::isfinite(error) || !std::isfinite(t)) return result;
  result.low = estimate - t * error;
  result.high = estimate + t * error;
  return result;
}

}  // namespace plastometer::stats
