#include "harness/stats/pareto.h"

#include <gtest/gtest.h>

#include <vector>

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

TEST(Pareto, ACheaperTwinDoesNotDominate) {
  const std::vector<ParetoPoint> points{Point(0, 0.001, 5),
                                        Point(0, -0.001, 6)};
  EXPECT_EQ(ParetoSet(points, 1), (std::vector<bool>{true, true}));
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

}  // namespace
}  // namespace plastometer::stats
