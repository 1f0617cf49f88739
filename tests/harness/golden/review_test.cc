// What a person reads before a blessing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "harness/golden/bless.h"
#include "tests/harness/golden/whole_golden.h"

namespace plastometer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string ReviewText(const Golden& pending, const Golden* golden,
                       const std::string& run_folder) {
  return plastometer::ReviewText({FindingOf(pending, golden)}, run_folder, 1);
}

TEST(Review, SaysThatACaseIsNewAndWhatComesNext) {
  Golden pending = Whole();
  pending.metrics.values = {{"nll_nats", 3}};
  EXPECT_THAT(
      ReviewText(pending, nullptr, "runs/mine"),
      AllOf(HasSubstr("no golden yet\n    mean loss 3 nats over 8 windows"),
            HasSubstr("plastometer accept quick/prose.uniform --from "
                      "runs/mine --reason"),
            HasSubstr("plastometer reject quick/prose.uniform --from")));
}

TEST(Review, SaysWhatMovedByHowMuchAndWhereFirst) {
  const Golden golden = Whole();
  Golden pending = golden;
  for (WindowTrace& w : pending.trace.windows) w.nll_sum += 6.9;
  pending.trace.windows[1].nll[5] = 3.5;
  pending.trace.windows[1].nll[8] = 5;
  ++pending.metrics.counts["tokens"];
  const std::string text = ReviewText(pending, &golden, "runs/mine");
  EXPECT_THAT(text, AllOf(HasSubstr("regression"),
                          HasSubstr("ln perplexity 0.1 nats a token [95 %: "),
                          HasSubstr("beyond the scatter of windows"),
                          HasSubstr("one traced loss 2 nats"),
                          HasSubstr("KL of the probe tokens 0 nats"),
                          HasSubstr("first: window 1 (tokens 0-69), token 6")));
  EXPECT_THAT(text, HasSubstr("token 9: 3 -> 5 nats\n    loss of window 1, "
                              "token 6: 3 -> 3.5 nats\n"));
}

// A check cannot find a tolerance that was raised; a reader can.
TEST(Review, SaysWhichToleranceWasRaised) {
  Golden golden = Whole();
  golden.metrics.tolerances = {{"cpu-native", {1e-3, 1e-5, "measured"}}};
  Golden pending = golden;
  EXPECT_THAT(ReviewText(pending, &golden, "r"),
              Not(HasSubstr("tolerance of")));
  pending.metrics.tolerances = {{"cpu-native", {2e-3, 1e-6, "measured"}},
                                {"cpu-reference", {1e-2, 1e-4, "measured"}}};
  EXPECT_THAT(ReviewText(pending, &golden, "r"),
              HasSubstr("    tolerance of cpu-native: any token 0.001 -> 0.002 "
                        "nats (raised), mean 1e-05 -> 1e-06 nats (lowered); "
                        "tolerance of cpu-reference: any token none -> 0.01 "
                        "nats, mean none -> 0.0001 nats\n"));
  EXPECT_THAT(ReviewText(pending, nullptr, "r"),
              HasSubstr("tolerance of cpu-native: any token none -> 0.002"));
  pending.metrics.tolerances.erase("cpu-native");
  EXPECT_THAT(ReviewText(pending, &golden, "r"),
              HasSubstr("tolerance of cpu-native: taken away"));
}

TEST(Review, NamesACounterThatIsGone) {
  const Golden golden = Whole();
  Golden pending = golden;
  pending.metrics.counts.erase("tokens");
  EXPECT_THAT(ReviewText(pending, &golden, "runs/mine"),
              HasSubstr("    tokens: " +
                        std::to_string(golden.metrics.counts.at("tokens")) +
                        " -> none\n"));
}

TEST(Review, ALossThatDivergedBeforeIsNoChange) {
  const Golden golden = Diverged(30);
  Golden pending = golden;
  pending.trace.windows[0].nll[3] = 4;
  const std::string text = ReviewText(pending, &golden, "runs/mine");
  EXPECT_THAT(text, HasSubstr("token 4: 3 -> 4 nats"));
  EXPECT_THAT(text, Not(HasSubstr("nan -> nan")));
}

// Two that moved alike, one that did not, two new ones.
TEST(Review, GroupsEqualFindingsAndNamesTheCommandForAll) {
  const Golden golden = Whole();
  std::vector<ReviewFinding> findings;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    Golden pending = golden;
    pending.pins.name = name;
    pending.metrics.counts["tokens"] += name[0] == 'c' ? 2 : 1;
    const bool is_new = name[0] > 'c';
    Golden old = golden;
    old.pins.name = name;
    findings.push_back(FindingOf(pending, is_new ? nullptr : &old));
  }
  const std::string text = plastometer::ReviewText(findings, "runs/mine", 6);
  EXPECT_THAT(
      text,
      AllOf(HasSubstr("2 cases: quick/a, quick/b ("), HasSubstr("\nquick/c ("),
            HasSubstr("\n2 cases ("), HasSubstr("    quick/d: mean loss"),
            HasSubstr("accept --all --count 6 --from runs/mine --reason"),
            HasSubstr("accept quick/a --from runs/mine --reason")));
  const std::string one = plastometer::ReviewText({findings[0]}, "r", 1);
  EXPECT_THAT(one, Not(HasSubstr("--all")));
}

}  // namespace
}  // namespace plastometer
