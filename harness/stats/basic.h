// Moments, quantiles and the two distributions that intervals need. What is
// unknown is NaN, never 0.
#pragma once
#include <cmath>
#include <limits>
#include <span>

namespace plastometer::stats {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// A 95 % interval. low and high are NaN when there is none (one work, unknown
// values); estimate may still be known.
struct Interval {
  double estimate = kUnknown;
  double low = kUnknown;
  double high = kUnknown;
  bool available() const { return std::isfinite(low) && std::isfinite(high); }
  bool excludes_zero() const { return available() && (low > 0 || high < 0); }
};

// NaN when empty.
double Mean(std::span<const double> values);

// Unbiased, two passes with the correction of Chan, Golub and LeVeque (1983),
// eq. 1.7. NaN below two values.
double Variance(std::span<const double> values);

// Linear between order statistics (type 7 of Hyndman and Fan, 1996; the default
// of R and NumPy). NaN when empty, when p is outside [0, 1], or when a value is
// NaN.
double Quantile(std::span<const double> values, double p);
// The same for values already in ascending order, none of them NaN.
double SortedQuantile(std::span<const double> sorted, double p);

double NormalCdf(double z);
double NormalQuantile(double p);  // p in (0, 1), else NaN
// Through the incomplete beta function, DLMF 8.17.22.
double StudentCdf(double t, double degrees);
// p in (0, 1) and degrees > 0, else NaN.
double StudentQuantile(double p, double degrees);

}  // namespace plastometer::stats
