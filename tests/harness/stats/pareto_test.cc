#include "harness/stats/pareto.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace plastometer::stats {
namespace {

// 20 works whose losses differ widely; `shift` is added to all, `jitter` by
// turns to and from each.
ParetoPoint Point(double shift, double jitter, double cost) {
  ParetoPoint point{.works = {}, .cost = cost};
  for (int i = 0; i < 20; ++i)
    point.works.push_back(
        {100 * (3 + 0.1 * i + shift + (i % 2 == 0 ? jitter : -jitter)), 100});
  return point;
}

TEST(Pareto, DominatedOnlyWhenTheDifferenceIsSure) {
  const std::vector<ParetoPoint> points{
      Point(0, 0, 10),           // best loss, highest cost
      Point(0.1, 0.001, 5),      // worse but cheap
      Point(0.2, 0.002, 6),      // worse than the one before and dearer: off
      Point(0.1001, 0.0300, 5),  // not told apart from the second
  };
  EXPECT_EQ(ParetoSet(points, 1), (std::vector<bool>{true, true, false, true}));
}

// Costs that scatter: the second's range reaches into the first's, the third's
// lies above it.
TEST(Pareto, RangesThatMeetBeatNothing) {
  std::vector<ParetoPoint> points{Point(0, 0, 5), Point(0.1, 0.001, 6),
                                  Point(0.1, 0.001, 8)};
  points[0].cost_high = 7;
  points[1].cost_high = 9;
  points[2].cost_high = 9;
  EXPECT_EQ(ParetoSet(points, 1), (std::vector<bool>{true, true, false}));
  points[0].cost_high = 8;  // meets the third's
  EXPECT_EQ(ParetoSet(points, 1), (std::vector<bool>{true, true, true}));
}

TEST(Pareto, ACheaperTwinDoesNotDominate) {
  const std::vector<ParetoPoint> points{Point(0, 0.001, 5),
                                        Point(0, -0.001, 6)};
  EXPECT_EQ(ParetoSet(points, 1), (std::vector<bool>{true, true}));
}

// In whatever order pairs are asked, the marks are those of all pairs.
TEST(Pareto, MarksAreThoseOfAllPairs) {
  std::vector<ParetoPoint> points;
  for (int i = 0; i < 40; ++i)
    points.push_back(
        Point(0.01 * (i * 17 % 40), 0.02 * (i % 5), 10 - i * 7 % 40 / 8));
  std::vector<bool> all_pairs;
  for (const ParetoPoint& b : points)
    all_pairs.push_back(std::ranges::none_of(points, [&](const ParetoPoint& a) {
      return a.cost <= b.cost && PairedDifference(a.works, b.works, 1).high < 0;
    }));
  EXPECT_EQ(ParetoSet(points, 1), all_pairs);
  EXPECT_GT(std::ranges::count(all_pairs, true), 3);
  EXPECT_GT(std::ranges::count(all_pairs, false), 3);
}

TEST(Pareto, UnknownIsOffAndPushesNoneOff) {
  std::vector<ParetoPoint> points{Point(0, 0, 1), Point(0.5, 0.001, 2)};
  points[0].works[3].sum = kUnknown;
  EXPECT_EQ(ParetoSet(points, 1), (std::vector<bool>{false, true}));
  EXPECT_EQ(
      ParetoSet(std::vector<double>{1, 2}, std::vector<double>{kUnknown, 1}),
      (std::vector<bool>{false, true}));
}

TEST(Pareto, Exact) {
  EXPECT_EQ(ParetoSet(std::vector<double>{1, 2, 3, 2},
                      std::vector<double>{3, 2, 2, 2}),
            (std::vector<bool>{true, true, false, true}));
}

// Reference (cost 4, loss 4). Between costs 1 and 2 the front lies 1 below it,
// between 2 and 4 3 below: 1 + 6. (3, 2) is dominated, (5, 0) beyond, an
// unknown cost nowhere.
TEST(Hypervolume, ByHand) {
  const std::vector<double> loss{3, 1, 2, 0, 0}, cost{1, 2, 3, 5, kUnknown};
  EXPECT_EQ(Hypervolume(loss, cost, 4, 4), 7);
  EXPECT_EQ(Hypervolume(loss, cost, 1, 4), 0);
  EXPECT_EQ(Hypervolume(std::vector<double>{}, std::vector<double>{}, 4, 4), 0);
}

// Losses of 1 and 3 by turns: a mean of 2 with error 1 / sqrt(20) over
// resamples. The second point loses 1 less with the same works: area 2 (4 -
// mean) + 1.
TEST(Hypervolume, IntervalOverWorksThatPointsShare) {
  std::vector<ParetoPoint> points(2);
  for (int i = 0; i < 20; ++i) {
    const double loss = i % 2 == 0 ? 1 : 3;
    points[0].works.push_back({100 * loss, 100});
    points[1].works.push_back({100 * (loss - 1), 100});
  }
  points[0].cost = 0;
  points[1].cost = 1;
  const Interval area = Hypervolume(points, 4, 2, 7);
  EXPECT_DOUBLE_EQ(area.estimate, 5);
  const double error = 2 / std::sqrt(20.0);  // independent draws: 1 / sqrt(10)
  EXPECT_NEAR(area.low, 5 - 1.96 * error, 0.1);
  EXPECT_NEAR(area.high, 5 + 1.96 * error, 0.1);
  points[1].cost = kUnknown;
  EXPECT_DOUBLE_EQ(Hypervolume(points, 4, 2, 7).estimate, 4);
  EXPECT_TRUE(std::isnan(Hypervolume(points, kUnknown, 2, 7).estimate));
}

// The first front lies 1 below the reference at cost 0, the second at cost 1 of
// 2, in works of whatever difficulty: 2 - 1, and no scatter, for both move
// alike. Against a front that gains 2 in every second work the scatter is that
// of one mean.
TEST(Hypervolume, DifferenceOverWorksThatFrontsShare) {
  std::vector<ParetoPoint> a(1), b(1), c(1);
  for (int i = 0; i < 20; ++i) {
    a[0].works.push_back({-100, 100});
    b[0].works.push_back({-100, 100});
    c[0].works.push_back({i % 2 == 0 ? -200.0 : 0.0, 100});
  }
  a[0].cost = c[0].cost = 0;
  b[0].cost = 1;
  const Interval exact = HypervolumeDifference(a, b, 0, 2, 7);
  EXPECT_DOUBLE_EQ(exact.estimate, 1);
  EXPECT_DOUBLE_EQ(exact.low, 1);
  EXPECT_DOUBLE_EQ(exact.high, 1);
  const Interval same = HypervolumeDifference(c, c, 0, 2, 7);
  EXPECT_EQ(same.low, 0);
  EXPECT_EQ(same.high, 0);
  const Interval scattered = HypervolumeDifference(a, c, 0, 2, 7);
  EXPECT_NEAR(scattered.estimate, 0, 1e-12);
  EXPECT_NEAR(scattered.high, 1.96 * 2 / std::sqrt(20.0), 0.1);
  c[0].works.pop_back();
  EXPECT_THROW(HypervolumeDifference(a, c, 0, 2, 7), Error);
}

}  // namespace
}  // namespace plastometer::stats
