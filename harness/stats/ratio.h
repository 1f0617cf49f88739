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

}  // namespace plastometer::stats
