// Contrasts, Holm and bands: closed forms, and numbers of R's p.adjust and
// SciPy.
#include "harness/stats/contrast.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/philox.h"

namespace plastometer::stats {
namespace {

std::vector<WorkTotals> Works(size_t n, double mean, double scatter,
                              uint64_t stream_id) {
  PhiloxStream stream(77, stream_id);
  std::vector<WorkTotals> works(n);
  for (WorkTotals& w : works) {
    w.weight = 100;
    w.sum = 100 * (mean + scatter * NormalQuantile(stream.NextUniform()));
  }
  return works;
}

TEST(Contrast, IsTheCombinationOfTheMeans) {
  const Term terms[] = {{1, {{30, 10}, {50, 20}}},
                        {-0.05, {{40, 10}, {60, 20}}},
                        {-0.95, {{20, 10}, {40, 20}}}};
  const auto works = Combine(terms);
  EXPECT_NEAR(works[0].sum, 30 - 2 - 19, 1e-12);
  EXPECT_NEAR(works[1].sum, 50 - 3 - 38, 1e-12);
  EXPECT_NEAR(WeightedMean(works, 1).estimate, (9.0 + 9.0) / 30, 1e-12);
}

// Equal weights: the jackknife's error is s / sqrt(n), the degrees are n - 1;
// symmetric works, so that the bootstrap's ends are nearly the same.
TEST(VerdictInterval, HoldsStudentsAndTheBootstraps) {
  const auto works = Works(20, 1, 0.3, 6);
  const Interval hull = VerdictInterval(works, 1);
  const Interval bootstrap = WeightedMean(works, 1);
  const double half = StudentQuantile(0.975, 19) * StandardError(works);
  EXPECT_NEAR(hull.low, std::min(bootstrap.low, hull.estimate - half), 1e-9);
  EXPECT_NEAR(hull.high, std::max(bootstrap.high, hull.estimate + half), 1e-9);
}

TEST(VerdictInterval, UnequalWorksWidenIt) {
  auto works = Works(20, 1, 0.3, 6);
  works[0].weight *= 30, works[0].sum *= 30;
  const Interval hull = VerdictInterval(works, 1);
  EXPECT_GT(hull.high - hull.low, 2 * 2 * StudentQuantile(0.975, 19) *
                                      StandardError(Works(20, 1, 0.3, 6)));
  works.assign(20, WorkTotals{0, 0});
  works[3] = {5, 5};
  EXPECT_FALSE(VerdictInterval(works, 1).available());
}

TEST(Contrast, RefusesOtherWorksOrWeights) {
  const Term fewer[] = {{1, {{1, 1}, {1, 1}}}, {-1, {{1, 1}}}};
  EXPECT_THROW(Combine(fewer), Error);
  const Term other[] = {{1, {{1, 1}}}, {-1, {{1, 2}}}};
  EXPECT_THROW(Combine(other), Error);
}

TEST(Verdict, FollowsTheInterval) {
  EXPECT_EQ(IsNegative({-2, -3, -1}), Verdict::kYes);
  EXPECT_EQ(IsNegative({2, 1, 3}), Verdict::kNo);
  EXPECT_EQ(IsNegative({-1, -3, 0.1}), Verdict::kUndecided);
  EXPECT_EQ(IsNegative({-1, kUnknown, kUnknown}), Verdict::kUndecided);
}

// R 4.2: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
TEST(Holm, IsRsPAdjust) {
  const double levels[] = {0.01, 0.04, 0.03, 0.005};
  const auto adjusted = HolmAdjusted(levels);
  const double expected[] = {0.03, 0.06, 0.06, 0.02};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(adjusted[i], expected[i], 1e-12);
}

TEST(Holm, PassesOverWhatIsUnknownAndStopsAtOne) {
  const double levels[] = {0.9, kUnknown, 0.8};
  const auto adjusted = HolmAdjusted(levels);
  EXPECT_EQ(adjusted[0], 1);
  EXPECT_TRUE(std::isnan(adjusted[1]));
  EXPECT_EQ(adjusted[2], 1);
}

// 2^4 patterns of 1, 2, 3, 4: all plus, all minus reach 10; also 1 turned
// reaches 8.
TEST(SignFlipLevel, IsExactForFewWorks) {
  const std::vector<WorkTotals> works = {{1, 1}, {2, 1}, {3, 1}, {4, 1}};
  EXPECT_DOUBLE_EQ(SignFlipLevel(works, 1), 2.0 / 16);
  const std::vector<WorkTotals> turned = {{-1, 1}, {2, 1}, {3, 1}, {4, 1}};
  EXPECT_DOUBLE_EQ(SignFlipLevel(turned, 1), 4.0 / 16);
  const std::vector<WorkTotals> silent = {{1, 1}, {0, 0}, {2, 1},
                                          {3, 1}, {4, 1}, {0, 0}};
  EXPECT_DOUBLE_EQ(SignFlipLevel(silent, 1), 2.0 / 16);
}

TEST(SignFlipLevel, SamplesComeNearTheExactLevel) {
  auto works = Works(20, 0.02, 0.3, 5);
  const double exact = SignFlipLevel(works, 1);
  works.push_back({0, 1});  // changes no sum, but there are too many now
  EXPECT_NEAR(SignFlipLevel(works, 1), exact, 0.004);
  EXPECT_GT(exact, 0.01);
}

TEST(SignFlipLevel, ReachesWhatManyVerdictsNeed) {
  EXPECT_DOUBLE_EQ(SignFlipLevel(Works(16, 5, 0.3, 1), 1), std::ldexp(1, -15));
  EXPECT_DOUBLE_EQ(SignFlipLevel(Works(40, 5, 0.3, 1), 1), 1 / 100001.0);
}

TEST(SignFlipLevel, IsUniformWithoutAnEffect) {
  int num_below = 0;
  for (uint64_t i = 0; i < 400; ++i)
    num_below += SignFlipLevel(Works(17, 0, 0.3, 100 + i), 1) < 0.05;
  // 20 expected, less and plus 4 standard errors.
  EXPECT_GT(num_below, 3);
  EXPECT_LT(num_below, 38);
}

TEST(SignFlipLevel, NothingToSay) {
  const std::vector<WorkTotals> zeros(16, WorkTotals{0, 1});
  EXPECT_EQ(SignFlipLevel(zeros, 1), 1);
  EXPECT_TRUE(std::isnan(SignFlipLevel(Works(1, 1, 0, 1), 1)));
  EXPECT_TRUE(std::isnan(SignFlipLevel({}, 1)));
  const std::vector<WorkTotals> broken = {{1, 1}, {kUnknown, 1}};
  EXPECT_TRUE(std::isnan(SignFlipLevel(broken, 1)));
}

TEST(PlaceAmong, IsOneMoreThanThoseBelow) {
  const std::vector<std::vector<WorkTotals>> means = {
      Works(20, 1.0, 0.01, 1), Works(20, 0.5, 0.01, 2), Works(20, 2, 0.01, 3),
      Works(20, 0.2, 0.01, 4)};
  const Interval place = PlaceAmong(means, 1);
  EXPECT_EQ(place.estimate, 3);
  EXPECT_EQ(place.low, 3);
  EXPECT_EQ(place.high, 3);
  // Two that cannot be told apart: first or second.
  const std::vector<std::vector<WorkTotals>> close = {Works(20, 1, 0.5, 1),
                                                      Works(20, 1, 0.5, 2)};
  const Interval either = PlaceAmong(close, 1);
  EXPECT_EQ(either.low, 1);
  EXPECT_EQ(either.high, 2);
  const std::vector<std::vector<WorkTotals>> tie(3, Works(20, 1, 0.5, 1));
  EXPECT_EQ(PlaceAmong(tie, 1).estimate, 2);
  EXPECT_FALSE(PlaceAmong(std::span(means).first(0), 1).available());
}

TEST(CorrectTogether, TakesBackWhatOnlyOneOfManyReaches) {
  std::vector<Judged> judged(10, {0.03, kUnknown, Verdict::kYes});
  judged[0].level = 0.001;
  judged[9] = {};  // took no part
  std::vector<Judged*> family;
  for (Judged& j : judged) family.push_back(&j);
  EXPECT_EQ(CorrectTogether(family), 9);
  EXPECT_EQ(judged[0].verdict, Verdict::kYes);
  EXPECT_NEAR(judged[0].adjusted, 0.009, 1e-12);
  EXPECT_EQ(judged[1].verdict, Verdict::kUndecided);
  EXPECT_NEAR(judged[1].adjusted, 0.24, 1e-12);
}

TEST(PseudoValues, OfAMeanAreTheWorksThemselves) {
  const std::vector<std::vector<double>> sums = {{3, 5, 10}, {1, 1, 1}};
  const auto mean = [](std::span<const double> s) { return s[0] / s[1]; };
  const auto values = PseudoValues(sums, mean);
  const double expected[] = {3, 5, 10};
  for (size_t w = 0; w < 3; ++w) {
    EXPECT_NEAR(values[w].sum, expected[w], 1e-12);
    EXPECT_EQ(values[w].weight, 1);
  }
  const std::vector<std::vector<double>> unequal = {{1, 2}, {1}};
  EXPECT_THROW(PseudoValues(unequal, mean), Error);
}

TEST(Band, IsWiderThanPointwiseAndHoldsCurvesAsOftenAsItSays) {
  constexpr int kCurves = 300, kPoints = 8;
  int num_inside = 0;
  for (int i = 0; i < kCurves; ++i) {
    std::vector<std::vector<WorkTotals>> points;
    for (uint64_t k = 0; k < kPoints; ++k)
      points.push_back(Works(24, 0, 1, 1000 + i * kPoints + k));
    const auto band = SimultaneousBand(points, 5, 400);
    bool inside = true;
    for (const Interval& b : band) inside = inside && !b.excludes_zero();
    num_inside += inside ? 1 : 0;
    if (i == 0) {
      const Interval one = WeightedMean(points[0], 5, 400);
      EXPECT_GT(band[0].high - band[0].low, 1.2 * (one.high - one.low));
    }
  }
  // 0.95 less 4 standard errors of 300 curves; pointwise would hold 0.66.
  EXPECT_GT(num_inside, 0.90 * kCurves);
  EXPECT_LT(num_inside, kCurves);
}

TEST(Band, APointThatDoesNotVaryHasNoInterval) {
  const std::vector<std::vector<WorkTotals>> points = {
      Works(12, 0, 1, 9), std::vector<WorkTotals>(12, WorkTotals{2, 1})};
  const auto band = SimultaneousBand(points, 1, 100);
  EXPECT_TRUE(band[0].available());
  EXPECT_FALSE(band[1].available());
  EXPECT_EQ(band[1].estimate, 2);
}

}  // namespace
}  // namespace plastometer::stats
