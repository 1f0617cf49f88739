// Conditions against numbers worked out by hand.
#include "harness/results/conditions.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

// Two works, conditions own (4 tokens, the last two scored) and fresh (2 tokens
// read, the last scored twice as long): both score 2 tokens of each work.
RunRecord HandRecord() {
  RunRecord r;
  int64_t begin = 0;
  const auto add = [&](const std::string& work, const std::string& condition,
                       int64_t num_tokens) {
    WindowRecord w;
    w.source = w.domain = "s";
    w.work = w.document = work;
    w.num_tokens = num_tokens;
    w.loss_begin = begin;
    w.scored = {{num_tokens - 2, num_tokens}};
    w.condition = condition;
    begin += num_tokens - 1;
    r.windows.push_back(w);
  };
  add("a", "own", 4);
  add("a", "fresh", 3);
  add("b", "own", 4);
  add("b", "fresh", 3);
  const auto profile = [&](const std::string& name, std::vector<double> nll) {
    ProfileRecord p;
    p.name = name;
    p.nll = std::move(nll);
    p.counters.resize(4);
    for (Counters& c : p.counters) c.tokens = 4;
    p.window_seconds.assign(4, 0.1);
    p.times = {{4, 0.1}};
    r.profiles.push_back(p);
  };
  //                  own: 9 is context; fresh
  profile("uniform", {9, 1, 2, /**/ 3, 4, /**/ 9, 1, 1, /**/ 2, 2});
  profile("frozen", {9, 5, 5, /**/ 5, 6, /**/ 9, 5, 5, /**/ 5, 6});
  r.uniform_idx = 0;
  r.frozen_idx = 1;
  return r;
}

TEST(Conditions, MeansAndChangesOfTheScoredTokensAlone) {
  const auto conditions = SummariseConditions(HandRecord());
  ASSERT_EQ(conditions.size(), 2U);
  EXPECT_EQ(conditions[1].name, "fresh");
  EXPECT_EQ(conditions[1].num_works, 2);
  EXPECT_EQ(conditions[1].scored_tokens, 4);
  EXPECT_DOUBLE_EQ(*conditions[0].rows[0].nll.value, 5.0 / 4);
  EXPECT_DOUBLE_EQ(*conditions[1].rows[0].nll.value, 11.0 / 4);
  EXPECT_DOUBLE_EQ(*conditions[1].rows[0].change.value, 6.0 / 4);
  EXPECT_DOUBLE_EQ(*conditions[1].rows[1].change.value, 2.0 / 4);
  EXPECT_DOUBLE_EQ(*conditions[1].rows[0].change_beyond_frozen.value, 4.0 / 4);
  EXPECT_FALSE(conditions[1].rows[0].change.low.has_value());  // two works
  ASSERT_EQ(conditions[1].positions.size(), 1U);
  EXPECT_DOUBLE_EQ(conditions[1].positions[0].nll_nats[0], 11.0 / 4);
}

TEST(Conditions, WindowsWithoutOneHaveNone) {
  RunRecord record = HandRecord();
  for (WindowRecord& w : record.windows) w.condition.clear();
  EXPECT_TRUE(SummariseConditions(record).empty());
}

TEST(Conditions, OtherTokensCannotBeCompared) {
  RunRecord record = HandRecord();
  record.windows[3].scored = {{2, 3}};
  EXPECT_THROW(SummariseConditions(record), Error);
  EXPECT_THROW(ChangesByPlace(record), Error);
}

TEST(Places, ChangesAreByPlaceInTheScoredText) {
  RunRecord record = HandRecord();
  auto changes = ChangesByPlace(record);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].name, "fresh");
  ASSERT_EQ(changes[0].places.size(), 1U);
  EXPECT_EQ(changes[0].places[0].to, 16);
  EXPECT_DOUBLE_EQ(*changes[0].places[0].change[0].value, 6.0 / 4);
  EXPECT_DOUBLE_EQ(*changes[0].places[0].share[0].value, 11.0 / 15);
  EXPECT_FALSE(RecoveryOf(changes[0], 0).known);  // two works: no interval
  for (WindowRecord& w : record.windows) w.condition.clear();
  EXPECT_TRUE(ChangesByPlace(record).empty());
}

// Lower ends of the change in four octaves -> recovery.
TEST(Places, RecoveredIsWhatStaysRecovered) {
  const auto recovery = [](std::vector<double> lows) {
    ConditionChange condition;
    for (size_t k = 0; k < lows.size(); ++k)
      condition.places.push_back(
          {k == 0 ? 0 : int64_t{8} << k, 0, {{lows[k] + 1, lows[k], 9, ""}}});
    return RecoveryOf(condition, 0).tokens;
  };
  EXPECT_EQ(recovery({2, 1, -1, -1}), 32);
  EXPECT_EQ(recovery({2, -1, 1, -1}), 64);  // worse once more
  EXPECT_EQ(recovery({-1, -1, -1, -1}), 0);
  EXPECT_EQ(recovery({-1, -1, -1, 1}), std::nullopt);
}

TEST(Scored, SumsLeaveTheContextOut) {
  const RunRecord record = HandRecord();
  EXPECT_EQ(record.windows[0].num_scored(), 2);
  EXPECT_DOUBLE_EQ(WindowSum(record.profiles[0], record.windows[0]), 3);
  const Results results = Summarise(record);
  EXPECT_EQ(results.all.scored_tokens, 8);
  EXPECT_DOUBLE_EQ(results.all.cases[0].nll_sum, 16);
  EXPECT_EQ(results.conditions.size(), 2U);
  EXPECT_FALSE(results.all.floor_nats.has_value());
}

TEST(Floor, ExcessIsAgainstTheScoredTokensFloor) {
  RunRecord record = HandRecord();
  for (WindowRecord& w : record.windows) w.floor.scored_nats = 1.5;
  const Results results = Summarise(record);
  EXPECT_DOUBLE_EQ(*results.all.floor_nats, 6.0 / 8);
  EXPECT_DOUBLE_EQ(*results.all.cases[0].above_floor.value, 10.0 / 8);
  record.windows[2].floor.scored_nats.reset();  // one is not known
  EXPECT_FALSE(Summarise(record).all.floor_nats.has_value());
}

TEST(Floor, OfRangesThatAreWholeOctaves) {
  RunRecord record;
  record.profiles.resize(1);
  record.profiles[0].nll.assign(19, 1);
  WindowRecord w;
  w.num_tokens = 20;  // octaves [1, 8), [8, 16), [16, 20)
  w.floor.scored_nats = 70;
  w.floor.scored_by_octave = {10, 20, 40};
  record.windows = {w};
  const std::vector<size_t> all = {0};
  const auto floor = [&](int64_t from, int64_t to) {
    return SumByWork(record, all, from, to).floor.at(0);
  };
  EXPECT_EQ(floor(1, 100), 70);
  EXPECT_EQ(floor(1, 16), 30);
  EXPECT_EQ(floor(8, 20), 60);
  EXPECT_EQ(floor(16, 32), 40);
  EXPECT_TRUE(std::isnan(floor(1, 12)));  // cuts an octave
  EXPECT_TRUE(std::isnan(floor(9, 16)));
  record.windows[0].floor.scored_by_octave.clear();
  EXPECT_EQ(floor(1, 20), 70);
  EXPECT_TRUE(std::isnan(floor(8, 16)));
}

}  // namespace
}  // namespace plastometer
