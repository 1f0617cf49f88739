// Linear combinations of paired means, what a verdict says about them, bands
// over many of them, and the correction when many are read together.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "harness/stats/bootstrap.h"

namespace plastometer::stats {

struct Term {
  double coefficient = 0;
  std::vector<WorkTotals> works;  // the same works in every term
};

// Sum of coefficient * loss, work by work. Throws kInternal when works differ
// in number or weight.
std::vector<WorkTotals> Combine(std::span<const Term> terms);

// The interval that a verdict is read off: from the lower of two lower ends to
// the higher of two upper ends. One interval is the studentised bootstrap's,
// which holds skewed gains; the other is Student's t with the jackknife's error
// and (sum w)^2 / sum w^2 - 1 degrees of freedom, which holds heavy tails and
// unequal works. Either alone is short where the other is not:
// docs/intervals.md.
Interval VerdictInterval(std::span<const WorkTotals> works, uint64_t seed,
                         int num_resamples = kNumResamples);

enum class Verdict { kYes, kNo, kUndecided };
// Is the quantity below 0? Undecided when its interval holds 0 or is missing.
Verdict IsNegative(const Interval& interval);

// Two-sided achieved level of "the mean is 0" by the studentised bootstrap
// (Efron and Tibshirani, 1993, ch. 16.4): (1 + number of |t*| >= |t|) / (1 +
// resamples). NaN below kMinBootstrapWorks works.
double BootstrapLevel(std::span<const WorkTotals> works, uint64_t seed,
                      int num_resamples = kNumResamples);

// Adjusted levels of Holm (1979), in the order given: reject where adjusted <
// 0.05 and at most one in 20 families has any false rejection. NaN stays NaN
// and does not count.
std::vector<double> HolmAdjusted(std::span<const double> levels);

// One mean a point, the same works (possibly with weight 0) in every point;
// each resample of works is used for all points. The band holds the whole curve
// in 95 % of samples: estimate -+ c se, c the 95 % quantile of max over points
// of |t*| (Davison and Hinkley, Bootstrap Methods, 1997, ch. 4.2.4). Points
// without an error get no interval and do not enter the maximum. No point below
// kMinBootstrapWorks works gets one.
std::vector<Interval> SimultaneousBand(
    std::span<const std::vector<WorkTotals>> points, uint64_t seed,
    int num_resamples = kNumResamples);

}  // namespace plastometer::stats
