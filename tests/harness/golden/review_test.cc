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

TEST(Review, SaysThatACaseIsNewAndWhatComesNext) {
  Golden pending = Whole();
  pending.metrics.values = {{"nll_nats", 3}};
  EXPECT_THAT(
      ReviewText(pending, nullptr, "runs/mine"),
      AllOf(HasSubstr("no golden yet; mean loss 3 nats over 8 windows"),
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

}  // namespace
}  // namespace plastometer
