#include "datasets/published.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "tests/datasets/helpers.h"

namespace plastometer {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// One id a byte, and two marks.
class MarkedBytes : public ByteTokenizer {
 public:
  int32_t bos_id() const override { return 256; }
  int32_t eos_id() const override { return 257; }
  int32_t vocab_size() const override { return 258; }
};

constexpr int32_t kBos = 256, kEos = 257;

class Published : public testing::Test {
 protected:
  // One document a line, "domain text".
  std::filesystem::path Put(const std::vector<std::string>& documents) {
    std::string lines;
    for (const std::string& d : documents)
      lines += nlohmann::json{{"text", d.substr(2)},
                              {"meta", {{"pile_set_name", d.substr(0, 1)}}}}
                   .dump() +
               "\n";
    WriteFile(folder_.path() / "d.jsonl", lines);
    return folder_.path() / "d.jsonl";
  }
  std::string Message(const std::filesystem::path& path, int64_t context) {
    return MessageOf([&] { PublishedText(path, MarkedBytes(), context); });
  }
  TemporaryFolder folder_;
};

// ^ and $ the marks: ^ab$^cde$^f$
//                    0 4 8  : context 4, windows 0..4, 4..8, the rest left out
TEST_F(Published, AStreamByHand) {
  const EvaluationSet set =
      PublishedText(Put({"A ab", "A cde", "A f"}), MarkedBytes(), 4);
  ASSERT_EQ(set.windows.size(), 2U);
  const Window &a = set.windows[0], &b = set.windows[1];
  EXPECT_THAT(a.ids, ElementsAre(kBos, 'a', 'b', kEos, kBos));
  EXPECT_THAT(a.scored, ElementsAre(0, 1, 1, 1, 0));
  EXPECT_THAT(a.token_bytes, ElementsAre(0, 1, 1, 0, 0));
  EXPECT_THAT(b.ids, ElementsAre(kBos, 'c', 'd', 'e', kEos));
  EXPECT_TRUE(b.scored.empty()) << "nothing but the first is left out";
  EXPECT_EQ(b.first_token, 4);
  EXPECT_EQ(a.work, b.work) << "they share documents";
  EXPECT_EQ(a.domain, "A");
  EXPECT_THAT(set.notes,
              ElementsAre(AllOf(HasSubstr("3 documents joined into 1 stream,"),
                                HasSubstr("1 targets that are begin-of-text"),
                                HasSubstr(" 3 tokens at the ends"))));
}

TEST_F(Published, EveryTokenButTheFirstIsATargetOnce) {
  const EvaluationSet set = PublishedText(
      Put({"A one document", "A ", "A another, longer one"}), MarkedBytes(), 5);
  std::vector<int32_t> stream = {set.windows.at(0).ids.at(0)};
  for (const Window& w : set.windows) {
    ASSERT_EQ(w.ids.front(), stream.back());
    stream.insert(stream.end(), w.ids.begin() + 1, w.ids.end());
  }
  std::vector<int32_t> expected = {kBos};
  for (const char c : std::string("one document")) expected.push_back(c);
  // An empty document is its begin alone.
  expected.insert(expected.end(), {kEos, kBos, kBos});
  for (const char c : std::string("another, longer one")) expected.push_back(c);
  expected.push_back(kEos);
  expected.resize((expected.size() - 1) / 5 * 5 + 1);
  EXPECT_EQ(stream, expected);
}

TEST_F(Published, DomainsAreStreamsOfTheirOwnAndLimitsHold) {
  const auto path = Put({"A aaaaaaaa", "B bbbbbbbb", "A cccc", "B d"});
  const EvaluationSet all = PublishedText(path, MarkedBytes(), 4);
  std::vector<std::string> domains;
  for (const Window& w : all.windows) domains.push_back(w.domain);
  EXPECT_THAT(domains, ElementsAre("A", "A", "A", "B", "B", "B"));
  TextDataOptions options;
  options.windows_per_document = 1;
  options.domains = {"B"};
  const EvaluationSet one = PublishedText(path, MarkedBytes(), 4, options);
  ASSERT_EQ(one.windows.size(), 1U);
  EXPECT_EQ(one.windows[0].ids, all.windows[3].ids);
  EXPECT_THAT(one.notes[0], HasSubstr(" 0 tokens at the ends"));
  options = {};
  options.documents_per_domain = 1;
  EXPECT_EQ(PublishedText(path, MarkedBytes(), 4, options).windows.size(), 4U);
}

TEST_F(Published, WithoutMarksDocumentsFollowEachOther) {
  const EvaluationSet set =
      PublishedText(Put({"A ab", "A cde"}), ByteTokenizer(), 4);
  ASSERT_EQ(set.windows.size(), 1U);
  EXPECT_THAT(set.windows[0].ids, ElementsAre('a', 'b', 'c', 'd', 'e'));
  EXPECT_THAT(set.notes[0], HasSubstr("the tokenizer has no marks"));
}

TEST_F(Published, ASentencePieceModelHasMarks) {
  EXPECT_EQ(TinyTokenizer().bos_id(), 1);
  EXPECT_EQ(TinyTokenizer().eos_id(), 2);
  EXPECT_EQ(TinyTokenizer().TokenText(1), "");
  const EvaluationSet set =
      PublishedText(Put({"A naive", "A cafe"}), TinyTokenizer(), 2);
  EXPECT_EQ(set.windows[0].ids[0], 1);
}

TEST_F(Published, SaysWhenNothingFillsAWindow) {
  EXPECT_THAT(Message(Put({"A ab", "B c"}), 4),
              AllOf(HasSubstr("d.jsonl"), HasSubstr("a window of 4 tokens"),
                    HasSubstr("the longest has 4 tokens")));
  EXPECT_THAT(Message(folder_.path() / "absent", 4), HasSubstr("absent"));
  EXPECT_THAT(MessageOf([&] { PublishedText("d.jsonl", MarkedBytes(), 1); },
                        ErrorKind::kUsage),
              HasSubstr("at least 2"));
}

}  // namespace
}  // namespace plastometer
