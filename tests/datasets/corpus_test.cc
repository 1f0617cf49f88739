#include "datasets/corpus.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "base/files.h"
#include "datasets/slice.h"
#include "datasets/sources.h"
#include "datasets/store.h"
#include "datasets/text_data.h"
#include "tests/datasets/helpers.h"

namespace plastometer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Made-up text stored under the names and rules of real sources.
class Corpus : public testing::Test {
 protected:
  void SetUp() override {
    for (const Source& s : Sources()) {
      if (s.in_default) Store(s.name, 40, 400);
    }
  }
  void Store(const std::string& name, int works, int words) {
    std::vector<Document> documents;
    auto add = [&](const std::string& work, const std::string& id, int n) {
      documents.push_back(
          {name, "", work, id,
           Prose(static_cast<uint32_t>(documents.size() + name.size() * 1000),
                 n)});
    };
    if (name == "novels") {
      for (const char* work : {"emma", "northangerabbey", "persuasion"})
        add(work, work, 3000);
    } else {
      for (int i = 0; i < works; ++i) {
        const std::string work = "w" + std::to_string(100 + i);
        add(work, work + "/tiny", 2);
        // Every fifth work is too short for a full window of 512 tokens.
        add(work, work + "/long", i % 5 == 0 ? 150 : words);
      }
    }
    StoreText(folder_.path(), FindSource(name), documents);
  }
  TemporaryFolder folder_;
};

TEST_F(Corpus, ReadsTheSplitAskedFor) {
  const auto train = ReadSource("novels", "train", folder_.path());
  ASSERT_EQ(train.size(), 1u);
  EXPECT_EQ(train[0].work, "emma");
  EXPECT_EQ(train[0].domain, "novels");
  EXPECT_EQ(ReadSource("novels", "heldout", folder_.path()).size(), 2u);
  EXPECT_EQ(ReadSource("novels", "all", folder_.path()).size(), 3u);
  int seen = 0;
  ForEachDocument(
      "novels", "all", [&](Document&&) { return ++seen < 2; }, folder_.path());
  EXPECT_EQ(seen, 2);
}

TEST_F(Corpus, RefusesWhatMayNotBeDone) {
  EXPECT_THAT(
      MessageOf([&] { ReadSource("manpages", "train", folder_.path()); },
                ErrorKind::kRefused),
      HasSubstr("evaluation only"));
  EXPECT_THAT(MessageOf([&] { ReadSource("novels", "test", folder_.path()); },
                        ErrorKind::kUsage),
              HasSubstr("heldout"));
  EXPECT_THAT(MessageOf([&] { ReadSource("go", "train", folder_.path()); }),
              HasSubstr("data fetch go"));
}

std::vector<Window> AllWindows(const Document& document,
                               const Tokenizer& tokenizer, int64_t context,
                               int64_t min_tokens = kMinTokens,
                               CutReport* report = nullptr) {
  return FirstWindows(document, tokenizer, context, min_tokens, 1 << 30,
                      report);
}

TEST_F(Corpus, WindowsAreNeighboursAndCoverTheText) {
  const Document d{"s", "d", "w", "doc", Prose(1, 1500)};
  const Encoding whole = TinyTokenizer().EncodeWithBytes(d.text);
  const auto windows = AllWindows(d, TinyTokenizer(), 512, 64);
  size_t at = 0;
  for (const Window& w : windows) {
    EXPECT_EQ(w.first_token, static_cast<int64_t>(at));
    EXPECT_TRUE(std::equal(w.ids.begin(), w.ids.end(),
                           whole.ids.begin() + static_cast<long>(at)));
    EXPECT_TRUE(std::equal(w.token_bytes.begin(), w.token_bytes.end(),
                           whole.bytes.begin() + static_cast<long>(at)));
    at += w.ids.size();
  }
  EXPECT_GT(windows.size(), 2u);
  EXPECT_LT(whole.ids.size() - at, 64u);
}

TEST_F(Corpus, FirstWindowsAreThoseOfTheWholeDocument) {
  const Document d{"s", "d", "w", "doc", Prose(1, 1500)};
  const auto all = AllWindows(d, TinyTokenizer(), 300, 64);
  const auto two = FirstWindows(d, TinyTokenizer(), 300, 64, 2);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[1].ids, all[1].ids);
  EXPECT_EQ(two[1].token_bytes, all[1].token_bytes);
}

