#include "harness/stats/ratio.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"
#include "base/philox.h"

namespace plastometer::stats {
namespace {

TEST(Fieller, ClosedForm) {
  // Equal weights, uncorrelated by design: N = 2, D = 4, sample variances 4/3,
  // covariance 0, n = 4.
  const std::vector<double> num{1, 3, 1, 3}, den{3, 3, 5, 5},
      weights{1, 1, 1, 1};
  const RatioResult result = FiellerRatio(num, den, weights);
  EXPECT_DOUBLE_EQ(result.estimate, 0.5);
  ASSERT_TRUE(result.interval.has_value());
  // g = t^2 (v / n) / D^2; the interval is r/(1-g) -+ t/(D (1-g)) sqrt(v/n (1 +
  // r^2 - g)), Fieller with covariance 0.
  const double t = StudentQuantile(0.975, 3), v = 4.0 / 3 / 4,
               g = t * t * v / 16;
  const double half = t / (4 * (1 - g)) * std::sqrt(v * (1 + 0.25 - g));
  EXPECT_NEAR(result.interval->low, 0.5 / (1 - g) - half, 1e-12);
  EXPECT_NEAR(result.interval->high, 0.5 / (1 - g) + half, 1e-12);
}

TEST(Fieller, NotAvailableWhenTheDenominatorMayBeZero) {
  const RatioResult result = FiellerRatio(std::vector<double>{1, 2, 1},
                                          std::vector<double>{-1, 2, 0.5},
                                          std::vector<double>{1, 1, 1});
  EXPECT_TRUE(std::isfinite(result.estimate));
  EXPECT_FALSE(result.interval.has_value());
  EXPECT_NE(result.reason.find("contains 0"), std::string::npos);
}

TEST(Fieller, ProportionalIsAPoint) {
  const RatioResult result = FiellerRatio(std::vector<double>{9, 18, 36},
                                          std::vector<double>{10, 20, 40},
                                          std::vector<double>{10, 20, 38});
  ASSERT_TRUE(result.interval.has_value());
  EXPECT_NEAR(result.interval->low, 0.9, 1e-7);
  EXPECT_NEAR(result.interval->high, 0.9, 1e-7);
}

TEST(Fieller, UnknownAndTooFew) {
  EXPECT_FALSE(FiellerRatio(std::vector<double>{1}, std::vector<double>{2},
                            std::vector<double>{1})
                   .interval.has_value());
  EXPECT_DOUBLE_EQ(FiellerRatio(std::vector<double>{1}, std::vector<double>{2},
                                std::vector<double>{1})
                       .estimate,
                   0.5);
  EXPECT_TRUE(std::isnan(FiellerRatio({}, {}, {}).estimate));
  const RatioResult unknown =
      FiellerRatio(std::vector<double>{1, kUnknown}, std::vector<double>{2, 2},
                   std::vector<double>{1, 1});
  EXPECT_TRUE(std::isnan(unknown.estimate));
  EXPECT_FALSE(unknown.interval.has_value());
  EXPECT_THROW(FiellerRatio(std::vector<double>{1, 2}, std::vector<double>{2},
                            std::vector<double>{1}),
               Error);
}

TEST(Fieller, CoversTheTruth) {
  int num_covered = 0;
  for (int i = 0; i < 1000; ++i) {
    PhiloxStream stream(3, static_cast<uint64_t>(i));
    std::vector<double> num, den, weights;
    for (int k = 0; k < 16; ++k) {
      const double shared = NormalQuantile(stream.NextUniform());
      weights.push_back(1 + stream.NextUniform());
      den.push_back(weights.back() * (1 + 0.3 * shared));
      num.push_back(
          weights.back() *
          (0.9 + 0.25 * shared + 0.1 * NormalQuantile(stream.NextUniform())));
    }
    const RatioResult result = FiellerRatio(num, den, weights);
    num_covered += result.interval && result.interval->low <= 0.9 &&
                           0.9 <= result.interval->high
                       ? 1
                       : 0;
  }
  // 950 expected, standard deviation 7.
  EXPECT_NEAR(num_covered, 950, 30);
}

TEST(RatioDifference, OfProportionalWorksIsAPoint) {
  const std::vector<double> gap{1, 2, 4}, half{0.5, 1, 2},
      quarter{0.25, 0.5, 1}, weights{1, 1, 1};
  const Interval same = RatioDifference({half, gap}, {half, gap}, weights);
  EXPECT_EQ(same.estimate, 0);
  EXPECT_EQ(same.low, 0);
  EXPECT_EQ(same.high, 0);
  const Interval other = RatioDifference({half, gap}, {quarter, gap}, weights);
  EXPECT_DOUBLE_EQ(other.estimate, 0.25);
  EXPECT_NEAR(other.low, 0.25, 1e-12);
  EXPECT_NEAR(other.high, 0.25, 1e-12);
}

TEST(RatioDifference, UnknownAndTooFew) {
  const std::vector<double> one{1}, two{2}, zero{0};
  EXPECT_FALSE(RatioDifference({one, two}, {one, one}, one).available());
  EXPECT_EQ(RatioDifference({one, two}, {one, one}, one).estimate, -0.5);
  EXPECT_TRUE(
      std::isnan(RatioDifference({one, zero}, {one, one}, one).estimate));
  // Without the second work the gap is 0.
  const std::vector<double> gap{0, 1}, kept{0.1, 0.2}, weights{1, 1};
  EXPECT_FALSE(
      RatioDifference({kept, gap}, {weights, weights}, weights).available());
  EXPECT_THROW(RatioDifference({one, gap}, {one, one}, one), Error);
}

}  // namespace
}  // namespace plastometer::stats
