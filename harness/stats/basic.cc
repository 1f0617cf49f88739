#include "harness/stats/basic.h"

#include <algorithm>
#include <vector>

namespace plastometer::stats {

double Mean(std::span<const double> values) {
  if (values.empty()) return kUnknown;
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double Variance(std::span<const double> values) {
  if (values.size() < 2) return kUnknown;
  const double mean = Mean(values);
  double squares = 0;
  // What rounding of the mean has left: exactly 0 in real numbers.
  double rest = 0;
  for (const double v : values) {
    squares += (v - mean) * (v - mean);
    rest += v - mean;
  }
  const auto n = static_cast<double>(values.size());
  return (squares - rest * rest / n) / (n - 1);
}

double SortedQuantile(std::span<const double> sorted, double p) {
  if (sorted.empty() || !(p >= 0 && p <= 1)) return kUnknown;
  const double position = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + (position - static_cast<double>(below)) *
                             (sorted[below + 1] - sorted[below]);
}

double Quantile(std::span<const double> values, double p) {
  std::vector<double> sorted(values.begin(), values.end());
  // NaN has no place in an order; std::sort would be undefined.
  if (std::ranges::any_of(sorted, [](double v) { return std::isnan(v); }))
    return kUnknown;
  std::ranges::sort(sorted);
  return SortedQuantile(sorted, p);
}

namespace {

// The argument where an increasing function reaches p. Bisection: exact to the
// last bits, and fast enough for a handful of calls.
template <typename Function>
double Invert(double p, double low, double high, Function cdf) {
  for (int i = 0; i < 200; ++i) {
    const double middle = low + (high - low) / 2;
    if (middle == low || middle == high) break;
    (cdf(middle) < p ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

// Continued fraction of the incomplete beta function, DLMF 8.17.22, by the
// modified Lentz method.
double BetaFraction(double x, double a, double b) {
  constexpr double kTiny = 1e-300;
  double c = 1;
  double d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < kTiny ? kTiny : d);
  double h = d;
  for (int m = 1; m <= 10000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd =
        -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double change = 0;
    for (const double term : {even, odd}) {
      d = 1 + term * d;
      d = 1 / (std::abs(d) < kTiny ? kTiny : d);
      c = 1 + term / c;
      if (std::abs(c) < kTiny) c = kTiny;
      change = c * d;
      h *= change;
    }
    if (std::abs(change - 1) < 1e-15) break;
  }
  return h;
}

// Regularised incomplete beta function I_x(a, b).
double IncompleteBeta(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
               a * std::log(x) + b * std::log1p(-x));
  // The fraction converges fast on this side of the mean only.
  if (x < (a + 1) / (a + b + 2)) return front * BetaFraction(x, a, b) / a;
  return 1 - front * BetaFraction(1 - x, b, a) / b;
}

}  // namespace

double NormalCdf(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

double NormalQuantile(double p) {
  if (!(p > 0 && p < 1)) return kUnknown;
  // The lower tail keeps its relative precision; the upper is its mirror.
  if (p > 0.5) return -Invert(1 - p, -40, 0, NormalCdf);
  return Invert(p, -40, 0, NormalCdf);
}

double StudentCdf(double t, double degrees) {
  if (!(degrees > 0) || std::isnan(t)) return kUnknown;
  const double tail =
      0.5 * IncompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
  return t < 0 ? tail : 1 - tail;
}

double StudentQuantile(double p, double degrees) {
  if (!(p > 0 && p < 1) || !(degrees > 0)) return kUnknown;
  if (p > 0.5) return -StudentQuantile(1 - p, degrees);
  return Invert(p, -1e9, 0,
                [degrees](double t) { return StudentCdf(t, degrees); });
}

}  // namespace plastometer::stats
