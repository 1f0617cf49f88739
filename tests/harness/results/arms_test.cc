// Arms against losses that were made up, so that every answer is known.
#include "harness/results/arms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace plastometer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kWorks = 20;

// One model on 20 works of one scored token each: nats = loss + a little by
// work.
RunRecord RecordOf(const std::string& trained, int64_t seed,
                   const std::vector<std::pair<std::string, double>>& losses,
                   const std::string& origin = "") {
  RunRecord r;
  r.model_name = trained + "-" + std::to_string(seed);
  r.model_sha256 = r.model_name + origin;
  r.data_name = "made up";
  r.data_sha256 = "d";
  r.training = {trained, seed, origin};
  for (int w = 0; w < kWorks; ++w) {
    WindowRecord window;
    window.source = window.domain = "s";
    window.work = window.document = std::to_string(w);
    window.num_tokens = 2;
    window.loss_begin = w;
    r.windows.push_back(window);
  }
  for (const auto& [name, loss] : losses) {
    ProfileRecord p;
    p.name = name;
    for (int w = 0; w < kWorks; ++w)
      p.nll.push_back(loss + 0.001 * w + 0.0001 * static_cast<double>(seed));
    r.profiles.push_back(p);
  }
  return r;
}

std::vector<RunRecord> Family(int64_t seed) {
  return {RecordOf("uniform", seed,
                   {{"uniform", 2.0}, {"retina", 2.5}, {"frozen", 3.0}}),
          RecordOf("retina", seed,
                   {{"uniform", 2.0}, {"retina", 2.01}, {"frozen", 3.0}}),
          RecordOf("frozen", seed, {{"uniform", 2.4}, {"frozen", 2.4}})};
}

const ArmRow& Find(const ArmComparison& c, const std::string& arm,
                   const std::string& profile) {
  const auto at = std::find_if(
      c.rows.begin(), c.rows.end(),
      [&](const ArmRow& r) { return r.arm == arm && r.profile == profile; });
  EXPECT_NE(at, c.rows.end()) << arm << " " << profile;
  return *at;
}

TEST(Arms, EachArmHasItsOwnBaseline) {
  std::vector<RunRecord> records;
  for (const int64_t seed : {1, 2, 3})
    for (RunRecord& r : Family(seed)) records.push_back(std::move(r));
  const auto comparisons = CompareArms(records);
  ASSERT_EQ(comparisons.size(), 1U);
  EXPECT_EQ(comparisons[0].num_works, kWorks);
  const ArmRow& post_hoc = Find(comparisons[0], "post-hoc", "retina");
  EXPECT_THAT(post_hoc.seeds, ElementsAre(1, 2, 3));
  EXPECT_NEAR(*post_hoc.retention.value, 0.5, 1e-9);
  EXPECT_EQ(post_hoc.judged.verdict, stats::Verdict::kNo);
  // (2.4 - 2.01) / (2.4 - 2.0)
  const ArmRow& trained = Find(comparisons[0], "co-trained", "retina");
  EXPECT_NEAR(*trained.retention.value, 0.975, 1e-9);
  EXPECT_NEAR(*trained.lost.value, 0.01, 1e-9);
  EXPECT_TRUE(trained.lost.low.has_value());
  EXPECT_EQ(trained.judged.verdict, stats::Verdict::kYes);
}

// Uniform reads worse than frozen: no share, no verdict, and it is said.
TEST(Arms, LearningThatHurtsKeepsNothing) {
  std::vector<RunRecord> records;
  for (const int64_t seed : {1, 2, 3})
    records.push_back(RecordOf(
        "uniform", seed, {{"uniform", 3.0}, {"retina", 2.5}, {"frozen", 2.0}}));
  auto comparisons = CompareArms(records);
  DecideTogether(comparisons);
  const ArmRow& row = Find(comparisons[0], "post-hoc", "retina");
  EXPECT_FALSE(row.retention.value);
  EXPECT_EQ(row.not_asked, "learning while reading hurts this model");
  EXPECT_TRUE(std::isnan(row.judged.level));
}

TEST(Arms, EndsOfTheGapAreNotJudged) {
  std::vector<RunRecord> records;
  for (const int64_t seed : {1, 2, 3})
    for (RunRecord& r : Family(seed)) records.push_back(std::move(r));
  const auto comparisons = CompareArms(records);
  EXPECT_EQ(Find(comparisons[0], "post-hoc", "uniform").not_asked,
            "by definition");
  EXPECT_EQ(Find(comparisons[0], "co-trained", "frozen").not_asked,
            "by definition");
}

// The same folder twice is no second seed.
TEST(Arms, OneModelIsOneSeed) {
  std::vector<RunRecord> records = Family(1);
  for (RunRecord& r : Family(1)) records.push_back(std::move(r));
  const auto comparisons = CompareArms(records);
  EXPECT_THAT(Find(comparisons[0], "post-hoc", "retina").seeds, ElementsAre(1));
  EXPECT_THAT(comparisons[0].notes[0], HasSubstr("was given twice"));
}

TEST(Arms, OneSeedIsUndecided) {
  const auto comparisons = CompareArms(Family(1));
  const ArmRow& trained = Find(comparisons[0], "co-trained", "retina");
  EXPECT_FALSE(trained.lost.low.has_value());
  EXPECT_EQ(trained.judged.verdict, stats::Verdict::kUndecided);
  EXPECT_EQ(trained.why, "1 training seed, fewer than 3");
}

TEST(Arms, HealedModelsAreComparedAmongThemselves) {
  std::vector<RunRecord> records = Family(1);
  records.push_back(
      RecordOf("uniform", 1, {{"uniform", 1.9}, {"frozen", 3.0}}, "o"));
  records.push_back(
      RecordOf("frozen", 1, {{"uniform", 2.7}, {"frozen", 2.7}}, "o"));
  records.push_back(RecordOf("cortex", 1, {{"cortex", 2.3}}, "o"));
  const auto comparisons = CompareArms(records);
  EXPECT_NEAR(*Find(comparisons[0], "healed", "cortex").retention.value, 0.5,
              1e-9);
  // And they are no seeds of the others.
  EXPECT_THAT(Find(comparisons[0], "co-trained", "frozen").seeds,
              ElementsAre(1));
}

TEST(Arms, WhatCannotBeComparedIsNamed) {
  std::vector<RunRecord> records = Family(1);
  records.pop_back();  // no frozen sibling
  const auto comparisons = CompareArms(records);
  ASSERT_EQ(comparisons[0].notes.size(), 2U);
  EXPECT_THAT(comparisons[0].notes[1], HasSubstr("no frozen-trained model"));
  RunRecord silent = Family(1)[0];
  silent.training = {};
  EXPECT_THROW(CompareArms(std::vector{silent}), Error);
}

}  // namespace
}  // namespace plastometer
