// Intervals for numbers that were measured on several training seeds and on the
// same works: both are samples, and they cross.
#pragma once
#include <span>
#include <vector>

#include "harness/stats/basic.h"
#include "harness/stats/ratio.h"

namespace plastometer::stats {

// sums[seed][work] over the tokens whose number is weights[work]. The estimate
// is the mean over seeds of the weighted mean over works. Its variance is the
// sum of the two samples' own, seeds (of the per-seed means) and works (of the
// seeds' average); Student's t with the degrees of freedom of F. Satterthwaite,
// "An approximate distribution of estimates of variance components",
// Biometrics 2 (1946), eq. 18. The part that seeds and works share is counted
// twice, so intervals are rather too wide. One seed or one work: no interval.
// Throws kInternal when lengths differ.
Interval CrossedMean(const std::vector<std::vector<double>>& sums,
                     std::span<const double> weights);

// Two-sided level of "that mean is 0", by the same t. NaN where there is no
// interval.
double CrossedLevel(const std::vector<std::vector<double>>& sums,
                    std::span<const double> weights);

// Ratio of two such means over the same seeds and works, by Fieller's method
// with the same variances. One seed: the estimate and a reason.
RatioResult CrossedRatio(const std::vector<std::vector<double>>& numerator,
                         const std::vector<std::vector<double>>& denominator,
                         std::span<const double> weights);

}  // namespace plastometer::stats
