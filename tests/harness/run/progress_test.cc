#include "harness/run/progress.h"

#include <gtest/gtest.h>

namespace plastometer {
namespace {

TEST(Progress, Durations) {
  EXPECT_EQ(FormatDuration(0.2), "0:00");
  EXPECT_EQ(FormatDuration(67), "1:07");
  EXPECT_EQ(FormatDuration(7384), "2:03:04");
}

TEST(Progress, BarIsEmptyAtTheStartAndFullAtTheEnd) {
  EXPECT_EQ(ProgressBar(0, 4, 8), "[........]   0 %");
  EXPECT_EQ(ProgressBar(1, 4, 8), "[##......]  25 %");
  EXPECT_EQ(ProgressBar(4, 4, 8), "[########] 100 %");
  EXPECT_EQ(ProgressBar(0, 0, 8), "[........]   0 %");
}

}  // namespace
}  // namespace plastometer
