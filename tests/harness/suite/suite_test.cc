#include "harness/suite/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "tests/errors.h"
#include "tests/paths.h"

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

std::string Complaint(const std::string& text) {
  return MessageOf([&] { ParseSuite(text, "dir/some.json"); });
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

TEST(Suite, TasksAndProbes) {
  constexpr char kText[] = R"({"schema": 1, "description": "d", "groups": [
    {"name": "chains", "model": "m", "profiles": ["uniform"], "data": {
      "task": {"name": "mqar", "parameters": {"pairs": 4}, "seed": 7,
               "score": "answers"}, "documents": 9, "context": 32}},
    {"name": "context", "model": "m", "profiles": ["uniform"], "data": {
      "held_out": ["default"], "probe": {"conditions": ["own", "fresh"],
      "before": 64, "scored": 100}}}]})";
  const Suite suite = ParseSuite(kText, "/dir/some.json");
  for (const SuiteGroup& g : suite.groups)  // also as a plan keeps it
    EXPECT_EQ(GroupJson(ParseGroupJson(GroupJson(g), "plan")), GroupJson(g));
  const SuiteData task = suite.groups[0].data, probe = suite.groups[1].data;
  EXPECT_EQ(task.task, "mqar");
  EXPECT_EQ(task.task_parameters, R"({"pairs":4})");
  EXPECT_EQ(task.task_seed, 7);
  EXPECT_TRUE(task.answers_only);
  EXPECT_EQ(task.documents, 9);
  EXPECT_THAT(probe.probe_conditions, ElementsAre("own", "fresh"));
  EXPECT_EQ(probe.probe_before, 64);
  EXPECT_EQ(probe.probe_scored, 100);
  EXPECT_EQ(probe.context_tokens, 164);
  const auto message = [&](const std::string& from, const std::string& to) {
    std::string text = kText;
    return Complaint(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_THAT(message("\"answers\"", "\"some\""), HasSubstr("\"score\""));
  EXPECT_THAT(message("\"held_out\": [\"default\"],",
                      "\"text\": \"t\", \"context\": 9,"),
              HasSubstr("leave \"context\""));
  EXPECT_THAT(message("\"documents\": 9,", "\"text\": \"t\","),
              HasSubstr("exactly one of"));
}

TEST(Suite, AccuracyIsAskedFor) {
  const std::string text = Replaced("\"batch\": 3", "\"accuracy\": true");
  const Suite suite = ParseSuite(text, "/d/s.json");
  EXPECT_FALSE(suite.groups[0].accuracy);
  EXPECT_TRUE(suite.groups[1].accuracy);
  EXPECT_TRUE(ParseGroupJson(GroupJson(suite.groups[1]), "plan").accuracy);
  EXPECT_THAT(Complaint(Replaced("\"batch\": 3", "\"accuracy\": 1")),
              HasSubstr("true or false"));
}

TEST(Suite, ThePublishedProtocol) {
  const auto with = [](const std::string& more) {
    return Replaced("\"windows\": 2", "\"windows\": 2, " + more);
  };
  const SuiteGroup group =
      ParseSuite(with("\"protocol\": \"published\""), "/d/s.json").groups[1];
  EXPECT_TRUE(group.data.published);
  EXPECT_TRUE(ParseGroupJson(GroupJson(group), "plan").data.published);
  EXPECT_FALSE(ParseSuite(with("\"protocol\": \"documents\""), "/d/s.json")
                   .groups[1]
                   .data.published);
  EXPECT_THAT(Complaint(with("\"protocol\": \"joined\"")),
              HasSubstr("\"documents\" or \"published\""));
  EXPECT_THAT(Complaint(with("\"protocol\": \"published\", \"slice\": \"s\"")),
              HasSubstr("leave \"slice\""));
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
  EXPECT_THAT(Complaint(Replaced("\"batch\"", "\"bacth\"")),
              testing::AllOf(HasSubstr("dir/some.json: groups[1]"),
                             HasSubstr("\"bacth\" is not known")));
  EXPECT_THAT(Complaint(Replaced("\"windows\": 2", "\"windows\": -1")),
              HasSubstr("\"windows\" is -1"));
  EXPECT_THAT(Complaint(Replaced("\"windows\": 2", "\"windows\": 2.5")),
              HasSubstr("expected an integer"));
  EXPECT_THAT(Complaint(Replaced("\"windows\": 2",
                                 "\"windows\": 2, \"documents\": 1000000000")),
              HasSubstr("expected an integer from 1 to 16777216"));
  EXPECT_THAT(Complaint(Replaced("\"context\": 64", "\"context\": 2000000000")),
              HasSubstr("expected an integer from 2 to 4194304"));
  EXPECT_THAT(Complaint(Replaced("\"mine\"", "\"Mine/..\"")),
              HasSubstr("expected 1 to 64 of a-z"));
  EXPECT_THAT(Complaint(Replaced("\"mine\"", "\"text\"")),
              HasSubstr("named twice"));
  EXPECT_THAT(Complaint(Replaced("[\"frozen\"]", "[]")),
              HasSubstr("a list of 1 to"));
  EXPECT_THAT(Complaint(Replaced("\"schema\": 1", "\"schema\": 2")),
              HasSubstr("\"schema\""));
  EXPECT_THAT(Complaint(Replaced("diverges", "explodes")),
              HasSubstr("\"finite\" or \"diverges\""));
  EXPECT_THAT(Complaint(Replaced("\"text\": \"texts\"",
                                 "\"text\": \"texts\", \"held_out\": [\"x\"]")),
              HasSubstr("exactly one of"));
  EXPECT_THAT(Complaint(Replaced("\"text\": \"texts\", ", "")),
              HasSubstr("exactly one of"));
  EXPECT_THAT(Complaint("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(Complaint("{"), HasSubstr("not valid JSON"));
}

TEST(Suite, RefusesTwoCasesOfOneName) {
  EXPECT_THAT(
      Complaint(Replaced("\"early:25%\"", "\"early:25%\", \"early-25pct\"")),
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
       std::filesystem::directory_iterator(SourcePath("suites"))) {
    if (entry.path().extension() != ".json") continue;
    EXPECT_FALSE(LoadSuite(entry.path().string()).groups.empty());
    ++count;
  }
  EXPECT_GE(count, 3);
}

}  // namespace
}  // namespace plastometer
