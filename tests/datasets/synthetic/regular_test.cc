#include <algorithm>
#include <array>
#include <set>

#include "tests/datasets/synthetic/helpers.h"

namespace plastometer::synthetic {
namespace {

constexpr int32_t kSeparator = 18;
constexpr int kMaxWord = 49;

// What came after one beginning of a word.
struct Node {
  std::map<int32_t, int> next;  // symbols
  int ends = 0;
  std::set<double> symbol_nats, end_nats;  // floors met
};

// The tree of the words of one long document, from its ids alone: beginnings
// of up to `depth` symbols.
std::map<Ids, Node> Tree(const SyntheticDocument& document, size_t depth) {
  std::map<Ids, Node> tree;
  Ids word;
  for (size_t t = 0; t < document.ids.size(); ++t) {
    const int32_t id = document.ids[t];
    const bool ends = id == kSeparator;
    if (word.size() <= depth) {
      Node& node = tree[word];
      (ends ? node.end_nats : node.symbol_nats).insert(document.floor_nats[t]);
      if (ends)
        ++node.ends;
      else
        ++node.next[id];
    }
    if (ends)
      word.clear();
    else
      word.push_back(id);
  }
  return tree;
}

// Symbols after a beginning are all alike, words end with the hazard of a
// uniform length, and both cost what these frequencies say.
TEST(Regular, FrequenciesAreTheFloor) {
  const auto task = Task("regular");
  for (uint64_t d = 0; d < 8; ++d) {
    const auto document = task->Document(d, 400000);
    int checked = 0;
    for (const auto& [word, node] : Tree(document, 3)) {
      int symbols = 0;
      for (const auto& [id, count] : node.next) symbols += count;
      const int all = symbols + node.ends;
      if (all < 300) continue;  // every edge has turned up, all but surely
      ++checked;
      const double edges = static_cast<double>(node.next.size());
      ASSERT_TRUE(edges >= 1 && edges <= 3);
      const double end =
          word.empty() ? 0
                       : 1.0 / (kMaxWord + 1 - static_cast<int>(word.size()));
      EXPECT_NEAR(node.ends, all * end,
                  5 * std::sqrt(all * end * (1 - end)) + 1e-9);
      for (const auto& [id, count] : node.next)
        EXPECT_NEAR(count, symbols / edges,
                    5 * std::sqrt(symbols / edges * (1 - 1 / edges)) + 1e-9);
      ASSERT_EQ(node.symbol_nats.size(), 1u);
      EXPECT_NEAR(*node.symbol_nats.begin(), -std::log((1 - end) / edges),
                  1e-12);
      if (node.ends == 0) continue;
      ASSERT_EQ(node.end_nats.size(), 1u);
      EXPECT_NEAR(*node.end_nats.begin(), -std::log(end), 1e-12);
    }
    EXPECT_GE(checked, 4);
  }
}

TEST(Regular, WordsHaveOneToFortyNineSymbolsAllLengthsAlike) {
  const auto task = Task("regular");
  std::array<int, kMaxWord + 1> lengths{};
  int words = 0;
  for (uint64_t d = 0; d < 10; ++d) {
    size_t length = 0;
    for (const int32_t id : task->Document(d, 100000).ids) {
      if (id != kSeparator) {
        ASSERT_LT(length++, kMaxWord);
        continue;
      }
      ++lengths.at(length);
      ++words;
      length = 0;
    }
  }
  EXPECT_EQ(lengths[0], 0);
  const double p = 1.0 / kMaxWord;
  for (size_t n = 1; n <= kMaxWord; ++n)
    EXPECT_NEAR(lengths.at(n), words * p, 5 * std::sqrt(words * p * (1 - p)));
}

// One edge a node and two nodes: words are a, ab, aba, ... of one document. The
// alphabet has m = 1 or 2 symbols of 2, so b = a with probability 1 / m.
TEST(Regular, SmallAutomataComeWithTheirProbabilities) {
  const auto task = Task("regular",
                         R"({"symbols": 2, "min_symbols": 1, "min_nodes": 2,
                             "max_nodes": 2, "max_edges": 1, "max_word": 4})");
  const int documents = 40000;
  int first_is_zero = 0, with_two = 0, same = 0;
  for (int d = 0; d < documents; ++d) {
    const auto document = task->Document(static_cast<uint64_t>(d), 4);
    const Ids& ids = document.ids;
    ASSERT_EQ(document.floor_nats[0], 0);  // one edge; a word is not empty
    first_is_zero += ids[0] == 0;
    if (ids[1] == 2) continue;
    ++with_two;
    same += ids[1] == ids[0];
    ASSERT_NEAR(document.floor_nats[1], -std::log(3.0 / 4), 1e-12);
    ASSERT_TRUE(ids[2] == 2 || ids[2] == ids[0]);
  }
  EXPECT_NEAR(first_is_zero, documents / 2.0, 5 * std::sqrt(documents / 4.0));
  EXPECT_NEAR(with_two, documents * 0.75, 5 * std::sqrt(documents * 0.1875));
  EXPECT_NEAR(same, with_two * 0.75, 5 * std::sqrt(with_two * 0.1875));
}

TEST(Regular, FirstNodesHaveOneToThreeEdges) {
  const auto task = Task("regular");
  std::map<double, int> counts;
  const int documents = 30000;
  for (int d = 0; d < documents; ++d)
    ++counts[task->Document(static_cast<uint64_t>(d), 1).floor_nats[0]];
  ASSERT_EQ(counts.size(), 3u);
  for (const double edges : {1.0, 2.0, 3.0})
    EXPECT_NEAR(counts[std::log(edges)], documents / 3.0,
                5 * std::sqrt(documents * 2.0 / 9));
}

// With the automaton, the text is cheaper than with counts of any order; none
// of its tokens counts as an exact law.
TEST(Regular, TheOracleIsBelowTheNgrams) {
  const auto task = Task("regular");
  const int documents = 100;
  const size_t length = 1024;
  double oracle = 0;
  std::array<double, 5> ngram{};
  for (uint64_t d = 0; d < documents; ++d) {
    const auto document = task->Document(d, length);
    oracle += Sum(document.floor_nats);
    for (size_t order = 0; order < ngram.size(); ++order) {
      const auto agent = NewNgramAgent(19, static_cast<int>(order), 0.5);
      for (const int32_t id : document.ids) ngram[order] += agent->Observe(id);
    }
    for (const uint8_t label : document.labels) ASSERT_EQ(label, kUnscored);
  }
  const double tokens = documents * static_cast<double>(length);
  RecordProperty("oracle", std::to_string(oracle / tokens));
  for (size_t order = 0; order < ngram.size(); ++order) {
    EXPECT_LT(oracle, ngram[order]);
    EXPECT_LT(ngram[order], tokens * std::log(19));
    RecordProperty("ngram" + std::to_string(order),
                   std::to_string(ngram[order] / tokens));
  }
}

}  // namespace
}  // namespace plastometer::synthetic
