// Generated tasks, probes and what asks where plasticity matters, as commands.
// Models: the shipped chains models (V 8), a tiny random one for text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/safetensors.h"
#include "base/sha256.h"
#include "tests/harness/cli/program.h"

namespace plastometer {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kText[] =
    "--model model.safetensors --data text.txt --context 64 --windows 6 "
    "--threads 1 ";

TEST(DataMake, IsReproducedFromItsJson) {
  Workshop workshop;
  const Outcome made = workshop.Run(
      "data make forgetting --parameters '{\"first\": 20, \"second\": 10}' "
      "--documents 3 --context 50 --task-seed 7 --out a.safetensors");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(workshop.NewEntries(), ElementsAre("a.json", "a.safetensors"));
  const json about = json::parse(ReadFile(workshop.File("a.json")));
  EXPECT_EQ(about.at("task"), "forgetting");
  EXPECT_EQ(about.at("parameters").at("states"), 8);  // defaults are there
  EXPECT_EQ(about.at("seed"), 7);
  const SafetensorsFile file(workshop.File("a.safetensors"));
  const std::vector<double> floor = ToDoubles(file.Read("floor")),
                            forgetting =
                                ToDoubles(file.Read("forgetting_floor"));
  ASSERT_EQ(floor.size(), 150U);
  EXPECT_NEAR(floor[0], std::log(8), 1e-12);
  EXPECT_EQ(floor[29], forgetting[29]);  // the same reader until A comes back
  EXPECT_NE(floor[40], forgetting[40]);
  EXPECT_EQ(
      workshop
          .Run("data make forgetting --documents 3 --context 50 --task-seed 7 "
               "--parameters '" +
               about.at("parameters").dump() + "' --out b.safetensors")
          .exit_code,
      0);
  EXPECT_EQ(
      json::parse(ReadFile(workshop.File("b.json"))).at("input_ids_sha256"),
      about.at("input_ids_sha256"));
  EXPECT_EQ(workshop.Run("data make chains --out a.safetensors").exit_code, 2);
  const Outcome unknown = workshop.Run("data make chain --out c.safetensors");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("unknown task chain; there are chains"));
}

// The law of the task is known: who changes what the plan says of it, seal and
// all, is still seen.
TEST(RunTask, AChangedFloorIsSeen) {
  const Workshop workshop;
  ASSERT_EQ(workshop.Run("run --model chains-uniform-1 --documents 8 --out r")
                .exit_code,
            0);
  EXPECT_EQ(workshop.Run("report r --out page").exit_code, 0);
  const auto file = workshop.File("r/plan.json");
  json plan = json::parse(ReadFile(file));
  plan.erase("about_sha256");
  WriteFile(file, plan.dump());
  EXPECT_EQ(workshop.Run("report r --out older").exit_code, 0);
  json& floor = plan["about"][0]["floors"][3];
  floor[0] = floor[0].get<double>() - 0.5;
  WriteFile(file, plan.dump());
  for (const std::string command :
       {"report r --out changed", "merge r --out merged"}) {
    const Outcome outcome = workshop.Run(command);
    EXPECT_EQ(outcome.exit_code, 4) << command;
    EXPECT_THAT(outcome.err, HasSubstr("window 3: the exact loss"));
  }
}

// Nor do a line's own hash and a plan that fits hide a counter that was
// changed.
TEST(RunTask, AChangedCounterIsSeen) {
  const Workshop workshop;
  ASSERT_EQ(workshop.Run("run --model chains-uniform-1 --documents 2 --out r")
                .exit_code,
            0);
  const auto file = workshop.File("r/journal.jsonl");
  const std::string journal = ReadFile(file);
  const size_t begin = journal.find('\n') + 1, end = journal.find('\n', begin);
  json unit = json::parse(journal.substr(begin + 17, end - begin - 17));
  unit["inner_updates"] = unit["inner_updates"].get<int64_t>() + 16;
  const std::string text = unit.dump();
  WriteFile(file, journal.substr(0, begin) + Sha256Hex(text).substr(0, 16) +
                      " " + text + journal.substr(end));
  const Outcome outcome = workshop.Run("report r --out page");
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("\"inner_updates\""));
}

TEST(RunTask, AModelBringsItsTaskAndComesNearTheFloor) {
  Workshop workshop;
  const Outcome outcome = workshop.Run(
      "run --model chains-uniform-1 --documents 32 --profiles layers:0 --out r "
      "--json");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json results = json::parse(outcome.out);
  for (const json& c : results.at("cases")) {
    if (c.at("slice") != "all") continue;
    const double above = c.at("nats_above_floor").at("value");
    EXPECT_NEAR(
        above,
        c.at("nll_nats").get<double>() - c.at("floor_nats").get<double>(),
        1e-9);
    // Uniform within 0.02 nats of Bayes on 32 documents; frozen far from it.
    if (c.at("profile") == "uniform") {
      EXPECT_LT(above, 0.02);
    }
    if (c.at("profile") == "frozen") {
      EXPECT_GT(above, 0.1);
    }
  }
  const Outcome text = workshop.Run("run --model recall-8 --data text.txt");
  EXPECT_EQ(text.exit_code, 4);
  EXPECT_THAT(text.err, HasSubstr("it reads ids, not text"));
  const Outcome wrong =
      workshop.Run("run --model chains-uniform-1 --task mqar --out s");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("a vocabulary of 8"));
}

