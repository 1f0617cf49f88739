#include "harness/stats/crossed.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.h"

namespace plastometer::stats {
namespace {

// Two seeds, three works of weight 1, 1, 2. By hand: seed means 7/4 and 11/4,
// estimate 9/4; variance from seeds (2 x 0.25) / 2 / 1 = 0.25. Averages by work
// 1, 3, 5 less 9/4 times the weight: -1.25, 0.75, 0.5; their squares' sum 2.375
// times 3/2 / 16 = 0.22265625.
TEST(CrossedMean, ByHand) {
  const std::vector<double> weights = {1, 1, 2};
  const Interval mean = CrossedMean({{0, 3, 4}, {2, 3, 6}}, weights);
  EXPECT_DOUBLE_EQ(mean.estimate, 2.25);
  const double both = 0.25 + 0.22265625;
  const double degrees =
      both * both / (0.25 * 0.25 / 1 + 0.22265625 * 0.22265625 / 2);
  const double half = StudentQuantile(0.975, degrees) * std::sqrt(both);
  EXPECT_NEAR(mean.low, 2.25 - half, 1e-12);
  EXPECT_NEAR(mean.high, 2.25 + half, 1e-12);
  // Its level is the one whose interval ends at 0.
  const double level = CrossedLevel({{0, 3, 4}, {2, 3, 6}}, weights);
  EXPECT_NEAR(StudentQuantile(1 - level / 2, degrees) * std::sqrt(both), 2.25,
              1e-9);
  EXPECT_TRUE(std::isnan(CrossedLevel({{0, 3, 4}}, weights)));
}

TEST(CrossedMean, OneSeedOrOneWorkHasNoInterval) {
  const std::vector<double> weights = {1, 1};
  EXPECT_DOUBLE_EQ(CrossedMean({{1, 3}}, weights).estimate, 2);
  EXPECT_FALSE(CrossedMean({{1, 3}}, weights).available());
  EXPECT_FALSE(CrossedMean({{1}, {2}}, std::vector<double>{1}).available());
  EXPECT_THROW(CrossedMean({{1, 2, 3}}, weights), Error);
}

TEST(CrossedRatio, WithoutSpreadOfSeedsItIsFieller) {
  const std::vector<double> num = {1, 2, 3, 2}, den = {2, 3, 5, 4},
                            weights = {1, 1, 1, 1};
  const RatioResult one = FiellerRatio(num, den, weights);
  const RatioResult crossed =
      CrossedRatio({num, num, num}, {den, den, den}, weights);
  EXPECT_DOUBLE_EQ(crossed.estimate, one.estimate);
  EXPECT_NEAR(crossed.interval->low, one.interval->low, 1e-9);
  EXPECT_NEAR(crossed.interval->high, one.interval->high, 1e-9);
}

TEST(CrossedRatio, SaysWhyThereIsNoInterval) {
  const std::vector<double> weights = {1, 1, 1};
  EXPECT_FALSE(
      CrossedRatio({{1, 2, 3}}, {{2, 3, 4}}, weights).interval.has_value());
  const RatioResult noise =
      CrossedRatio({{1, 2, 3}, {3, 2, 1}}, {{1, -1, 0.1}, {-1, 1, 0}}, weights);
  EXPECT_FALSE(noise.interval.has_value());
  EXPECT_EQ(noise.reason, "the 95 % interval of the denominator contains 0");
}

// Seeds and works with effects of their own, and a part that they share.
TEST(CrossedMean, CoversTheTruth) {
  std::mt19937_64 generator(11);
  std::normal_distribution<double> normal;
  const std::vector<double> weights(48, 1);
  int covered = 0;
  constexpr int kRuns = 2000;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<std::vector<double>> sums(3, std::vector<double>(48));
    std::vector<double> work(48);
    for (double& w : work) w = normal(generator);
    for (auto& seed : sums) {
      const double effect = 0.2 * normal(generator);
      for (size_t w = 0; w < 48; ++w)
        seed[w] = 5 + effect + work[w] + 0.3 * normal(generator);
    }
    const Interval interval = CrossedMean(sums, weights);
    covered += interval.low <= 5 && 5 <= interval.high;
  }
  // Rather too wide, never too narrow: 0.95 less four standard errors.
  EXPECT_GE(covered, kRuns * 93 / 100);
  EXPECT_LE(covered, kRuns * 995 / 1000);
}

}  // namespace
}  // namespace plastometer::stats
