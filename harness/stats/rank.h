// Ranks and correlations.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace plastometer::stats {

// 1 for the least; ties share the mean of their ranks. A NaN gets NaN and does
// not count.
std::vector<double> Ranks(std::span<const double> values);

// Pearson's correlation of a[t] with b[t + lag], over the pairs where both are
// known. NaN below 3 pairs or when one side does not vary.
double LaggedCorrelation(std::span<const double> a, std::span<const double> b,
                         int64_t lag = 0);

// Spearman's: Pearson's of the ranks.
double RankCorrelation(std::span<const double> a, std::span<const double> b);

}  // namespace plastometer::stats
