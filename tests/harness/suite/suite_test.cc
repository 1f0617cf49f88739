#include "harness/suite/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "harness/base/error.h"
#include "harness/base/files.h"

namespace plastometer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kGood[] = R"({"schema": 1, "description": "d", "groups": [
  {"name": "text", "model": "text-3m", "data": {"held_out": ["default"]},
   "profiles": ["uniform", "early:25%"]},
  {"name": "mine", "model": "models/m.safetensors", "lane": "cpu-reference",
   "data": {"text": "texts", "windows": 2, "context": 64},
   "tokenizer": "t.model", "profiles": ["frozen"], "batch": 3, "traced_windows": 0,
   "expect": "diverges"}]})";

std::string MessageOf(const std::string& text) {
  try {
    ParseSuite(text, "dir/some.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInvalid);
    return error.what();
  }
  return "accepted";
}

std::string Replaced(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Suite, ReadsWhatIsThere) {
  const Suite suite = ParseSuite(kGood, "dir/some.json");
  EXPECT_EQ(suite.name, "some");
  ASSERT_EQ(suite.groups.size(), 2U);
  EXPECT_THAT(suite.groups[0].profiles, ElementsAre("uniform", "early:25%"));
  EXPECT_EQ(suite.groups[0].lane, "cpu-portable");
  EXPECT_EQ(suite.groups[1].model, "dir/models/m.safetensors");
  EXPECT_EQ(suite.groups[1].data.text, "dir/texts");
  EXPECT_EQ(suite.groups[1].tokenizer, "dir/t.model");
  EXPECT_EQ(suite.groups[1].data.context_tokens, 64);
  EXPECT_EQ(suite.groups[1].batch_size, 3);
  EXPECT_EQ(suite.groups[1].traced_windows, 0);
  EXPECT_TRUE(suite.needs_fetched_text());
}

TEST(Suite, AGroupComesBackFromItsJson) {
  const SuiteGroup group = ParseSuite(kGood, "/dir/some.json").groups[1];
  const SuiteGroup back = ParseGroupJson(GroupJson(group), "plan");
  EXPECT_EQ(back.model, group.model);
  EXPECT_EQ(back.data.text, group.data.text);
  EXPECT_EQ(back.profiles, group.profiles);
  EXPECT_EQ(back.lane, group.lane);
  EXPECT_EQ(back.expect, group.expect);
  EXPECT_EQ(GroupJson(back), GroupJson(group));
}

TEST(Suite, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(MessageOf(Replaced("\"batch\"", "\"bacth\"")),
              testing::AllOf(HasSubstr("dir/some.json: groups[1]"),
                             HasSubstr("\"bacth\" is not known")));
  EXPECT_THAT(MessageOf(Replaced("\"windows\": 2", "\"windows\": -1")),
              HasSubstr("\"windows\" is -1"));
  EXPECT_THAT(MessageOf(Replaced("\"windows\": 2", "\"windows\": 2.5")),
              HasSubstr("expected an integer"));
  EXPECT_THAT(MessageOf(Replaced("\"mine\"", "\"Mine/..\"")),
              HasSubstr("expected 1 to 64 of a-z"));
  EXPECT_THAT(MessageOf(Replaced("\"mine\"", "\"text\"")),
              HasSubstr("named twice"));
  EXPECT_THAT(MessageOf(Replaced("[\"frozen\"]", "[]")),
              HasSubstr("a list of 1 to"));
  EXPECT_THAT(MessageOf(Replaced("\"schema\": 1", "\"schema\": 2")),
              HasSubstr("\"schema\""));
  EXPECT_THAT(MessageOf(Replaced("diverges", "explodes")),
              HasSubstr("\"finite\" or \"diverges\""));
  EXPECT_THAT(MessageOf(Replaced("\"text\": \"texts\"",
                                 "\"text\": \"texts\", \"held_out\": [\"x\"]")),
              HasSubstr("both or none"));
  EXPECT_THAT(MessageOf(Replaced("\"text\": \"texts\", ", "")),
              HasSubstr("both or none"));
  EXPECT_THAT(MessageOf("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(MessageOf("{"), HasSubstr("not valid JSON"));
}

TEST(Suite, RefusesTwoCasesOfOneName) {
  EXPECT_THAT(
      MessageOf(Replaced("\"early:25%\"", "\"early:25%\", \"early-25pct\"")),
      HasSubstr("both case text.early-25pct"));
}

TEST(Suite, SlugsAreFileNames) {
  EXPECT_EQ(ProfileSlug("early:25%"), "early-25pct");
  EXPECT_EQ(ProfileSlug("layers:0-4@2,5"), "layers-0-4x2-5");
  EXPECT_EQ(ProfileSlug("uniform;until=512"), "uniform-until-512");
  EXPECT_EQ(ProfileSlug("ramp:1->0.25"), "ramp-1-0.25");
  EXPECT_EQ(ProfileSlug("../../etc"), "..-..-etc");
}

TEST(Suite, AllShippedSuitesParse) {
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(PLASTOMETER_SUITES)) {
    if (entry.path().extension() != ".json") continue;
    EXPECT_FALSE(LoadSuite(entry.path().string()).groups.empty());
    ++count;
  }
  EXPECT_GE(count, 3);
}

}  // namespace
}  // namespace plastometer
