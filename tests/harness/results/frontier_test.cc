#include "harness/results/frontier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "harness/results/works.h"
#include "tests/harness/results/planted_front.h"

namespace plastometer {
namespace {

using stats::Verdict;
using testing::HasSubstr;

TEST(FrontierJudgement, ComparesWithTheMemberOfNoHigherCost) {
  const FrontierJudgement j = Judge(PlantedFront());
  ASSERT_EQ(j.comparisons.size(), 3U);
  EXPECT_EQ(j.comparisons[0].member, 0U);
  EXPECT_NEAR(*j.comparisons[0].difference.value, -0.02, 1e-9);
  EXPECT_EQ(j.comparisons[0].better.verdict, Verdict::kYes);
  EXPECT_EQ(j.comparisons[1].member, 1U);
  EXPECT_NEAR(*j.comparisons[1].difference.value, -0.09, 1e-9);
  EXPECT_EQ(j.comparisons[1].better.verdict, Verdict::kYes);
  EXPECT_TRUE(j.comparisons[2].same);
  EXPECT_EQ(*j.comparisons[2].difference.value, 0);
  EXPECT_FALSE(j.comparisons[2].difference.low);
  EXPECT_NE(j.comparisons[2].better.verdict, Verdict::kYes);
  EXPECT_EQ(j.num_better, 2);
  EXPECT_EQ(j.num_below, 2);
  EXPECT_EQ(j.num_verdicts, 3);  // two, and the criterion once
}

// Which member is compared follows from tuning losses and costs: a member that
// is better on evaluation works only is not taken.
TEST(FrontierJudgement, TheMemberIsTakenByItsTuningLoss) {
  FrontierRun run = PlantedFront();
  run.choice.members[0].tuning.nats = 3.2;  // above front-02's
  const FrontierJudgement j = Judge(run);
  EXPECT_EQ(j.comparisons[0].member, 1U);
  EXPECT_NEAR(*j.comparisons[0].difference.value, 0.01, 1e-9);
  EXPECT_EQ(j.comparisons[0].better.verdict, Verdict::kNo);
}

// 0.4 nats of gap: 0.02 may be lost.
TEST(FrontierJudgement, HalfTheCostKeepsTheGapOrNot) {
  const FrontierJudgement kept = Judge(PlantedFront());
  EXPECT_EQ(kept.half.member, 1U);
  EXPECT_EQ(kept.members[1].saved, 0.5);
  EXPECT_NEAR(*kept.half.contrast.value, 0.01 - 0.05 * 0.4, 1e-9);
  EXPECT_EQ(kept.half.kept.verdict, Verdict::kYes);
  EXPECT_EQ(kept.half.against, "uniform;every=2");
  EXPECT_NEAR(*kept.half.difference.value, -0.09, 1e-9);
  EXPECT_EQ(kept.furthest.kept.verdict, Verdict::kYes);  // the same member
  EXPECT_EQ(Judge(PlantedFront(20, 0.03)).half.kept.verdict, Verdict::kNo);
  EXPECT_EQ(Judge(PlantedFront(20, 0.02)).half.kept.verdict,
            Verdict::kUndecided);
  const FrontierJudgement few = Judge(PlantedFront(14));
  EXPECT_EQ(few.half.kept.verdict, Verdict::kUndecided);
  EXPECT_EQ(few.num_verdicts, 0);
  EXPECT_TRUE(few.half.contrast.low);  // shown, but decides nothing
}

// uniform;every=2 costs a little more than half where mini-batches are odd in
// number; it is the rival all the same.
TEST(FrontierJudgement, TheRivalOfTheHalfMayCostAPercentMore) {
  FrontierRun run = PlantedFront();
  for (Counters& c : run.record.profiles[1].counters) c.inner_updates = 51;
  EXPECT_EQ(Judge(run).half.against, "uniform;every=2");
  EXPECT_EQ(Judge(run).furthest.against, "frozen");
  for (Counters& c : run.record.profiles[1].counters) c.inner_updates = 52;
  EXPECT_EQ(Judge(run).half.against, "frozen");
}

TEST(FrontierJudgement, RetentionOnlyWhereThereIsAGap) {
  const FrontierJudgement above = Judge(PlantedFront());
  EXPECT_EQ(above.no_gap, "");
  EXPECT_NEAR(*above.members[1].retention.value, 0.975, 1e-9);
  const FrontierJudgement below = Judge(PlantedFront(20, 0.01, -0.3));
  EXPECT_EQ(below.no_gap, kLearningHurts);
  EXPECT_FALSE(below.members[1].retention.value);
  EXPECT_EQ(below.members[1].retention.reason,
            "learning while reading hurts this model");
  EXPECT_EQ(below.half.kept.verdict, Verdict::kUndecided);
  const FrontierJudgement none = Judge(PlantedFront(20, 0.01, 0.001, 0.1));
  EXPECT_EQ(none.no_gap, "the gap frozen - uniform is not above 0");
  EXPECT_EQ(none.members[1].retention.reason, none.no_gap);
}

// Budgets from 0 to 100: front-02 gains 0.39 from 50 on, front-01 0.42 only at
// 100; of the defaults every=2 gains 0.3 from 50 on.
TEST(FrontierJudgement, AreasByHand) {
  const FrontierJudgement j = Judge(PlantedFront());
  EXPECT_NEAR(*j.front_area.value, 0.5 * 0.39, 1e-9);
  EXPECT_NEAR(*j.default_area.value, 0.5 * 0.3, 1e-9);
  EXPECT_NEAR(*j.area_difference.value, 0.5 * 0.09, 1e-9);
  // Works differ by a nat, gains hardly: what all share is not in the interval.
  EXPECT_LT(*j.area_difference.high - *j.area_difference.low, 0.002);
  EXPECT_GT(*j.area_difference.low, 0);
}

// FLOPs that learning does not spend are not part of the budget.
TEST(FrontierJudgement, OfFlopsBudgetsBeginAtFrozen) {
  FrontierRun run = PlantedFront();
  run.choice.cost = FrontierCostNamed("flops");
  const FrontierJudgement j = Judge(run);
  EXPECT_NEAR(j.frozen_saved, 100.0 / 1100, 1e-12);
  EXPECT_NEAR(*j.front_area.value, 0.5 * 0.39, 1e-9);
  EXPECT_EQ(j.members[1].cost, 20 * 1050);
}

TEST(FrontierJudgement, ReachesNoFurtherThanItsRecord) {
  FrontierRun run = PlantedFront();
  run.choice.members[1].tuning.profile = "front-07";
  EXPECT_THROW(Judge(run), Error);
  try {
    FrontierCostNamed("seconds");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("'seconds' is unknown; expected one of "
                                        "inner_updates, flops"));
  }
}

}  // namespace
}  // namespace plastometer
