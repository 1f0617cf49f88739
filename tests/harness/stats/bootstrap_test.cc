#include "harness/stats/bootstrap.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"

namespace plastometer::stats {
namespace {

std::vector<WorkTotals> Works(size_t n) {
  std::vector<WorkTotals> works;
  for (size_t i = 0; i < n; ++i) {
    const double weight = 100.0 + static_cast<double>(i * 37 % 50);
    works.push_back(
        {weight * (3.0 + 0.01 * static_cast<double>(i * 53 % 31)), weight});
  }
  return works;
}

TEST(Bootstrap, EstimateIsWeightedByToken) {
  const std::vector<WorkTotals> works{{30, 10}, {2, 1}};
  EXPECT_DOUBLE_EQ(WeightedMean(works, 1).estimate, 32.0 / 11);
}

TEST(Bootstrap, OneWorkHasNoInterval) {
  const Interval one = WeightedMean(std::vector<WorkTotals>{{30, 10}}, 1);
  EXPECT_DOUBLE_EQ(one.estimate, 3);
  EXPECT_FALSE(one.available());
  EXPECT_TRUE(std::isnan(WeightedMean({}, 1).estimate));
}

TEST(Bootstrap, UnknownStaysUnknown) {
  auto works = Works(20);
  works[3].sum = kUnknown;
  EXPECT_TRUE(std::isnan(WeightedMean(works, 1).estimate));
  EXPECT_FALSE(WeightedMean(works, 1).available());
  EXPECT_TRUE(std::isnan(
      WeightedMean(std::vector<WorkTotals>{{1, 0}, {2, 0}}, 1).estimate));
}

TEST(Bootstrap, FewWorksUseStudentsT) {
  // Equal weights: the textbook interval of a mean. 1, 2, 3: sd 1, error
  // 1/sqrt(3), t(0.975, 2) = 4.302652729749463.
  const std::vector<WorkTotals> works{{1, 1}, {2, 1}, {3, 1}};
  const Interval interval = WeightedMean(works, 1);
  EXPECT_NEAR(interval.high - 2, 4.302652729749463 / std::sqrt(3.0), 1e-10);
  EXPECT_NEAR(2 - interval.low, 4.302652729749463 / std::sqrt(3.0), 1e-10);
}

TEST(Bootstrap, SameSeedSameBits) {
  const auto works = Works(20);
  for (const Method method : {Method::kStudentised, Method::kBca}) {
    const Interval a = WeightedMean(works, 5, 2000, method);
    const Interval b = WeightedMean(works, 5, 2000, method);
    const Interval other = WeightedMean(works, 6, 2000, method);
    EXPECT_EQ(a.low, b.low);
    EXPECT_EQ(a.high, b.high);
    EXPECT_NE(a.low, other.low);
    EXPECT_LT(a.low, a.estimate);
    EXPECT_GT(a.high, a.estimate);
  }
}

TEST(Bootstrap, NearTheNormalIntervalWhenThereAreManyWorks) {
  const auto works = Works(400);
  const double error = StandardError(works);
  for (const Method method : {Method::kStudentised, Method::kBca}) {
    const Interval interval = WeightedMean(works, 5, 2000, method);
    // 2,000 resamples leave an end uncertain by about 5 % of its distance.
    EXPECT_NEAR(interval.estimate - interval.low, 1.96 * error, 0.2 * error);
    EXPECT_NEAR(interval.high - interval.estimate, 1.96 * error, 0.2 * error);
  }
}

TEST(Bootstrap, NoSpreadIsAPoint) {
  const std::vector<WorkTotals> works(10, WorkTotals{6, 2});
  const Interval interval = WeightedMean(works, 1);
  EXPECT_EQ(interval.low, 3);
  EXPECT_EQ(interval.high, 3);
}

TEST(Bootstrap, PairingRemovesWhatBothShare) {
  const auto a = Works(20);
  auto b = a;
  for (size_t i = 0; i < b.size(); ++i)
    b[i].sum += b[i].weight * (0.001 + 0.0001 * static_cast<double>(i % 3));
  const Interval paired = PairedDifference(a, b, 1);
  EXPECT_TRUE(paired.excludes_zero());
  EXPECT_LT(paired.high, 0);
  EXPECT_NEAR(paired.estimate, -0.0011, 1e-4);
  const Interval alone = WeightedMean(a, 1);
  EXPECT_GT(alone.high - alone.low, 20 * (paired.high - paired.low));
}

TEST(Bootstrap, RefusesWhatIsNotPaired) {
  const auto a = Works(20);
  auto b = a;
  b[4].weight += 1;
  EXPECT_THROW(PairedDifference(a, b, 1), Error);
  b.pop_back();
  EXPECT_THROW(PairedDifference(a, b, 1), Error);
}

TEST(Bootstrap, JackknifeAndAcceleration) {
  const std::vector<WorkTotals> works{{1, 1}, {2, 1}, {6, 1}};
  EXPECT_EQ(Jackknife(works), (std::vector<double>{4, 3.5, 1.5}));
  // Mean 3; deviations -1, -0.5, 1.5: cubes 2.25, squares 3.5.
  EXPECT_NEAR(Acceleration(Jackknife(works)), 2.25 / (6 * std::pow(3.5, 1.5)),
              1e-15);
  EXPECT_EQ(Acceleration(std::vector<double>{2, 2, 2}), 0);
}

}  // namespace
}  // namespace plastometer::stats
