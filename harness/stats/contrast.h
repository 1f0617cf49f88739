// Linear combinations of paired means, what a verdict says about them, bands
// over many of them, and the correction when many are read together.
#pragma once
#include <cstdint>
#include <functional>
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

// Sign patterns drawn where there are too many to try all.
inline constexpr int kNumSignFlips = 100000;
inline constexpr size_t kMaxExactSignFlips = 20;  // works

// Two-sided level of "what the works contribute is symmetric about 0": the
// share of sign patterns whose sum is as far from 0 as the one seen (Fisher's
// randomisation test: Fisher, The Design of Experiments, 1935, section 21). All
// patterns up to 20 works; above, kNumSignFlips random ones and the one seen.
// Ties count against. NaN below 2 works or where a sum is not finite.
double SignFlipLevel(std::span<const WorkTotals> works, uint64_t seed,
                     int num_flips = kNumSignFlips);

// Of works drawn together: a statistic of several sums that is no mean, as a
// mean of pseudo-values n f - (n - 1) f(-w) with weight 1 (Tukey's jackknife:
// Efron and Tibshirani, 1993, ch. 11). `statistic` gets the sums over the works
// that are in, one for each of `sums` [quantity][work]; a value that is not
// finite makes a pseudo-value NaN.
std::vector<WorkTotals> PseudoValues(
    std::span<const std::vector<double>> sums,
    const std::function<double(std::span<const double>)>& statistic);

// Place of the first mean among all of them, 1 for the least, ties by half; the
// same works with the same weights in each. The interval: percentiles of 2,000
// resamples of works (Efron and Tibshirani, 1993, ch. 13.3); none below
// kMinBootstrapWorks works. Throws kInternal when works differ in number.
Interval PlaceAmong(std::span<const std::vector<WorkTotals>> means,
                    uint64_t seed, int num_resamples = kNumResamples);

// Adjusted levels of Holm (1979), in the order given: reject where adjusted <
// 0.05 and at most one in 20 families has any false rejection. NaN stays NaN
// and does not count.
std::vector<double> HolmAdjusted(std::span<const double> levels);

// A verdict, and the level by which its family is corrected.
struct Judged {
  double level = kUnknown;     // two-sided; NaN: takes no part
  double adjusted = kUnknown;  // of the family
  Verdict verdict = Verdict::kUndecided;
};

// Holm over all of them: the family-wise error is at most 5 %. What does not
// reach it becomes undecided. How many took part.
int64_t CorrectTogether(std::span<Judged* const> family);

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