TEST_F(Corpus, ShortDocumentsAreDroppedAndNamed) {
  CutReport report;
  EXPECT_TRUE(AllWindows({"s", "d", "w", "tiny", "only this"}, TinyTokenizer(),
                         512, kMinTokens, &report)
                  .empty());
  EXPECT_TRUE(AllWindows({"s", "d", "w", "void", ""}, TinyTokenizer(), 512,
                         kMinTokens, &report)
                  .empty());
  EXPECT_THAT(report.dropped_documents, ElementsAre("tiny", "void"));
  EXPECT_GT(report.dropped_tokens, 0);
  EXPECT_THROW(AllWindows({"s", "d", "w", "x", "x"}, TinyTokenizer(), 1),
               Error);
}

TEST_F(Corpus, ALineWithoutEndIsStillCut) {
  const Document d{"s", "d", "w", "doc", std::string(5000, 'x')};
  const auto windows = AllWindows(d, ByteTokenizer(), 512, 256);
  EXPECT_EQ(windows.size(), 10u);
}

TEST_F(Corpus, DefaultEvaluationSpreadsOverWorks) {
  const EvaluationSet set =
      DefaultEvaluation(TinyTokenizer(), 512, 8, folder_.path());
  std::map<std::string, std::vector<const Window*>> by_source;
  for (const Window& w : set.windows) by_source[w.source].push_back(&w);
  ASSERT_EQ(by_source.size(), 5u);
  for (const auto& [source, windows] : by_source) {
    std::set<std::string> works;
    for (const Window* w : windows) works.insert(w->work);
    EXPECT_EQ(works.size(),
              source == "novels"
                  ? 2u
                  : std::min<size_t>(windows.size(), works.size()))
        << source;
    EXPECT_LE(windows.size(), 8u);
    EXPECT_EQ(windows[0]->ids.size(), 512u) << source;
    EXPECT_EQ(windows[0]->first_token, 0) << source;
  }
  // 893 pages in life, 40 works here: 32 have a full window, and 8 of them are
  // taken.
  EXPECT_EQ(by_source["manpages"].size(), 8u);
  // Two novels: the first window of each before the second of either.
  EXPECT_NE(by_source["novels"][0]->work, by_source["novels"][1]->work);
  EXPECT_EQ(by_source["novels"][2]->first_token, 512);
}

TEST_F(Corpus, DefaultEvaluationIsDeterministicAndNested) {
  const EvaluationSet once =
      DefaultEvaluation(TinyTokenizer(), 512, 4, folder_.path());
  EXPECT_EQ(DefaultEvaluation(TinyTokenizer(), 512, 4, folder_.path()).sha256,
            once.sha256);
  const EvaluationSet more =
      SourceEvaluation({"manpages"}, TinyTokenizer(), 512, 16, folder_.path());
  const EvaluationSet fewer =
      SourceEvaluation({"manpages"}, TinyTokenizer(), 512, 4, folder_.path());
  for (size_t i = 0; i < 4; ++i)
    EXPECT_EQ(more.windows[i].document, fewer.windows[i].document);
}

TEST_F(Corpus, WorksWithoutAFullWindowGiveTheirLongest) {
  const EvaluationSet set =
      SourceEvaluation({"manpages"}, TinyTokenizer(), 512, 40, folder_.path());
  ASSERT_EQ(set.windows.size(), 40u);
  std::set<std::string> works;
  for (const Window& w : set.windows) works.insert(w.work);
  EXPECT_EQ(works.size(), 40u);
  EXPECT_EQ(set.windows[31].ids.size(), 512u);
  EXPECT_LT(set.windows[32].ids.size(), 512u);
  EXPECT_THAT(set.notes, ElementsAre(HasSubstr("8 works have no full window")));
}

TEST_F(Corpus, SlicesComeBackTheSame) {
  const EvaluationSet set =
      DefaultEvaluation(TinyTokenizer(), 512, 4, folder_.path());
  const auto path = folder_.path() / "slice.json";
  WriteSlice(MakeSlice(set, TinyTokenizer(), 512), path);
  const EvaluationSet again =
      ReadSlice(LoadSlice(path), TinyTokenizer(), {{}, folder_.path()});
  ASSERT_EQ(again.windows.size(), set.windows.size());
  EXPECT_EQ(again.sha256, set.sha256);
  for (size_t i = 0; i < set.windows.size(); ++i) {
    EXPECT_EQ(again.windows[i].ids, set.windows[i].ids);
    EXPECT_EQ(again.windows[i].token_bytes, set.windows[i].token_bytes);
    EXPECT_EQ(again.windows[i].work, set.windows[i].work);
  }
}

