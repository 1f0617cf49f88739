// A ratio of two paired means (retention R) with its Fieller interval: E. C.
// Fieller, "Some problems in interval estimation", J. R. Stat. Soc. B 16
// (1954). A ratio whose denominator may be 0 has no bounded interval, and gets
// none.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "harness/stats/basic.h"

namespace plastometer::stats {

// Two estimates and the (co)variances of the estimates.
struct PairedMoments {
  double numerator, denominator;
  double var_numerator, covariance, var_denominator;
};

struct RatioResult {
  // NaN when the denominator is 0 or a value is unknown.
  double estimate = kUnknown;
  std::optional<Interval> interval;  // empty: "not available"
  std::string reason;                // why, when it is empty
};

// Fieller's interval with Student's quantile `t`.
RatioResult FiellerFromMoments(const PairedMoments& moments, double t);

// Sums over each work's tokens (nats) of numerator and denominator, and the
// works' token counts; Student's t with n - 1 degrees of freedom. Throws
// kInternal when the lengths differ.
RatioResult FiellerRatio(std::span<const double> numerator_by_work,
                         std::span<const double> denominator_by_work,
                         std::span<const double> weights);

// Sums over each work's tokens (nats) of a ratio of means.
struct RatioSums {
  std::span<const double> numerator, denominator;
};

// b - a of two ratios measured on the same works, whose token counts are
// `weights`: jackknife over works (Efron and Tibshirani, An Introduction to the
// Bootstrap, 1993, ch. 11), Student's t with (sum w)^2 / sum w^2 - 1 degrees of
// freedom. For denominators that are known to be above 0: near 0 a ratio has no
// such error. Fewer than 2 works, or a work without which a denominator is 0:
// the estimate alone. Throws kInternal when lengths differ.
Interval RatioDifference(const RatioSums& b, const RatioSums& a,
                         std::span<const double> weights);

}  // namespace plastometer::stats
