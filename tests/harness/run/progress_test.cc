#include "harness/run/progress.h"

#include <gtest/gtest.h>

namespace plastometer {
namespace {

TEST(Progress, Durations) {
  EXPECT_EQ(FormatDuration(0.2), "0:00");
  EXPECT_EQ(FormatDuration(67), "1:07");
  EXPECT_EQ(FormatDuration(7384), "2:03:04");
}

TEST(Progress, WhatIsLeftFollowsFromWhatWasDoneHere) {
  EXPECT_DOUBLE_EQ(SecondsLeft(10, 2, 6), 20);
  EXPECT_DOUBLE_EQ(SecondsLeft(10, 6, 6), 0);
  EXPECT_DOUBLE_EQ(SecondsLeft(10, 0, 6), 0);
}

// Nine of ten were there before: the tenth takes as long as it takes here.
TEST(Progress, AResumedRunDoesNotCountWhatWasThere) {
  testing::internal::CaptureStderr();
  {
    Progress progress("measuring", 90);
    progress.Update(10, 10);
  }
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_NE(line.find("90 were there, 10 of 10 done in 0:00"),
            std::string::npos)
      << line;
}

TEST(Progress, BarIsEmptyAtTheStartAndFullAtTheEnd) {
  EXPECT_EQ(ProgressBar(0, 4, 8), "[........]   0 %");
  EXPECT_EQ(ProgressBar(1, 4, 8), "[##......]  25 %");
  EXPECT_EQ(ProgressBar(4, 4, 8), "[########] 100 %");
  EXPECT_EQ(ProgressBar(0, 0, 8), "[........]   0 %");
}

}  // namespace
}  // namespace plastometer
