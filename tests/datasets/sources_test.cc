#include "datasets/sources.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/datasets/helpers.h"

namespace plastometer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<Document> Works(const std::vector<std::string>& works) {
  std::vector<Document> documents;
  for (const auto& work : works)
    documents.push_back(
        {"s", "d", work, work + std::to_string(documents.size()), "x\n"});
  return documents;
}

Source WithSplit(const nlohmann::json& split) {
  Source s;
  s.name = "made-up";
  s.split_json = split.dump();
  return s;
}

TEST(Sources, ManifestIsSound) {
  std::set<std::string> names, domains_by_default;
  for (const Source& s : Sources()) {
    EXPECT_TRUE(names.insert(s.name).second) << s.name;
    EXPECT_EQ(s.sha256.size(), 64u) << s.name;
    EXPECT_EQ(s.text_sha256.size(), 64u) << s.name;
    EXPECT_FALSE(s.licence.empty());
    if (s.in_default) {
      EXPECT_TRUE(domains_by_default.insert(s.domain).second) << s.name;
    }
    const bool copyleft = s.licence.find("GPL") != std::string::npos ||
                          s.licence.find("GFDL") != std::string::npos;
    EXPECT_FALSE(copyleft && s.training_allowed) << s.name;
  }
  EXPECT_EQ(domains_by_default.size(), 5u);
}

TEST(Sources, UnknownNameListsTheKnown) {
  EXPECT_THAT(MessageOf([] { FindSource("nvels"); }, ErrorKind::kUsage),
              HasSubstr("novels, tdavid"));
}

TEST(Sources, ColonInAVersionIsEscapedInTheFileName) {
  Source s;
  s.package = "p", s.version = "1:2.0", s.architecture = "all";
  EXPECT_EQ(s.DebName(), "p_1%3a2.0_all.deb");
}

TEST(Sources, BrokenManifestsAreErrors) {
  EXPECT_THAT(MessageOf([] { ParseSources("{\"sources\": [{}]}", "s.json"); }),
              HasSubstr("s.json: source 0"));
  EXPECT_THROW(ParseSources("{", "s.json"), Error);
}

TEST(Split, EveryNthWorkWithAllItsDocuments) {
  const auto split =
      SplitOf(WithSplit({{"rule", "every"}, {"step", 2}, {"first", 1}}),
              Works({"a", "b", "a", "c", "b", "d"}));
  EXPECT_THAT(split, ElementsAre("train", "heldout", "train", "train",
                                 "heldout", "heldout"));
}

TEST(Split, NamedAndAll) {
  EXPECT_THAT(SplitOf(WithSplit({{"rule", "named"}, {"heldout", {"b"}}}),
                      Works({"a", "b"})),
              ElementsAre("train", "heldout"));
  EXPECT_THAT(
      SplitOf(WithSplit({{"rule", "all"}, {"as", "train"}}), Works({"a"})),
      ElementsAre("train"));
  EXPECT_THAT(
      SplitOf(WithSplit({{"rule", "all"}, {"as", "heldout"}}), Works({"a"})),
      ElementsAre("heldout"));
}

TEST(Split, AnUnknownWorkOrRuleIsAnError) {
  EXPECT_THAT(MessageOf([] {
                SplitOf(WithSplit({{"rule", "named"}, {"heldout", {"z"}}}),
                        Works({"a"}));
              }),
              HasSubstr("\"z\""));
  EXPECT_THAT(MessageOf([] {
                SplitOf(WithSplit({{"rule", "random"}}), Works({"a"}));
              }),
              HasSubstr("random"));
}

TEST(Split, TextHashSeesEverything) {
  auto documents = Works({"a", "b"});
  const std::vector<std::string> splits = {"train", "heldout"};
  const std::string before = TextSha256(documents, splits);
  EXPECT_NE(TextSha256(documents, {"train", "train"}), before);
  documents[1].work = "c";
  EXPECT_NE(TextSha256(documents, splits), before);
}

}  // namespace
}  // namespace plastometer
