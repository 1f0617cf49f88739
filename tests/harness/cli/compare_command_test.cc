#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/harness/cli/program.h"

namespace plastometer {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kTenWindows[] =
    "run --model model.safetensors --data text.txt --threads 1 --windows 10 ";

TEST(CompareCommand, TwoRunsOfOneModelDifferInNothingButTime) {
  Workshop workshop;
  ASSERT_EQ(
      workshop.Run(std::string(kTenWindows) + "--context 64 --out a").exit_code,
      0);
  ASSERT_EQ(
      workshop.Run(std::string(kTenWindows) + "--context 64 --batch 2 --out b")
          .exit_code,
      0);
  const Outcome text = workshop.Run("compare a b --out change.json");
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("differs: batch A "),
                              HasSubstr("all profiles"), HasSubstr("B/A")));
  const Outcome numbers = workshop.Run("compare a b --json");
  EXPECT_EQ(numbers.out, ReadFile(workshop.File("change.json")));
  const auto json = nlohmann::json::parse(numbers.out);
  for (const auto& row : json[0]["slices"][0]["rows"]) {
    EXPECT_EQ(row["equal_to_the_bit"], true);
    EXPECT_EQ(row["nll_change_nats"]["value"], 0.0);
  }
}

TEST(CompareCommand, RefusesOtherWindowsAndUnknownProfiles) {
  Workshop workshop;
  ASSERT_EQ(
      workshop.Run(std::string(kTenWindows) + "--context 64 --out a").exit_code,
      0);
  ASSERT_EQ(
      workshop.Run(std::string(kTenWindows) + "--context 48 --out b").exit_code,
      0);
  const Outcome other = workshop.Run("compare a b");
  EXPECT_EQ(other.exit_code, 5);
  EXPECT_THAT(other.err, AllOf(HasSubstr("context 64"), HasSubstr("context 48"),
                               HasSubstr("text.txt")));
  EXPECT_EQ(workshop.Run("compare a a --profiles cortex@2").exit_code, 2);
  EXPECT_EQ(workshop.Run("compare a nothing").exit_code, 4);
  EXPECT_EQ(workshop.Run("compare a").exit_code, 2);
}

}  // namespace
}  // namespace plastometer
