// Aggregation against numbers worked out by hand.
#include "harness/results/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace plastometer {
namespace {

Counters CountersOf(int64_t tokens, int64_t updates, int64_t skipped,
                    int64_t flops) {
  Counters c;
  c.tokens = tokens;
  c.inner_updates = updates;
  c.inner_updates_skipped = skipped;
  c.flops = flops;
  c.adaptive_state_bytes = updates > 0 ? 128 : 0;
  return c;
}

ProfileRecord ProfileOf(const std::string& name, std::vector<double> nll,
                        int64_t updates, int64_t flops) {
  ProfileRecord p;
  p.name = name;
  p.nll = std::move(nll);
  for (int w = 0; w < 3; ++w)
    p.counters.push_back(CountersOf(3, updates, 4 - updates, flops));
  p.window_seconds = {0.1, 0.2, 0.3};
  p.times = {{3, 0.1}, {3, 0.2}, {3, 0.3}};
  return p;
}

// Two domains; the first has two windows of one work. Each window has 3 tokens,
// 2 of them scored.
RunRecord HandRecord() {
  RunRecord r;
  r.windows = {{"s", "prose", "book", "chapter 1", 0, 3, 7, 0},
               {"s", "prose", "book", "chapter 2", 0, 3, 9, 2},
               {"s", "code", "package", "file", 0, 3, 4, 4}};
  r.profiles = {ProfileOf("uniform", {1, 2, 3, 4, 1, 1}, 4, 100),
                ProfileOf("half", {2, 2, 4, 4, 1, 2}, 1, 90),
                ProfileOf("frozen", {3, 4, 5, 6, 2, 4}, 0, 80)};
  r.uniform_idx = 0;
  r.frozen_idx = 2;
  return r;
}

TEST(Summarise, MeanPerplexityAndBitsPerByte) {
  const Results results = Summarise(HandRecord());
  const CaseResult& uniform = results.all.cases[0];
  EXPECT_EQ(results.all.scored_tokens, 6);
  EXPECT_EQ(results.all.tokens, 9);
  EXPECT_EQ(results.all.scored_bytes, 20);
  EXPECT_DOUBLE_EQ(uniform.nll_sum, 12.0);
  EXPECT_DOUBLE_EQ(uniform.nll_nats, 2.0);
  EXPECT_DOUBLE_EQ(uniform.perplexity, std::exp(2.0));
  EXPECT_DOUBLE_EQ(*uniform.bits_per_byte, 12.0 / std::log(2.0) / 20);
}

TEST(Summarise, RetentionAndLoss) {
  const Results results = Summarise(HandRecord());
  // Sums 12, 15, 24: lost 3/6 nats, retention (24 - 15) / (24 - 12).
  EXPECT_DOUBLE_EQ(*results.all.cases[1].lost.value, 0.5);
  EXPECT_DOUBLE_EQ(*results.all.cases[1].retention.value, 0.75);
  EXPECT_DOUBLE_EQ(*results.all.cases[0].retention.value, 1.0);
  EXPECT_DOUBLE_EQ(*results.all.cases[2].retention.value, 0.0);
}

TEST(Summarise, FewWorksGiveEstimatesOnly) {
  const Results results = Summarise(HandRecord());
  EXPECT_EQ(results.all.num_works, 2);
  EXPECT_EQ(results.all.num_documents, 3);
  EXPECT_FALSE(results.all.cases[1].lost.low.has_value());
  EXPECT_FALSE(results.all.cases[1].lost.reason.empty());
}

TEST(Summarise, DomainsStandBesideThePool) {
  const Results results = Summarise(HandRecord());
  ASSERT_EQ(results.domains.size(), 2u);
  EXPECT_EQ(results.domains[0].name, "prose");
  EXPECT_EQ(results.domains[0].num_works, 1);
  EXPECT_EQ(results.domains[0].num_windows, 2);
  EXPECT_DOUBLE_EQ(results.domains[0].cases[0].nll_nats, 2.5);
  EXPECT_DOUBLE_EQ(results.domains[1].cases[0].nll_nats, 1.0);
  EXPECT_DOUBLE_EQ(*results.domains[1].cases[1].retention.value,
                   (6.0 - 3.0) / (6.0 - 2.0));
}

TEST(Summarise, CostsAddUp) {
  const Results results = Summarise(HandRecord());
  const CaseResult& half = results.all.cases[1];
  EXPECT_EQ(half.counters.inner_updates, 3);
  EXPECT_EQ(half.counters.inner_updates_skipped, 9);
  EXPECT_EQ(half.counters.flops, 270);
  EXPECT_EQ(half.counters.adaptive_state_bytes, 128);
  EXPECT_DOUBLE_EQ(half.flops_per_token, 30);
  EXPECT_DOUBLE_EQ(*half.updates_saved, 0.75);
  EXPECT_NEAR(*half.flops_saved, 0.1, 1e-15);
  EXPECT_NEAR(half.seconds, 0.6, 1e-15);
  EXPECT_NEAR(results.domains[1].cases[1].seconds, 0.3, 1e-15);
}

TEST(Summarise, TimeIsTheMedianOverBatchesWithQuartiles) {
  const Measured ms = Summarise(HandRecord()).all.cases[0].ms_per_1k_tokens;
  EXPECT_NEAR(*ms.value, 0.2 / 3 * 1e6, 1e-6);
  EXPECT_NEAR(*ms.low, 0.15 / 3 * 1e6, 1e-6);
  EXPECT_NEAR(*ms.high, 0.25 / 3 * 1e6, 1e-6);
  EXPECT_EQ(ms.range(), Range::kQuartiles);
}

TEST(Summarise, UnknownBytesGiveNoBitsPerByte) {
  RunRecord record = HandRecord();
  record.windows[1].scored_bytes = -1;
  const Results results = Summarise(record);
  EXPECT_FALSE(results.all.cases[0].bits_per_byte.has_value());
  EXPECT_TRUE(results.domains[1].cases[0].bits_per_byte.has_value());
}

TEST(Summarise, RetentionNeedsAGap) {
  RunRecord record = HandRecord();
  record.profiles[2].nll = record.profiles[0].nll;
  const Results results = Summarise(record);
  EXPECT_FALSE(results.all.cases[1].retention.value.has_value());
  EXPECT_FALSE(results.all.cases[1].retention.reason.empty());
}

// Frozen is better on one work and worse on the other: the gap's interval
// contains 0.
TEST(Summarise, RetentionNeedsAGapThatIsThere) {
  RunRecord record = HandRecord();
  record.profiles[2].nll = {1, 1, 1, 2, 4, 4};
  const Results results = Summarise(record);
  EXPECT_FALSE(results.all.cases[1].retention.value.has_value());
  EXPECT_NE(results.all.cases[1].retention.reason.find("contains 0"),
            std::string::npos);
}

TEST(Summarise, DivergedProfileIsAResult) {
  RunRecord record = HandRecord();
  record.profiles[1].nll[3] = std::nan("");
  const Results results = Summarise(record);
  EXPECT_TRUE(std::isnan(results.all.cases[1].nll_nats));
  EXPECT_FALSE(results.all.cases[1].lost.value.has_value());
  EXPECT_FALSE(results.all.cases[1].retention.value.has_value());
  EXPECT_DOUBLE_EQ(results.all.cases[0].nll_nats, 2.0);
}

TEST(Summarise, AccuracyIsOverScoredTokens) {
  RunRecord record = HandRecord();
  EXPECT_FALSE(Summarise(record).all.cases[0].accuracy.value);
  record.accuracy = true;
  for (ProfileRecord& p : record.profiles) p.correct = {1, 0, 1, 1, 0, 0};
  record.profiles[1].correct[5] = 1;
  record.windows[0].scored = {{1, 2}};  // leaves its second loss out
  const Results results = Summarise(record);
  EXPECT_DOUBLE_EQ(*results.all.cases[0].accuracy.value, 3.0 / 5);
  EXPECT_DOUBLE_EQ(*results.all.cases[1].accuracy.value, 4.0 / 5);
  EXPECT_DOUBLE_EQ(*results.domains[1].cases[1].accuracy.value, 0.5);
  EXPECT_FALSE(results.all.cases[0].accuracy.low) << "too few works";
}

// As many targets as tokens read, a power of two: no bin of one token.
TEST(Summarise, ALastBinIsNotOfOneToken) {
  RunRecord record = HandRecord();
  record.windows = {{"s", "prose", "stream", "stream", 0, 33, 7, 0}};
  for (ProfileRecord& p : record.profiles) p.Resize(32, 1, 3);
  const Results results = Summarise(record);
  ASSERT_EQ(results.positions.size(), 2u);
  EXPECT_EQ(results.positions[0].to, 16);
  EXPECT_EQ(results.positions[1].to, 33);
  EXPECT_EQ(results.positions[1].scored_tokens, 17);
}

TEST(Summarise, PositionsUseWindowsThatReachTheEnd) {
  RunRecord record = HandRecord();
  record.windows[2].num_tokens = 2;  // its second loss falls away
  const Results results = Summarise(record);
  EXPECT_EQ(results.num_position_windows, 2);
  ASSERT_EQ(results.positions.size(), 1u);
  EXPECT_EQ(results.positions[0].scored_tokens, 4);
  EXPECT_DOUBLE_EQ(results.positions[0].nll_nats[0], 2.5);
}

// 20 works, each 0.25 nats worse without learning in the second half of the
// layers.
RunRecord ManyWorks() {
  RunRecord record;
  record.profiles = {
      ProfileOf("uniform", {}, 4, 100), ProfileOf("half", {}, 2, 90),
      ProfileOf("waste", {}, 3, 95), ProfileOf("frozen", {}, 0, 80)};
  for (ProfileRecord& p : record.profiles)
    p.counters.clear(), p.window_seconds.assign(20, 0.1);
  record.frozen_idx = 3;
  for (int w = 0; w < 20; ++w) {
    record.windows.push_back(
        {"s", "d", "work " + std::to_string(w), "doc", 0, 3, 6, 2 * w});
    const double base = 2 + 0.01 * w, wiggle = 0.001 * (w % 5);
    const double losses[] = {base, base + 0.25 + wiggle, base + 0.5 + wiggle,
                             base + 1 - wiggle};
    for (int p = 0; p < 4; ++p) {
      record.profiles[p].nll.insert(record.profiles[p].nll.end(), 2, losses[p]);
      record.profiles[p].counters.push_back(
          CountersOf(3, 4, 0, 100 - 5 * p * (p == 2 ? 1 : 2)));
    }
  }
  record.profiles[2].counters = record.profiles[1].counters;
  return record;
}

TEST(Summarise, ManyWorksGiveIntervalsAndPareto) {
  const Results results = Summarise(ManyWorks());
  const CaseResult& half = results.all.cases[1];
  ASSERT_TRUE(half.lost.low && half.lost.high);
  EXPECT_LT(*half.lost.low, *half.lost.value);
  EXPECT_GT(*half.lost.low, 0.24);
  EXPECT_LT(*half.lost.high, 0.26);
  ASSERT_TRUE(half.retention.low && half.retention.high);
  EXPECT_NEAR(*half.retention.value, 0.749, 0.01);
  EXPECT_TRUE(*half.pareto.at("flops"));
  EXPECT_FALSE(
      *results.all.cases[2].pareto.at("flops"));  // same FLOPs as half, worse
  EXPECT_TRUE(*results.all.cases[3].pareto.at("flops"));
}

TEST(Summarise, ControlsHaveNoMarkAndTakeNoOthers) {
  RunRecord record = ManyWorks();
  record.profiles[1].controls = ";eta=shuffle;reset-every=32";
  const Results results = Summarise(record);
  EXPECT_TRUE(results.all.cases[1].is_control);
  EXPECT_FALSE(results.all.cases[1].pareto.at("flops").has_value());
  EXPECT_TRUE(*results.all.cases[2].pareto.at("flops"))
      << "what beat it is a control";
}

// Four batches of one size on a machine that slows down, and a small one.
TEST(Summarise, TimeIsComparedWithinABatch) {
  RunRecord record = ManyWorks();
  for (size_t p = 0; p < record.profiles.size(); ++p) {
    record.profiles[p].times.clear();
    for (const double seconds : {1, 2, 4, 8})
      record.profiles[p].times.push_back(
          {1000, seconds * (1 - 0.1 * static_cast<double>(p))});
    record.profiles[p].times.push_back({10, 50});
  }
  const Results results = Summarise(record);
  const auto& cases = results.all.cases;
  EXPECT_NEAR(*cases[2].time_ratio.value, 0.8, 1e-12);
  EXPECT_NEAR(*cases[2].time_ratio.high, 0.8, 1e-12);
  EXPECT_EQ(cases[2].time_ratio.range(), Range::kQuartiles);
  EXPECT_GT(*cases[2].ms_per_1k_tokens.high, *cases[0].ms_per_1k_tokens.low);
  for (const CaseResult& row : cases)
    EXPECT_TRUE(*row.pareto.at("ms_per_1k_tokens")) << row.profile;
  EXPECT_FALSE(results.domains[0].cases[2].time_ratio.value.has_value());
  record.profiles[1].times = record.profiles[3].times;
  EXPECT_FALSE(*Summarise(record).all.cases[2].pareto.at("ms_per_1k_tokens"))
      << "the second profile predicts better in less time";
  for (ProfileRecord& p : record.profiles) p.times.resize(2);
  const CaseResult few = Summarise(record).all.cases[2];
  EXPECT_THAT(few.time_ratio.reason, testing::HasSubstr("same size: 2, fewer"));
  EXPECT_FALSE(few.pareto.at("ms_per_1k_tokens").has_value());
}

TEST(SchemaNote, OlderVersionsAreNamedAndUnknownOnesRefused) {
  EXPECT_EQ(SchemaNote(kResultsSchemaVersion, "f"), "");
  EXPECT_EQ(SchemaNote(1, "f").find("f: schema 1; this program writes 2"), 0u);
  EXPECT_THROW(SchemaNote(kResultsSchemaVersion + 1, "f"), Error);
  EXPECT_THROW(SchemaNote(0, "f"), Error);
}

// A name is no control, nor is another start.
TEST(Candidates, GoByControlsNotByNames) {
  RunRecord record = HandRecord();
  record.profiles[0].name = "uniform;eta=flip";
  record.profiles[0].controls = ";eta=flip";
  record.profiles[1].controls = ";reset=16;start=mean";
  record.profiles[2].name = "frozen;eta=flip";
  EXPECT_EQ(Candidates(record), std::vector<size_t>{2});
  record.profiles[1].controls = ";start=mean";
  EXPECT_EQ(Candidates(record), (std::vector<size_t>{1, 2}));
}

}  // namespace
}  // namespace plastometer
