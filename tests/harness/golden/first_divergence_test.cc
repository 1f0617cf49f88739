// Where two traces part first, in the order of computation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "harness/golden/compare.h"
#include "tests/harness/golden/whole_golden.h"

namespace plastometer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Divergence Where(const Change& change) {
  const Golden golden = Whole();
  Golden candidate = golden;
  change(candidate);
  const auto divergence = FirstDivergence(candidate, golden);
  EXPECT_TRUE(divergence);
  return divergence.value_or(Divergence{});
}
// Everything of a window from one row, state or loss on.
void RowsFrom(Golden& g, int64_t w, int64_t token, int64_t entry) {
  auto& rows = g.trace.windows[w].row_digests;
  for (size_t i = token * (kLayers + 1) + entry; i < rows.size(); ++i)
    ++rows[i];
}
void StatesFrom(Golden& g, int64_t w, int64_t mini_batch, int64_t layer,
                int64_t head) {
  auto& states = g.trace.windows[w].state_digests;
  for (size_t i = (mini_batch * kLayers + layer) * kHeads + head;
       i < states.size(); ++i)
    ++states[i];
}
void LossesFrom(Golden& g, int64_t w, int64_t token) {
  auto& nll = g.trace.windows[w].nll;
  for (size_t i = token - 1; i < nll.size(); ++i) nll[i] += 0.25;
}

TEST(FirstDivergence, NoneInEqualTraces) {
  const Golden golden = Whole();
  EXPECT_FALSE(FirstDivergence(golden, golden));
  const Golden diverged = Diverged(5);
  EXPECT_FALSE(FirstDivergence(diverged, diverged));
}

TEST(FirstDivergence, Embedding) {
  const Divergence d = Where([](Golden& g) {
    RowsFrom(g, 1, 37, 0);
    StatesFrom(g, 1, 2, 0, 0);
    LossesFrom(g, 1, 38);
  });
  EXPECT_EQ(d.where, "embedding");
  EXPECT_EQ(d.window_idx, 1);
  EXPECT_EQ(d.token, 37);
  EXPECT_EQ(d.last_token, 37);
  EXPECT_EQ(d.layer, -1);
  EXPECT_THAT(d.text, AllOf(HasSubstr("window 1"), HasSubstr("token 37"),
                            HasSubstr("embedding")));
}

TEST(FirstDivergence, ABlockAndItsLayerBeforeTheStateOfItsMiniBatch) {
  const Divergence d = Where([](Golden& g) {
    RowsFrom(g, 0, 37, 2);
    StatesFrom(g, 0, 2, 0, 0);  // tokens 32-47: only after all of them
    LossesFrom(g, 0, 38);
  });
  EXPECT_EQ(d.where, "block");
  EXPECT_EQ(d.token, 37);
  EXPECT_EQ(d.layer, 1);
  EXPECT_EQ(d.mini_batch, 2);
  EXPECT_THAT(d.text, AllOf(HasSubstr("layer 1"),
                            HasSubstr("state after mini-batch 1 is the "
                                      "golden's")));
  const Divergence first = Where([](Golden& g) { RowsFrom(g, 0, 3, 1); });
  EXPECT_EQ(first.layer, 0);
  EXPECT_THAT(first.text, HasSubstr("still W0"));
}

TEST(FirstDivergence, WithoutStatesItClaimsNothingAboutThem) {
  Golden golden = Whole();
  golden.trace.windows[0].state_digests.clear();
  Golden candidate = golden;
  RowsFrom(candidate, 0, 37, 1);
  const auto d = FirstDivergence(candidate, golden);
  ASSERT_TRUE(d);
  EXPECT_THAT(d->text, Not(HasSubstr("the state")));
}

TEST(FirstDivergence, TheUpdateThatCameBeforeTheRow) {
  const Divergence d = Where([](Golden& g) {
    StatesFrom(g, 0, 1, 1, 1);  // tokens 16-31
    RowsFrom(g, 0, 32, 2);
    LossesFrom(g, 0, 33);
  });
  EXPECT_EQ(d.where, "state");
  EXPECT_EQ(d.mini_batch, 1);
  EXPECT_EQ(d.layer, 1);
  EXPECT_EQ(d.head, 1);
  EXPECT_EQ(d.token, 16);
  EXPECT_EQ(d.last_token, 31);
  EXPECT_THAT(d.text, AllOf(HasSubstr("tokens 16-31"),
                            HasSubstr("1 of 2 heads, the first is 1")));
  const Divergence last = Where([](Golden& g) { StatesFrom(g, 0, 3, 0, 0); });
  EXPECT_EQ(last.where, "state");
  EXPECT_EQ(last.mini_batch, 3);
  EXPECT_THAT(last.text, HasSubstr("2 of 2 heads"));
}