TEST_F(Corpus, SlicesWithNumbersThatAreNoIntegersAreRefused) {
  const auto path = folder_.path() / "bad.slice.json";
  WriteSlice({"", "a", 16, {{"books", "b", 0, 5}}, "c"}, path);
  const std::string good = ReadFile(path);
  EXPECT_EQ(LoadSlice(path).pieces[0].num_tokens, 5);
  for (const std::string number :
       {"5.5", "1e+300", "true", "\"5\"", "18446744073709551615"}) {
    std::string bad = good;
    bad.replace(bad.find(": 5"), 3, ": " + number);
    WriteFile(path, bad);
    EXPECT_THAT(MessageOf([&] { LoadSlice(path); }),
                HasSubstr("\"num_tokens\" is " + number));
  }
}

TEST_F(Corpus, SlicesNoticeAnotherTokenizerAndOtherText) {
  const EvaluationSet set =
      SourceEvaluation({"novels"}, TinyTokenizer(), 512, 4, folder_.path());
  Slice slice = MakeSlice(set, TinyTokenizer(), 512);
  EXPECT_THAT(MessageOf([&] {
                ReadSlice(slice, ByteTokenizer(), {{}, folder_.path()});
              }),
              HasSubstr("tokenizer"));
  auto documents = ReadSource("novels", "all", folder_.path());
  for (auto& d : documents) d.text[0] = 'Z';
  StoreText(folder_.path(), FindSource("novels"), documents);
  EXPECT_THAT(MessageOf([&] {
                ReadSlice(slice, TinyTokenizer(), {{}, folder_.path()});
              }),
              HasSubstr("text has changed"));
  slice.pieces[0].first_token = 512 * 1000;
  EXPECT_THAT(MessageOf([&] {
                ReadSlice(slice, TinyTokenizer(), {{}, folder_.path()});
              }),
              HasSubstr("has no tokens"));
  slice.pieces[0].document = "sanditon";
  EXPECT_THAT(MessageOf([&] {
                ReadSlice(slice, TinyTokenizer(), {{}, folder_.path()});
              }),
              HasSubstr("novels/sanditon"));
}

TEST_F(Corpus, SlicesOfTheUsersText) {
  const auto path = folder_.path() / "mine.txt";
  WriteFile(path, Prose(5, 900));
  const EvaluationSet set = LoadTextData(path, TinyTokenizer(), 256);
  const Slice slice = MakeSlice(set, TinyTokenizer(), 256, path);
  EXPECT_EQ(ReadSlice(slice, TinyTokenizer(), {path, {}}).sha256, set.sha256);
  EXPECT_THAT(MessageOf([&] { ReadSlice(slice, TinyTokenizer()); }),
              HasSubstr("mine.txt"));
}

TEST_F(Corpus, BrokenSliceFilesAreNamed) {
  const auto path = folder_.path() / "s.json";
  auto message = [&](const std::string& content) {
    WriteFile(path, content);
    return MessageOf([&] { LoadSlice(path); });
  };
  EXPECT_THAT(message("{}"), AllOf(HasSubstr("s.json"), HasSubstr("format")));
  EXPECT_THAT(message("{\"format\": \"other\"}"),
              HasSubstr("plastometer-slice-1"));
  const std::string head =
      R"({"format":"plastometer-slice-1","data":"","tokenizer_sha256":"x","ids_sha256":"y","context_tokens":)";
  EXPECT_THAT(message(head + "8,\"windows\":[]}"), HasSubstr("empty"));
  const std::string window =
      R"(,"windows":[{"source":"s","document":"d","first_token":3,"num_tokens":4}]})";
  EXPECT_THAT(message(head + "8" + window),
              HasSubstr("multiple of context_tokens"));
  EXPECT_THAT(message(head + "0" + window),
              HasSubstr("multiple of context_tokens"));
}

TEST_F(Corpus, IdentityOfWindowsSeesIdsAndPlaces) {
  std::vector<Window> windows = {
      {"s", "d", "w", "doc", 0, {1, 2, 3}, {1, 1, 1}}};
  const std::string before = WindowsSha256(windows);
  windows[0].ids[2] = 1 << 24;
  EXPECT_NE(WindowsSha256(windows), before);
  windows[0].ids[2] = 3;
  windows[0].first_token = 3;
  EXPECT_NE(WindowsSha256(windows), before);
}

}  // namespace
}  // namespace plastometer
