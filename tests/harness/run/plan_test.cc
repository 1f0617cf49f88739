#include "harness/run/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace plastometer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SplitProfileList, CommasAndSpacesSeparate) {
  EXPECT_THAT(SplitProfileList({"uniform,retina", "early:25% late:2"}),
              ElementsAre("uniform", "retina", "early:25%", "late:2"));
}

TEST(SplitProfileList, CommasInsideLayersDoNot) {
  EXPECT_THAT(
      SplitProfileList({"uniform,layers:0-4@2,5,7-9@0.1;until=64,frozen"}),
      ElementsAre("uniform", "layers:0-4@2,5,7-9@0.1;until=64", "frozen"));
}

TEST(SplitProfileList, CommasInsidePeriodsDoNot) {
  EXPECT_THAT(
      SplitProfileList({"every:1,1,2,4@0.5,frozen every:1->8,late:2"}),
      ElementsAre("every:1,1,2,4@0.5", "frozen", "every:1->8", "late:2"));
}

TEST(SplitProfileList, EmptyNameIsAnError) {
  EXPECT_THROW(SplitProfileList({"uniform,,retina"}), Error);
  EXPECT_THROW(SplitProfileList({"uniform,"}), Error);
}

TEST(PlanProfiles, UniformAndFrozenAreAdded) {
  const ProfilePlan plan = PlanProfiles({"retina"}, 12);
  ASSERT_EQ(plan.profiles.size(), 3u);
  EXPECT_EQ(plan.uniform_idx, 0u);
  EXPECT_EQ(plan.frozen_idx, 2u);
  EXPECT_FALSE(plan.profiles[0].asked);
  EXPECT_TRUE(plan.profiles[1].asked);
  EXPECT_FALSE(plan.profiles[2].asked);
}

TEST(PlanProfiles, EqualMultipliersAreOneEntry) {
  // 12 layers: retina is layers 0-1, early:16% is ceil(1.92) = 2 layers.
  const ProfilePlan plan = PlanProfiles(
      {"uniform", "retina", "early:16%", "early:2", "retina", "frozen"}, 12);
  ASSERT_EQ(plan.profiles.size(), 3u);
  EXPECT_THAT(plan.profiles[1].same_as, ElementsAre("early:16%", "early:2"));
  EXPECT_THAT(plan.profiles[0].same_as, IsEmpty());
}

TEST(PlanProfiles, AnotherNameForUniformServesAsUniform) {
  const ProfilePlan plan = PlanProfiles({"early:100%", "retina"}, 12);
  ASSERT_EQ(plan.profiles.size(), 3u);
  EXPECT_EQ(plan.uniform_idx, 0u);
  EXPECT_TRUE(plan.profiles[0].asked);
}

TEST(PlanProfiles, NothingAskedIsAnError) {
  EXPECT_THROW(PlanProfiles({}, 12), Error);
}

TEST(PlanBatches, EqualLengthsGoTogetherInOrder) {
  const auto batches = PlanBatches({64, 32, 64, 64, 32}, 2);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[0].num_tokens, 64);
  EXPECT_THAT(batches[0].window_idx, ElementsAre(0, 2));
  EXPECT_THAT(batches[1].window_idx, ElementsAre(3));
  EXPECT_EQ(batches[2].num_tokens, 32);
  EXPECT_THAT(batches[2].window_idx, ElementsAre(1, 4));
}

}  // namespace
}  // namespace plastometer