// Where answers alone are scored, shards and merge included; the shares are
// those of the run folder's file.
TEST(RunTask, AccuracyOfTheAnswers) {
  Workshop workshop;
  const std::string run =
      "run --model recall-8 --documents 24 --batch 8 --profiles uniform ";
  const Outcome whole = workshop.Run(run + "--out whole");
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_THAT(whole.out, HasSubstr("accuracy"));
  for (const char* shard : {"0", "1"})
    ASSERT_EQ(
        workshop.Run(run + "--shard " + shard + "/2 --out s" + shard).exit_code,
        0);
  ASSERT_EQ(workshop.Run("merge s0 s1 --out m").exit_code, 0);
  const json results =
                 json::parse(ReadFile(workshop.File("whole/results.json"))),
             merged = json::parse(ReadFile(workshop.File("m/results.json")));
  const SafetensorsFile losses(workshop.File("whole/losses.safetensors"));
  for (size_t i = 0; i < 2; ++i) {
    const json& c = results.at("cases").at(i);
    EXPECT_EQ(c.at("accuracy"), merged.at("cases").at(i).at("accuracy"));
    const double share = c.at("accuracy").at("value");
    const std::string profile = c.at("profile");
    EXPECT_EQ(losses.Read("correct." + profile).dtype, DType::kU8);
    EXPECT_EQ(share > 0.95, profile == "uniform") << share;
    EXPECT_EQ(share < 0.2, profile == "frozen") << share;
  }
  ASSERT_EQ(
      workshop.Run("run --model chains-uniform-1 --documents 2 --out plain")
          .exit_code,
      0);
  EXPECT_EQ(ReadFile(workshop.File("plain/journal.jsonl")).find("correct"),
            std::string::npos);
  EXPECT_EQ(workshop.Run("run recall --accuracy --out x").exit_code, 2);
}

TEST(RunTask, SurvivesPlanAndMerge) {
  Workshop workshop;
  const std::string run =
      "run --model chains-uniform-1 --documents 12 --batch 4 --profiles "
      "uniform ";
  ASSERT_EQ(workshop.Run(run + "--out whole").exit_code, 0);
  for (const char* shard : {"0", "1"})
    ASSERT_EQ(
        workshop.Run(run + "--shard " + shard + "/2 --out s" + shard).exit_code,
        0);
  const Outcome merged = workshop.Run("merge s0 s1 --out m");
  ASSERT_EQ(merged.exit_code, 0) << merged.err;
  const auto floor = [&](const std::string& folder) {
    return json::parse(ReadFile(workshop.File(folder) / "results.json"))
        .at("cases")
        .at(0)
        .at("nats_above_floor")
        .dump();
  };
  EXPECT_EQ(floor("whole"), floor("m"));
  const auto curve = [&](const std::string& folder) {  // floors by position
    EXPECT_EQ(
        workshop.Run("report " + folder + " --out of-" + folder).exit_code, 0);
    return ReadFile(workshop.File("of-" + folder) / "figures/floor.csv");
  };
  const std::string whole = curve("whole");
  EXPECT_EQ(whole, curve("m"));
  EXPECT_THAT(whole, HasSubstr("\n64,128,"));
  EXPECT_THAT(whole, Not(HasSubstr(",,")));  // 12 works: all is known
}

// The table stands in every run of the task, and comes back from the plan
// alone.
TEST(RunTask, WhatIsLeftOfAWhenItComesBack) {
  Workshop workshop;
  const std::string run =
      "run --model chains-uniform-1 --task forgetting --documents 16 --batch 8 "
      "--profiles uniform ";
  const std::string task = R"(--parameters '{"first": 48, "second": 32}' )";
  const Outcome whole = workshop.Run(run + task + "--out whole");
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_THAT(whole.out, HasSubstr("continual learning: chain A to token 48"));
  EXPECT_THAT(whole.out, HasSubstr("remembers A (exact)"));
  for (const char* shard : {"0", "1"})
    ASSERT_EQ(
        workshop.Run(run + task + "--shard " + shard + "/2 --out s" + shard)
            .exit_code,
        0);
  ASSERT_EQ(workshop.Run("merge s0 s1 --out m").exit_code, 0);
  const json results =
                 json::parse(ReadFile(workshop.File("whole/results.json"))),
             merged = json::parse(ReadFile(workshop.File("m/results.json")));
  EXPECT_EQ(results.at("continual"), merged.at("continual"));
  const json& rows = results.at("continual").at("rows");
  ASSERT_EQ(rows.size(), 4U);  // two agents, uniform, frozen
  EXPECT_LT(rows.at(0).at("nll_nats").at("value"),
            rows.at(2).at("nll_nats").at("value"))
      << "nobody predicts better than who remembers";
  // Documents that end before A comes back have no such table.
  const Outcome without = workshop.Run(run + "--out short");
  ASSERT_EQ(without.exit_code, 0) << without.err;
  EXPECT_THAT(without.out, Not(HasSubstr("continual learning")));
}

