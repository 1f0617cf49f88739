#include <algorithm>
#include <array>
#include <set>

#include "tests/datasets/synthetic/helpers.h"

namespace plastometer::synthetic {
namespace {

TEST(Mqar, EveryPairIsAskedForOnceAndAnswered) {
  const auto task = Task("mqar");
  for (uint64_t d = 0; d < 200; ++d) {
    const auto document = task->Document(d, 64);
    std::map<int32_t, int32_t> value_of;
    std::set<int32_t> values;
    for (size_t i = 0; i < 16; i += 2) {
      value_of[document.ids[i]] = document.ids[i + 1];
      values.insert(document.ids[i + 1]);
      ASSERT_TRUE(document.ids[i] >= 1 && document.ids[i] < 128);
      ASSERT_TRUE(document.ids[i + 1] >= 128 && document.ids[i + 1] < 256);
    }
    ASSERT_EQ(value_of.size(), 8u);
    ASSERT_EQ(values.size(), 8u);
    std::set<int32_t> asked;
    for (size_t i = 16; i < 64; i += 2) {
      ASSERT_EQ(document.labels[i], kUnscored);
      ASSERT_EQ(document.floor_nats[i + 1], 0);
      if (document.labels[i + 1] == kAnswer) {
        ASSERT_EQ(document.ids[i + 1], value_of.at(document.ids[i]));
        ASSERT_TRUE(asked.insert(document.ids[i]).second);
      } else {
        ASSERT_EQ(document.ids[i], 0);
        ASSERT_EQ(document.ids[i + 1], 0);
      }
    }
    ASSERT_EQ(asked.size(), 8u);
  }
}

TEST(Mqar, PairsFollowTheFloor) {
  ExpectFloorsAreTheLaw(
      *Task("mqar", R"({"vocab": 8, "pairs": 2, "length": 8})"), 4, 100000);
}

// One pair: its query is at slot j of 1, 2, 3 with weight 1 / j.
TEST(Mqar, QueriesAreRatherNear) {
  const auto task = Task("mqar", R"({"vocab": 8, "pairs": 1, "length": 8})");
  std::array<int, 3> counts{};
  const int documents = 60000;
  for (int d = 0; d < documents; ++d) {
    const auto document = task->Document(static_cast<uint64_t>(d), 8);
    for (size_t slot = 0; slot < 3; ++slot)
      counts[slot] += document.labels[3 + 2 * slot] == kAnswer;
  }
  for (int j = 1; j <= 3; ++j) {
    const double p = (1.0 / j) / (1 + 1.0 / 2 + 1.0 / 3);
    EXPECT_NEAR(counts[static_cast<size_t>(j - 1)], documents * p,
                5 * std::sqrt(documents * p * (1 - p)));
  }
}

// What an episode of forgetting-mqar holds, read from its ids alone.
struct Written {
  std::map<int32_t, int32_t> first, last;
  size_t slots = 0;  // where they begin
};

Written ReadPairs(const Ids& ids, size_t pairs, size_t updates) {
  Written written;
  for (size_t i = 0; i < pairs + updates; ++i) {
    const int32_t key = ids[2 * i];
    const bool is_new = written.first.emplace(key, ids[2 * i + 1]).second;
    EXPECT_EQ(is_new, i < pairs);
    written.last[key] = ids[2 * i + 1];
  }
  written.slots = 2 * (pairs + updates);
  return written;
}

TEST(ForgettingMqar, TheLastValueAnswers) {
  const auto task = Task("forgetting-mqar");
  std::array<int, 8> updates_of{};  // by the place of the pair
  for (uint64_t d = 0; d < 2000; ++d) {
    const auto document = task->Document(d, 64);
    const Ids& ids = document.ids;
    const Written written = ReadPairs(ids, 8, 4);
    int stale = 0;
    for (size_t i = 0; i < 8; ++i) {
      const int32_t key = ids[2 * i];
      const bool updated = written.first.at(key) != written.last.at(key);
      updates_of[i] += updated;
      stale += updated;
    }
    ASSERT_EQ(stale, 4);
    std::set<int32_t> asked;
    for (size_t t = written.slots; t < 64; t += 2) {
      ASSERT_EQ(document.labels[t], kUnscored);
      ASSERT_EQ(document.floor_nats[t + 1], 0);
      if (document.labels[t + 1] == kAnswer) {
        ASSERT_EQ(ids[t + 1], written.last.at(ids[t]));
        ASSERT_TRUE(asked.insert(ids[t]).second);
      } else {
        ASSERT_EQ(ids[t], 0);
        ASSERT_EQ(ids[t + 1], 0);
      }
    }
    ASSERT_EQ(asked.size(), 8u);
  }
  for (const int count : updates_of)
    EXPECT_NEAR(count, 1000, 5 * std::sqrt(500));
}

TEST(ForgettingMqar, PairsAndUpdatesFollowTheFloor) {
  const char* const parameters[] = {
      R"({"vocab": 6, "pairs": 2, "updates": 1, "length": 10})",
      R"({"vocab": 8, "pairs": 2, "updates": 2, "length": 12})"};
  ExpectFloorsAreTheLaw(*Task("forgetting-mqar", parameters[0]), 6, 100000);
  ExpectFloorsAreTheLaw(*Task("forgetting-mqar", parameters[1]), 8, 200000);
}

// Fillers are any id but the keys of the episode, all alike: what comes after a
// key is its value for certain, what comes after a filler has the floor's law.
TEST(ForgettingMqar, RandomFillersLeaveAnswersCertain) {
  const auto task = Task("forgetting-mqar",
                         R"({"vocab": 12, "pairs": 3, "updates": 1,
                             "length": 24, "random_fillers": 1})");
  const int documents = 40000;
  std::map<int32_t, double> seen, expected;  // second fillers
  std::map<int32_t, int> after_key;          // by the value's being the last
  for (int d = 0; d < documents; ++d) {
    const auto document = task->Document(static_cast<uint64_t>(d), 24);
    const Ids& ids = document.ids;
    const Written written = ReadPairs(ids, 3, 1);
    for (size_t t = written.slots; t < 24; t += 2) {
      const auto key = written.last.find(ids[t]);
      ASSERT_EQ(document.labels[t], kUnscored);
      ASSERT_EQ(document.labels[t + 1] == kAnswer, key != written.last.end());
      if (key != written.last.end()) {
        ASSERT_EQ(ids[t + 1], key->second);
        ASSERT_EQ(document.floor_nats[t + 1], 0);
        ++after_key[ids[t]];
        continue;
      }
      ASSERT_FALSE(written.last.contains(ids[t + 1]));
      ASSERT_EQ(document.floor_nats[t + 1], std::log(9));
      ++seen[ids[t + 1]];
      for (int32_t id = 0; id < 12; ++id)
        if (!written.last.contains(id)) expected[id] += 1.0 / 9;
    }
  }
  ASSERT_EQ(seen.size(), 12u);
  for (const auto& [id, count] : seen)
    EXPECT_NEAR(count, expected.at(id), 5 * std::sqrt(expected.at(id)));
  // Keys are 1 ... 5, each as often as another: 3 of 5 in every document.
  ASSERT_EQ(after_key.size(), 5u);
  for (const auto& [id, count] : after_key)
    EXPECT_NEAR(count, documents * 0.6, 5 * std::sqrt(documents * 0.24));
}

TEST(Induction, DocumentsFollowTheFloor) {
  ExpectFloorsAreTheLaw(*Task("induction", R"({"vocab": 3, "length": 6})"), 6,
                        100000);
}

TEST(Induction, AnswerIsTheTokenAfterTheMarker) {
  // At length 6 every place of the marker comes up, the last one too.
  for (const size_t length : {size_t{6}, size_t{256}}) {
    const auto task =
        Task("induction", "{\"length\": " + std::to_string(length) + "}");
    for (uint64_t d = 0; d < 200; ++d) {
      const auto document = task->Document(d, length);
      const auto& ids = document.ids;
      ASSERT_EQ(std::count(ids.begin(), ids.end(), 0), 2);
      const auto marker = std::find(ids.begin(), ids.end(), 0);
      ASSERT_EQ(ids[length - 2], 0);
      ASSERT_EQ(ids[length - 1], marker[1]);
      ASSERT_GT(marker[1], 0);
      ASSERT_EQ(document.labels[length - 1], kAnswer);
      ASSERT_EQ(document.floor_nats[length - 1], 0);
    }
  }
}

TEST(SelectiveCopy, DocumentsFollowTheFloor) {
  ExpectFloorsAreTheLaw(
      *Task("selective-copy", R"({"vocab": 4, "data": 2, "places": 5})"), 8,
      100000);
}

TEST(SelectiveCopy, DataComeBackInOrder) {
  const auto task = Task("selective-copy");
  for (uint64_t d = 0; d < 200; ++d) {
    const auto document = task->Document(d, 273);
    Ids data;
    for (size_t t = 0; t < 256; ++t)
      if (document.ids[t] != 0) data.push_back(document.ids[t]);
    ASSERT_EQ(data.size(), 16u);
    ASSERT_EQ(document.ids[256], 1);
    for (size_t i = 0; i < 16; ++i) {
      ASSERT_EQ(document.ids[257 + i], data[i]);
      ASSERT_EQ(document.labels[257 + i], kAnswer);
      ASSERT_EQ(document.floor_nats[257 + i], 0);
    }
  }
}

TEST(Recall, EpisodesFollowEachOther) {
  const auto two = Task("mqar")->Document(0, 128);
  EXPECT_TRUE(std::equal(two.labels.begin(), two.labels.begin() + 16,
                         two.labels.begin() + 64));
  EXPECT_FALSE(
      std::equal(two.ids.begin(), two.ids.begin() + 64, two.ids.begin() + 64));
}

}  // namespace
}  // namespace plastometer::synthetic