TEST(FirstDivergence, HeadWhenEveryRowIsTheGoldens) {
  const Divergence d = Where([](Golden& g) { LossesFrom(g, 0, 40); });
  EXPECT_EQ(d.where, "head");
  EXPECT_EQ(d.token, 40);
  EXPECT_EQ(d.layer, -1);
}

TEST(FirstDivergence, AHeadThatIsWrongEarlierWinsOverALaterRow) {
  const Change later_row = [](Golden& g) { RowsFrom(g, 0, 40, 1); };
  const Divergence head = Where([&](Golden& g) {
    later_row(g);
    LossesFrom(g, 0, 40);  // made by row 39, which is the golden's
  });
  EXPECT_EQ(head.where, "head");
  EXPECT_EQ(head.token, 40);
  const Divergence row = Where([&](Golden& g) {
    later_row(g);
    LossesFrom(g, 0, 41);
  });
  EXPECT_EQ(row.where, "block");
  EXPECT_EQ(row.token, 40);
  const Divergence before_update = Where([](Golden& g) {
    StatesFrom(g, 0, 3, 0, 0);
    LossesFrom(g, 0, 10);
  });
  EXPECT_EQ(before_update.where, "head");
}

TEST(FirstDivergence, TheProbeIsTheHeadOfTheLastToken) {
  const Divergence d =
      Where([](Golden& g) { g.trace.windows[1].probe.logits[1] += 1; });
  EXPECT_EQ(d.where, "head");
  EXPECT_EQ(d.window_idx, 1);
  EXPECT_EQ(d.token, kTokens - 1);
}

TEST(FirstDivergence, WithoutRowsALossIsOnlyALoss) {
  Golden golden = Whole();
  for (WindowTrace& w : golden.trace.windows) w.row_digests.clear();
  Golden candidate = golden;
  LossesFrom(candidate, 1, 9);
  const auto d = FirstDivergence(candidate, golden);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->where, "loss");
  EXPECT_EQ(d->window_idx, 1);
  EXPECT_EQ(d->token, 9);
}

TEST(FirstDivergence, AnUntracedWindowIsKnownToItsBlock) {
  const Divergence second =
      Where([](Golden& g) { ++g.trace.windows[6].block_digests[1]; });
  EXPECT_EQ(second.where, "loss");
  EXPECT_EQ(second.window_idx, 6);
  EXPECT_EQ(second.token, 65);
  EXPECT_EQ(second.last_token, kTokens - 1);
  EXPECT_THAT(second.text, HasSubstr("no trace"));
  const Divergence first =
      Where([](Golden& g) { ++g.trace.windows[6].block_digests[0]; });
  EXPECT_EQ(first.token, 1);
  EXPECT_EQ(first.last_token, 64);
  const Divergence traced =
      Where([](Golden& g) { ++g.trace.windows[0].block_digests[0]; });
  EXPECT_THAT(traced.text, HasSubstr("the traced pass gives the same"));
}

TEST(FirstDivergence, GrowthIsByOctaveFromTheToken) {
  const Divergence d = Where([](Golden& g) {
    RowsFrom(g, 0, 60, 1);
    auto& nll = g.trace.windows[0].nll;  // nll[i] is made by row i
    nll[60] += 1;                        // distance 1
    nll[61] += 2, nll[62] -= 2;          // 2, 3
    for (int i = 63; i <= 66; ++i) nll[i] += i % 2 == 0 ? 4 : -4;  // 4..7
    nll[67] += 3, nll[68] += 5;  // 8, 9: the octave is cut
  });
  ASSERT_EQ(d.growth_nats.size(), 4U);
  EXPECT_DOUBLE_EQ(d.growth_nats[0], 1);
  EXPECT_DOUBLE_EQ(d.growth_nats[1], 2);
  EXPECT_DOUBLE_EQ(d.growth_nats[2], 4);
  EXPECT_DOUBLE_EQ(d.growth_nats[3], std::sqrt(17));
}

TEST(FirstDivergence, TracedWindowsAreLookedAtFirst) {
  const Divergence d = Where([](Golden& g) {
    ++g.trace.windows[0].block_digests[0];
    RowsFrom(g, 1, 5, 1);
  });
  EXPECT_EQ(d.window_idx, 1);
  EXPECT_EQ(d.where, "block");
}

}  // namespace
}  // namespace plastometer