TEST(ScoreTask, WritesTheFloorBesideTheLoss) {
  Workshop workshop;
  const Outcome outcome = workshop.Run(
      "score --model chains-uniform-1 --task chains --documents 2 --context 40 "
      "--out s.safetensors");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const SafetensorsFile file(workshop.File("s.safetensors"));
  EXPECT_EQ(file.Read("floor").shape, (std::vector<int64_t>{2, 40}));
  EXPECT_EQ(file.Read("loss").shape, (std::vector<int64_t>{2, 40}));
}

TEST(Sensitivity, TablesAndJson) {
  Workshop workshop;
  const Outcome outcome = workshop.Run(
      "sensitivity --model chains-uniform-1 --documents 16 --path 2 --block 32 "
      "--out s.json",
      "COLUMNS=80;export COLUMNS;");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("rank correlation"));
  const json s = json::parse(ReadFile(workshop.File("s.json")));
  ASSERT_EQ(s.at("maps").size(), 5U);  // alone, dropped, 1, 0.5, path
  for (const json& map : s.at("maps")) EXPECT_EQ(map.at("layers").size(), 4U);
  EXPECT_EQ(s.at("maps").at(2).at("by_layer_head_block").size(), 4U * 1 * 4);
  // The first layer is the one that learns chains.
  const auto alone = [&](size_t layer) {
    return s.at("maps").at(0).at("layers").at(layer).at("value").get<double>();
  };
  EXPECT_GT(alone(0), 0.1);
  EXPECT_LT(std::fabs(alone(3)), 0.01);
  EXPECT_EQ(workshop
                .Run("sensitivity --model chains-uniform-1 --profiles "
                     "uniform")
                .exit_code,
            2);
}

TEST(EndToEnd, ChoosesRatesOnOtherWorksAndCountsCost) {
  Workshop workshop;
  const Outcome outcome = workshop.Run(
      "end-to-end --model chains-uniform-1 --documents 4 --rate 0.01,0.1 "
      "--chunk 32 --out e.json",
      "COLUMNS=80;export COLUMNS;");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json e = json::parse(ReadFile(workshop.File("e.json")));
  EXPECT_EQ(e.at("tuning_windows"), 2);
  EXPECT_EQ(e.at("evaluated_windows"), 2);
  int64_t backward_early = 0, backward_late = 0;
  for (const json& row : e.at("rows")) {
    if (row.at("profile") == "early:25%")
      backward_early = row.at("backward_flops");
    if (row.at("profile") == "late:25%")
      backward_late = row.at("backward_flops");
    if (row.at("profile") == "frozen") {
      EXPECT_EQ(row.at("steps"), 0);
    }
  }
  EXPECT_GT(backward_late, 0);
  EXPECT_GT(backward_early, 2 * backward_late);
  EXPECT_EQ(
      workshop.Run("end-to-end --model chains-uniform-1 --chunk 20").exit_code,
      2);
}

TEST(Search, FindsTheLayerThatLearns) {
  Workshop workshop;
  const Outcome outcome = workshop.Run(
      "search --model chains-uniform-1 --documents 24 --layers 1 --out s.json");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("exhaustive search, 4 sets"));
  EXPECT_THAT(outcome.out, HasSubstr("layers:0"));
  EXPECT_EQ(
      workshop.Run("search --model chains-uniform-1 --layers 5").exit_code, 2);
}

TEST(Arms, OneModelAloneIsNamed) {
  Workshop workshop;
  ASSERT_EQ(workshop
                .Run("run --model chains-retina-1 --documents 16 --profiles "
                     "retina --out r")
                .exit_code,
            0);
  const Outcome outcome = workshop.Run("arms r");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              HasSubstr("chains-retina-1 is not in the arm co-trained"));
  ASSERT_EQ(workshop.Run("run " + std::string(kText) + "--out t").exit_code, 0);
  EXPECT_EQ(workshop.Run("arms t").exit_code, 4);
}

TEST(ContextProbe, ConditionsStandInTheTable) {
  Workshop workshop;
  WriteFile(workshop.File("probe.json"), R"({"schema": 1, "description": "d",
    "groups": [{"name": "g", "model": "./model.safetensors", "data": {
      "text": "./text.txt", "windows": 6, "probe": {
        "conditions": ["own", "fresh", "own+noise"], "before": 32,
        "between": 16, "scored": 20}}, "profiles": ["uniform", "frozen"]}]})");
  const Outcome outcome = workshop.Run("run probe.json --out r");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("condition own+noise: "));
  const json results =
      json::parse(ReadFile(workshop.File("r") / "results.json"));
  ASSERT_EQ(results.at("conditions").size(), 3U);
  EXPECT_EQ(
      results.at("conditions").at(0).at("scored_tokens").get<int64_t>() % 19,
      0);
}

}  // namespace
}  // namespace plastometer
