#include <algorithm>
#include <array>
#include <set>

#include "tests/datasets/synthetic/helpers.h"

namespace plastometer::synthetic {
namespace {

constexpr int32_t kStop = 0, kRule = 1, kQuery = 2;

TEST(Language, DocumentsFollowTheFloor) {
  // Stop, rule, query, one function word, two content words, one name.
  ExpectFloorsAreTheLaw(
      *Task("language",
            R"({"functions": 1, "contents": 2, "names": 1, "rules": 1,
                "query": [1, 2], "shift": [1, 2]})"),
      6, 100000);
  // Two names: Hoppe's urn.
  ExpectFloorsAreTheLaw(
      *Task("language",
            R"({"functions": 1, "contents": 2, "names": 2, "rules": 0,
                "shift": [1, 1], "novelty": [1, 2]})"),
      3, 100000);
  // Two rules: which cue is asked for first.
  ExpectFloorsAreTheLaw(
      *Task("language",
            R"({"functions": 1, "contents": 4, "names": 1, "rules": 2,
                "query": [3, 4], "styles": 1})"),
      8, 100000);
}

// Of one function word, two content words and one name; sixteenths.
double Sixteenths(bool terse, int32_t from, int32_t to) {
  static constexpr std::array<std::array<std::array<int, 4>, 4>, 2> kTable{
      {{{{0, 12, 0, 4}, {0, 2, 10, 4}, {6, 6, 3, 1}, {6, 8, 2, 0}}},
       {{{0, 2, 10, 4}, {0, 0, 12, 4}, {5, 2, 7, 2}, {6, 1, 9, 0}}}}};
  return kTable[terse][static_cast<size_t>(from)][static_cast<size_t>(to)] /
         16.0;
}

// Sum over every sequence of styles, one a sentence.
double Brute(const Ids& ids, size_t t, int32_t from, bool terse, double h) {
  if (t == ids.size()) return 1;
  const auto part = [](int32_t id) {
    return id == 0 ? 0 : id < 4 ? 1 : id < 6 ? 2 : 3;
  };
  const auto step = [&](bool style) {
    double p = Sixteenths(style, from, part(ids[t]));
    // Ranks 1 and 2 weigh 2 : 1; the other style has them turned round.
    if (part(ids[t]) == 2) p *= (ids[t] == 4) != style ? 2.0 / 3 : 1.0 / 3;
    return p == 0 ? 0 : p * Brute(ids, t + 1, part(ids[t]), style, h);
  };
  if (from != 0) return step(terse);
  if (t == 0) return 0.5 * step(false) + 0.5 * step(true);
  return (1 - h) * step(terse) + h / 2 * (step(false) + step(true));
}

TEST(Language, FilterIsTheSumOverStyles) {
  const auto task = Task("language",
                         R"({"functions": 1, "contents": 2, "names": 1,
                             "rules": 0, "shift": [1, 4]})");
  for (uint64_t d = 0; d < 50; ++d) {
    const auto document = task->Document(d, 24);
    EXPECT_NEAR(std::exp(-Sum(document.floor_nats)) /
                    Brute(document.ids, 0, 0, false, 0.25),
                1, 1e-12);
  }
}

TEST(Language, PredictionsSumToOne) {
  const auto task = Task("language");
  const auto ids = task->Document(3, 120).ids;
  for (size_t t = 0; t < ids.size(); t += t < 20 ? 1 : 7) {
    double sum = 0;
    for (int32_t id = 0; id < task->vocab_size(); ++id) {
      const auto agent = task->NewAgent();
      for (size_t s = 0; s < t; ++s) agent->Observe(ids[s]);
      sum += std::exp(-agent->Observe(id));
    }
    ASSERT_NEAR(sum, 1, 1e-12) << t;
  }
}

TEST(Language, TheRuleIsStatedOnceAndAskedForOnce) {
  const auto task = Task("language");
  for (uint64_t d = 0; d < 20; ++d) {
    const auto document = task->Document(d, 2048);
    const Ids& ids = document.ids;
    ASSERT_EQ(ids[0], kRule);
    ASSERT_EQ(ids[17], kStop);
    std::map<int32_t, int32_t> rule;
    for (size_t i = 1; i < 17; i += 2) rule[ids[i]] = ids[i + 1];
    ASSERT_EQ(rule.size(), 8U);
    for (size_t t = 18; t < ids.size(); ++t) {
      ASSERT_NE(ids[t], kRule);
      EXPECT_EQ(document.labels[t] == kAnswer, ids[t - 2] == kQuery);
      if (document.labels[t] != kAnswer) continue;
      ASSERT_EQ(rule.count(ids[t - 1]), 1U) << "asked twice";
      EXPECT_EQ(ids[t], rule[ids[t - 1]]);
      EXPECT_EQ(document.floor_nats[t], 0);
      rule.erase(ids[t - 1]);
    }
    EXPECT_TRUE(rule.empty());
  }
}

TEST(Language, WordsAreNewOnce) {
  const auto document = Task("language")->Document(0, 1024);
  std::set<int32_t> seen;
  for (size_t t = 0; t < document.ids.size(); ++t) {
    const int32_t id = document.ids[t];
    const int expected = id < 3               ? kNoWord
                         : id < 18            ? kFunctionWord
                         : seen.count(id) > 0 ? kSeenContent
                                              : kNewContent;
    EXPECT_EQ(document.words[t], expected) << t;
    seen.insert(id);
  }
}

TEST(Language, TheFloorIsBelowTheNgrams) {
  const auto task = Task("language");
  constexpr uint64_t kDocuments = 100;
  constexpr size_t kLength = 1024;
  constexpr double kTokens = kDocuments * kLength;
  double floor = 0;
  std::array<double, 4> ngram{};
  int64_t changes = 0;
  for (uint64_t d = 0; d < kDocuments; ++d) {
    const auto document = task->Document(d, kLength);
    floor += Sum(document.floor_nats);
    changes += std::ranges::count(document.labels, kChange);
    for (size_t order = 0; order < ngram.size(); ++order) {
      const auto agent =
          NewNgramAgent(task->vocab_size(), static_cast<int>(order), 0.5);
      for (const int32_t id : document.ids) ngram[order] += agent->Observe(id);
    }
  }
  RecordProperty("floor", std::to_string(floor / kTokens));
  for (size_t order = 0; order < ngram.size(); ++order) {
    RecordProperty("ngram" + std::to_string(order),
                   std::to_string(ngram[order] / kTokens));
    EXPECT_LT(floor, 0.85 * ngram[order]);
  }
  EXPECT_GT(changes, 100);
}

}  // namespace
}  // namespace plastometer::synthetic
