// Intervals for token-weighted means when the independent unit is the work (a
// book, a package, a generated document). Works are drawn with replacement,
// whole, so that what is alike within a work is never counted as independent.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "harness/stats/basic.h"

namespace plastometer::stats {

// One work: the sum over its scored tokens (nats), and how many those are (or
// any weight >= 0).
struct WorkTotals {
  double sum = 0;
  double weight = 0;
};

enum class Method {
  // Bootstrap-t: Efron and Tibshirani, An Introduction to the Bootstrap (1993),
  // ch. 12.5.
  kStudentised,
  kBca,  // bias-corrected and accelerated, acceleration by jackknife: ch. 14.3
};

inline constexpr int kNumResamples = 2000;

// Below this many works resamples repeat each other too often: Student's t with
// the linearised variance is used instead.
inline constexpr size_t kMinBootstrapWorks = 8;

// sum of sums / sum of weights, with a 95 % interval. Fewer than 2 works: the
// estimate without an interval. No weight, or any value not finite: NaN. The
// order of works matters to the draws, so sort them by name.
Interval WeightedMean(std::span<const WorkTotals> works, uint64_t seed,
                      int num_resamples = kNumResamples,
                      Method method = Method::kStudentised);

// Mean of a minus mean of b (nats per token) over the same works with the same
// weights. Throws kInternal when the works differ in number or weight: the
// comparison would not be paired.
Interval PairedDifference(std::span<const WorkTotals> a,
                          std::span<const WorkTotals> b, uint64_t seed,
                          int num_resamples = kNumResamples,
                          Method method = Method::kStudentised);

// a - b, work by work; throws as PairedDifference does.
std::vector<WorkTotals> Differences(std::span<const WorkTotals> a,
                                    std::span<const WorkTotals> b);

// The estimate with each work left out in turn. NaN where the others have no
// weight.
std::vector<double> Jackknife(std::span<const WorkTotals> works);

// Acceleration of BCa from jackknife values: Efron and Tibshirani, eq. 14.15. 0
// when they are all equal.
double Acceleration(std::span<const double> jackknife);

// Standard error of the weighted mean, linearised: Cochran, Sampling Techniques
// (1977), eq. 2.46 without the finite population correction. NaN below 2 works.
double StandardError(std::span<const WorkTotals> works);

}  // namespace plastometer::stats
