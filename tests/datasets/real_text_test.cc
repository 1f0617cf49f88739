// The real text and the shipped tokenizer: what no made-up data can show.
#include <gmock/gmock.h>

#include <map>
#include <set>

#include "base/files.h"
#include "datasets/corpus.h"
#include "datasets/fetch.h"
#include "tests/paths.h"

namespace plastometer {
namespace {

std::unique_ptr<Tokenizer> Shipped() {
  return LoadTokenizer(
      SourcePath("model/pretrained/text-3m/tokenizer.model"),
      "710695370ffa1d344c495a9aef0e7fb2adccaf091a424bc1a6001560884666a5");
}

class RealText : public testing::Test {
 protected:
  // FetchSource checks the .deb and the extracted text against their pins.
  static void SetUpTestSuite() {
    for (const Source& s : Sources()) {
      if (s.in_default) FetchSource(s, {DataFolder(), {}, nullptr});
    }
  }
};

TEST_F(RealText, SplitsShareNoTextAndNoWork) {
  for (const Source& s : Sources()) {
    if (!s.in_default || !s.training_allowed) continue;
    std::set<std::string> works, texts;
    ForEachDocument(s.name, "train", [&](Document&& d) {
      return works.insert(d.work), texts.insert(d.text), true;
    });
    ForEachDocument(s.name, "heldout", [&](Document&& d) {
      EXPECT_FALSE(works.contains(d.work)) << s.name << " " << d.work;
      EXPECT_FALSE(texts.contains(d.text)) << s.name << " " << d.id;
      return true;
    });
  }
}

TEST_F(RealText, ShippedTokenizerGivesHeldOutTextBack) {
  const auto tokenizer = Shipped();
  for (const Source& s : Sources()) {
    if (!s.in_default) continue;
    int64_t bytes = 0;
    ForEachDocument(s.name, "heldout", [&](Document&& d) {
      EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(d.text)), d.text) << d.id;
      return (bytes += static_cast<int64_t>(d.text.size())) < 300'000;
    });
  }
}

TEST_F(RealText, DefaultEvaluationHasEnoughWorks) {
  const EvaluationSet set = DefaultEvaluation(*Shipped(), 2048, 16);
  std::map<std::string, std::set<std::string>> works;
  for (const Window& w : set.windows) works[w.domain].insert(w.work);
  EXPECT_EQ(set.windows.size(), 80u);
  EXPECT_EQ(works["novels"].size(), 2u);
  for (const char* domain : {"commentary", "python", "manpages"})
    EXPECT_EQ(works[domain].size(), 16u) << domain;
  EXPECT_EQ(works["scripture"].size(), 13u);
}

}  // namespace
}  // namespace plastometer
