// Readers whose losses are known: the agents themselves, and one that pays more
// for a while.
#include "harness/run/continual.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "datasets/synthetic/synthetic.h"

namespace plastometer {
namespace {

constexpr int64_t kFirst = 48, kSecond = 32, kTokens = 160;
constexpr char kParameters[] = R"({"first": 48, "second": 32})";

using Change = std::function<double(int64_t token)>;

ProfileRecord Profile(const std::string &name) {
  ProfileRecord p;
  p.name = name;
  return p;
}

// Profiles: who remembers, who begins anew, and the first one paying `more`.
RunRecord MakeRecord(int64_t num_documents, const Change &more) {
  RunRecord record;
  record.task = {"forgetting", kParameters, 1};
  record.seed = 1;
  record.profiles = {Profile("remembers"), Profile("anew"), Profile("more")};
  const auto task = synthetic::MakeSyntheticTask(
      "forgetting", nlohmann::json::parse(kParameters), 1);
  for (int64_t d = 0; d < num_documents; ++d) {
    const auto document = task->Document(
        synthetic::kHeldOutDocuments + static_cast<uint64_t>(d), kTokens);
    WindowRecord window;
    window.domain = "forgetting";
    window.work = window.document = std::to_string(d);
    window.num_tokens = kTokens;
    window.loss_begin = d * (kTokens - 1);
    window.floor.exact_nats = std::accumulate(document.floor_nats.begin() + 1,
                                              document.floor_nats.end(), 0.0);
    record.windows.push_back(window);
    const auto anew = task->NewForgettingAgent();
    for (int64_t t = 0; t < kTokens; ++t) {
      const auto i = static_cast<size_t>(t);
      const double nats = anew->Observe(document.ids[i]);
      if (t == 0) continue;
      record.profiles[0].nll.push_back(document.floor_nats[i]);
      record.profiles[1].nll.push_back(nats);
      record.profiles[2].nll.push_back(document.floor_nats[i] + more(t));
    }
  }
  return record;
}

double None(int64_t) { return 0; }

TEST(Continual, AnAgentHasTheAgentsRow) {
  const auto result = SummariseContinual(MakeRecord(20, None));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->back, kFirst + kSecond);
  EXPECT_EQ(result->num_works, 20);
  ASSERT_EQ(result->rows.size(), 5U);
  for (size_t agent = 0; agent < 2; ++agent) {
    const ContinualRow &exact = result->rows[agent],
                       &same = result->rows[2 + agent];
    EXPECT_DOUBLE_EQ(*same.loss.value, *exact.loss.value);
    EXPECT_DOUBLE_EQ(*same.loss.low, *exact.loss.low);
    EXPECT_DOUBLE_EQ(*same.transfer.value, *exact.transfer.value);
    EXPECT_EQ(same.recovery.value, exact.recovery.value);
  }
  const ContinualRow &remembers = result->rows[2], &anew = result->rows[3];
  EXPECT_NEAR(*remembers.above_remembering.value, 0, 1e-12);
  EXPECT_NEAR(*anew.above_resetting.value, 0, 1e-12);
  // Memory is worth something, by document.
  EXPECT_GT(*anew.above_remembering.low, 0);
  EXPECT_NEAR(*remembers.above_resetting.value, -*anew.above_remembering.value,
              1e-12);
  EXPECT_LT(*anew.transfer.value, *remembers.transfer.value - 0.1);
  EXPECT_EQ(*remembers.recovery.value, 0);
  EXPECT_EQ(*remembers.recovery.high, 0);
  EXPECT_GT(anew.recovery.value.value_or(1e9), 0);
}

TEST(Continual, APlantedLossIsFoundWhereItIs) {
  const int64_t back = kFirst + kSecond;
  // 0.3 nats for 40 tokens, the third bin 8 / 16 of it.
  const auto result = SummariseContinual(MakeRecord(
      20, [&](int64_t t) { return t >= back && t < back + 40 ? 0.3 : 0.0; }));
  const ContinualRow &row = result->rows[4], &exact = result->rows[0];
  EXPECT_NEAR(*row.above_remembering.value, 0.3 * 40 / (kTokens - back), 1e-9);
  EXPECT_NEAR(*row.transfer.value, *exact.transfer.value - 0.3, 1e-9);
  EXPECT_EQ(*row.recovery.value, 48);
  EXPECT_EQ(*row.recovery.low, 48);
  // What was there before B is no loss of memory.
  const auto always =
      SummariseContinual(MakeRecord(20, [](int64_t) { return 0.3; }));
  EXPECT_EQ(*always->rows[4].recovery.value, 0);
  EXPECT_NEAR(*always->rows[4].transfer.value, *exact.transfer.value, 1e-9);
}

TEST(Continual, WhatIsNotReachedIsNotANumber) {
  const auto result = SummariseContinual(
      MakeRecord(20, [](int64_t t) { return t >= kFirst ? 0.3 : 0.0; }));
  EXPECT_FALSE(result->rows[4].recovery.value);
  EXPECT_EQ(result->rows[4].recovery.reason, "not within 80 tokens");
  const auto few = SummariseContinual(MakeRecord(5, None));
  EXPECT_FALSE(few->rows[2].loss.low);
  EXPECT_EQ(*few->rows[2].recovery.value, 0);
  EXPECT_FALSE(few->rows[2].recovery.low);
}

TEST(Continual, OnlyOfWhatItIs) {
  RunRecord record = MakeRecord(2, None);
  record.task.name = "chains";
  EXPECT_FALSE(SummariseContinual(record));
  record = MakeRecord(2, None);
  record.task.seed = 2;  // other documents
  EXPECT_FALSE(SummariseContinual(record));
  record = MakeRecord(2, None);
  record.task.parameters_json = R"({"first": 48, "second": 100})";
  EXPECT_FALSE(SummariseContinual(record)) << "A' is too short";
}

}  // namespace
}  // namespace plastometer
