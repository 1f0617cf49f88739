#include "harness/stats/basic.h"

#include <gtest/gtest.h>

#include <vector>

namespace plastometer::stats {
namespace {

TEST(Basic, MeanAndVariance) {
  const std::vector<double> v{2, 4, 4, 4, 5, 5, 7, 9};
  EXPECT_DOUBLE_EQ(Mean(v), 5);
  EXPECT_DOUBLE_EQ(Variance(v), 32.0 / 7);
}

TEST(Basic, VarianceSurvivesALargeMean) {
  // The one-pass formula gives 0 or worse here.
  const std::vector<double> v{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
  EXPECT_DOUBLE_EQ(Variance(v), 30);
}

TEST(Basic, UnknownIsNaN) {
  EXPECT_TRUE(std::isnan(Mean({})));
  EXPECT_TRUE(std::isnan(Variance(std::vector<double>{1})));
  EXPECT_TRUE(std::isnan(Quantile({}, 0.5)));
  EXPECT_TRUE(std::isnan(Quantile(std::vector<double>{1, kUnknown, 3}, 0.5)));
  EXPECT_TRUE(std::isnan(Quantile(std::vector<double>{1, 2}, 1.5)));
  EXPECT_FALSE(Interval{}.available());
  EXPECT_FALSE(Interval{}.excludes_zero());
}

TEST(Basic, QuantileOfType7) {
  const std::vector<double> v{
      40, 10, 30, 20};  // R: quantile(c(10,20,30,40), c(.1, .25, .5, 1))
  EXPECT_DOUBLE_EQ(Quantile(v, 0.1), 13);
  EXPECT_DOUBLE_EQ(Quantile(v, 0.25), 17.5);
  EXPECT_DOUBLE_EQ(Quantile(v, 0.5), 25);
  EXPECT_DOUBLE_EQ(Quantile(v, 1), 40);
  EXPECT_DOUBLE_EQ(Quantile(std::vector<double>{3}, 0.9), 3);
}

TEST(Basic, Normal) {
  EXPECT_NEAR(NormalQuantile(0.975), 1.959963984540054, 1e-14);
  EXPECT_NEAR(NormalQuantile(1e-10), -6.361340902404056, 1e-13);
  EXPECT_DOUBLE_EQ(NormalCdf(0), 0.5);
  EXPECT_NEAR(NormalCdf(1.959963984540054), 0.975, 1e-15);
  EXPECT_TRUE(std::isnan(NormalQuantile(0)));
  EXPECT_TRUE(std::isnan(NormalQuantile(1)));
}

TEST(Basic, Student) {
  // 1 degree of freedom is Cauchy: tan(pi * 0.475); 2 has a closed form; 10 and
  // 30 by 40-digit arithmetic from the closed form.
  EXPECT_NEAR(StudentQuantile(0.975, 1), std::tan(std::acos(-1.0) * 0.475),
              1e-10);
  EXPECT_NEAR(StudentQuantile(0.975, 2),
              0.95 * std::sqrt(2 / (1 - 0.95 * 0.95)), 1e-11);
  EXPECT_NEAR(StudentQuantile(0.975, 10), 2.228138851986275, 1e-11);
  EXPECT_NEAR(StudentQuantile(0.025, 30), -2.042272456301238, 1e-11);
  EXPECT_NEAR(StudentQuantile(0.975, 1e7), NormalQuantile(0.975), 1e-6);
  EXPECT_DOUBLE_EQ(StudentCdf(0, 5), 0.5);
  EXPECT_TRUE(std::isnan(StudentQuantile(0.975, 0)));
}

}  // namespace
}  // namespace plastometer::stats
