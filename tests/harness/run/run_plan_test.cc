#include "harness/run/run_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "harness/run/collect.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

CasePins Pins(const std::string& profile) {
  return {.suite = "s",
          .name = "text-2." + profile,
          .profile = profile,
          .profile_lambdas = profile == "uniform" ? "0-1:1" : "0-1:0",
          .model_name = "tiny",
          .model_sha256 = std::string(64, 'a'),
          .config_json = "{}",
          .tokenizer_sha256 = std::string(64, 'b'),
          .data_sha256 = std::string(64, 'c'),
          .num_windows = 1,
          .context_tokens = 20,
          .batch_size = 1,
          .traced_windows = 0};
}

RunPlan Plan() {
  LoadedGroup group;
  group.spec.name = "text-2";
  group.spec.model = "tiny";
  group.spec.data.held_out = {"default"};
  group.spec.profiles = {"uniform", "frozen"};
  group.config.num_layers = 2;
  group.config.num_heads = 1;
  group.record.model_config_json = "{}";
  WindowRecord window;
  window.document = "d";
  window.num_tokens = 20;
  group.record.windows = {window};
  group.record.lane = "cpu-portable";
  group.record.batch_size = 1;
  group.record.frozen_idx = 1;
  for (const std::string& name : group.spec.profiles) {
    ProfileRecord profile;
    profile.name = name;
    profile.Resize(0, 1, 1);
    group.record.profiles.push_back(profile);
    group.cases.push_back(Pins(name));
  }
  Suite suite;
  suite.name = "s";
  return MakePlan(suite, {group}, {{{"numeric_class", "portable-1"}}},
                  std::string(40, 'd'), true);
}

TEST(RunPlan, IsReadBackAsItWas) {
  const RunPlan plan = Plan();
  EXPECT_EQ(plan.groups[0].name, "text-2");
  const RunPlan back = ParsePlan(PlanToJson(plan), "plan.json");
  EXPECT_EQ(back.groups[0].name, "text-2");
  EXPECT_EQ(PlanToJson(back), PlanToJson(plan));
}

TEST(RunPlan, AGroupsNameIsTheNameOfAFolder) {
  std::string text = PlanToJson(Plan());
  const std::string name = "\"name\": \"text-2\"";
  const size_t at = text.find(name);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, name.size(), "\"name\": \"../x\"");
  EXPECT_THROW(ParsePlan(text, "plan.json"), Error);
}

TEST(RunPlan, WhatStandsBesideTheIdentityIsSealedToo) {
  const std::string text = PlanToJson(Plan());
  nlohmann::json changed = nlohmann::json::parse(text);
  changed["about"][0]["seed"] = 3;
  nlohmann::json elsewhere = nlohmann::json::parse(text);
  elsewhere["suite_sha256"] = "x";
  for (const nlohmann::json& json : {changed, elsewhere})
    EXPECT_THAT(MessageOf([&] { ParsePlan(json.dump(), "plan.json"); },
                          ErrorKind::kInvalid),
                testing::HasSubstr("the hash of \"about\""));
  nlohmann::json older = nlohmann::json::parse(text);
  older.erase("about_sha256");
  const RunPlan plan = ParsePlan(older.dump(), "plan.json");
  ASSERT_EQ(plan.groups[0].record.notes.size(), 1u);
  EXPECT_THAT(plan.groups[0].record.notes[0],
              testing::HasSubstr("older program"));
}

// Of one who computes the hashes again.
TEST(RunPlan, SizesAreInTheirRanges) {
  const auto refused = [](const auto& change) {
    RunPlan plan = Plan();
    change(plan.groups[0]);
    return MessageOf([&] { ParsePlan(PlanToJson(plan), "plan.json"); },
                     ErrorKind::kInvalid);
  };
  for (const int64_t bytes :
       {int64_t{-1}, int64_t{0}, int64_t{1}, int64_t{2}, int64_t{3}, int64_t{5},
        int64_t{8}, int64_t{16}, int64_t{1} << 31})
    EXPECT_THAT(refused([&](PlannedGroup& g) { g.loss_bytes = bytes; }),
                testing::HasSubstr("\"loss_bytes\" is " +
                                   std::to_string(bytes) + "; expected 4"));
  EXPECT_THAT(refused([](PlannedGroup& g) { g.num_layers = 0; }),
              testing::HasSubstr("\"layers\" is 0"));
  EXPECT_THAT(refused([](PlannedGroup& g) { g.record.batch_size = -2; }),
              testing::HasSubstr("\"batch_size\" is -2"));
  EXPECT_THAT(refused([](PlannedGroup& g) { g.record.lane = "gpu"; }),
              testing::HasSubstr("plan.json: unknown lane 'gpu'"));
}

TEST(RunPlan, UnitsAndTracesThatDoNotFitAreRefused) {
  const RunPlan plan = Plan();
  const auto refused = [&](const JournalUnit& unit, size_t trace_windows) {
    Journal journal;
    journal.header = {plan.sha256(), plan.code_tree, 0, 1};
    journal.units = {unit};
    JournalTrace trace;
    trace.key = UnitKey(plan, 0, 0, 0);
    trace.trace.windows.resize(trace_windows);
    journal.traces = {trace};
    NamedJournals journals = {{"j", journal}};
    return MessageOf([&] { Collect(plan, journals); }, ErrorKind::kInvalid);
  };
  JournalUnit unit;
  unit.key = UnitKey(plan, 0, 0, 0);
  unit.counters.tokens = 20;
  unit.nll.resize(19);
  EXPECT_THAT(refused(unit, 0), testing::HasSubstr("0 windows; expected 1"));
  EXPECT_THAT(refused(unit, 2), testing::HasSubstr("2 windows; expected 1"));
  unit.counters.tokens = 19;
  EXPECT_THAT(refused(unit, 1), testing::HasSubstr("19 tokens; expected 20"));
  unit.counters.tokens = 20;
  unit.loss_bytes = 8;
  EXPECT_THAT(refused(unit, 1), testing::HasSubstr("8 bytes; expected 4"));
}

TEST(RunPlan, NoDomainHasTheNameOfAllText) {
  RunPlan plan = Plan();
  plan.groups[0].record.windows[0].domain = "all";
  EXPECT_THROW(ParsePlan(PlanToJson(plan), "plan.json"), Error);
}

}  // namespace
}  // namespace plastometer
