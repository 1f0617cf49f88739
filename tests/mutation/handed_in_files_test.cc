// Files of somebody else's making that a mutation or a fuzzer found to be taken
// for good, or to end in an internal error. Their hashes fit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/canonical_json.h"
#include "base/error.h"
#include "base/files.h"
#include "base/safetensors.h"
#include "harness/check/capsule.h"
#include "harness/check/check.h"
#include "harness/report/sensitivity_report.h"
#include "harness/results/finished_drift.h"
#include "harness/run/finished_run.h"
#include "harness/run/run_folder.h"
#include "harness/suite/suite.h"
#include "tests/errors.h"
#include "tests/fuzz/run_files.h"

namespace plastometer {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

class HandedInFiles : public testing::Test {
 protected:
  HandedInFiles() : files_(fuzz::PlantedRunFiles(plan_)) {}

  // What is said of the run folder with one of its files another.
  template <class Read>
  std::string Refused(const std::string& name, const std::string& content,
                      const Read& read) {
    fuzz::RunFiles files = files_;
    files[name] = content;
    const TemporaryFolder folder;
    fuzz::WriteRunFiles(files, folder.path());
    return MessageOf([&] { read(folder.path()); }, ErrorKind::kInvalid);
  }
  std::string RunRefused(const std::string& name, const std::string& content) {
    return Refused(name, content,
                   [](const auto& folder) { ReadFinishedRun(folder); });
  }

  // The plan, changed and sealed.
  template <class Change>
  std::string PlanRefused(const Change& change) {
    json plan = json::parse(files_.at(kPlanFile));
    change(plan);
    return RunRefused(kPlanFile, fuzz::SealedPlan(plan.dump()));
  }

  const RunPlan plan_ = fuzz::PlantedPlan(2);
  const fuzz::RunFiles files_;
};

TEST_F(HandedInFiles, APlanHasGroupsAndItsNumbersAreIntegers) {
  EXPECT_THAT(PlanRefused([](json& plan) {
                plan["identity"]["groups"] = plan["about"] = json::array();
              }),
              HasSubstr("plan.json: \"groups\" is empty"));
  for (const json& number : {json(1e300), json(1.5), json(~uint64_t{0})}) {
    EXPECT_THAT(
        PlanRefused([&](json& plan) { plan["about"][0]["seed"] = number; }),
        HasSubstr("plan.json: \"seed\": "));
    EXPECT_THAT(PlanRefused([&](json& plan) {
                  plan["identity"]["groups"][1]["windows"][0][5] = number;
                }),
                HasSubstr("plan.json: a window's number of tokens: "));
  }
  EXPECT_THAT(PlanRefused([](json& plan) {
                plan["identity"]["groups"][0]["windows"][0][4] = -1;
              }),
              HasSubstr("plan.json: a window's first token is -1; expected 0"));
  EXPECT_THAT(PlanRefused([](json& plan) {
                plan["identity"]["groups"][0]["frozen"] = 4;
              }),
              HasSubstr("plan.json: \"frozen\" is 4; expected 0 to 3"));
}

TEST_F(HandedInFiles, ATaskThatNobodyKnowsIsThePlansFault) {
  EXPECT_THAT(PlanRefused([](json& plan) {
                plan["about"][1]["spec"]["data"]["task"]["name"] = "chess";
              }),
              AllOf(HasSubstr("plan.json: "), HasSubstr("chess")));
  EXPECT_THAT(
      PlanRefused([](json& plan) {
        plan["about"][1]["spec"]["data"]["task"]["parameters"]["states"] = -1;
      }),
      AllOf(HasSubstr("plan.json: "), HasSubstr("states")));
}

TEST_F(HandedInFiles, NoMoreIsMadeThanWasMeasured) {
  // 2^31 tokens and 2^31 documents' worth of them: gigabytes, of a few bytes.
  json plan = json::parse(files_.at(kPlanFile));
  plan["identity"]["groups"][0]["windows"][0][5] = int64_t{1} << 31;
  const RunPlan large = ParsePlan(fuzz::SealedPlan(plan.dump()), "plan.json");
  NamedJournals none = {{"journal", {}}};
  none[0].second.header = {large.sha256(), large.code_tree, 0, 1};
  const Collected collected = Collect(large, none);
  EXPECT_FALSE(collected.missing.empty());
  EXPECT_TRUE(collected.records.at(0).profiles.at(0).nll.empty());
  json longer = json::parse(files_.at(kPlanFile));
  longer["about"][1]["spec"]["data"]["context"] = kMaxContextTokens;
  const RunPlan task = ParsePlan(fuzz::SealedPlan(longer.dump()), "plan.json");
  EXPECT_THAT(
      MessageOf([&] { CheckFloors(task, "plan.json"); }, ErrorKind::kInvalid),
      HasSubstr("plan.json: a window of 40 tokens of a task with "
                "documents of 4194304"));
}

TEST_F(HandedInFiles, LossesBelowTheExactOnesAreTheJournalsFault) {
  Journal journal = ParseJournal(files_.at(kJournalFile), "journal");
  std::string text = JournalLine(journal.header);
  for (JournalUnit& unit : journal.units) {
    if (unit.group_idx == 1) unit.nll.assign(unit.nll.size(), 0);
    text += JournalLine(unit);
  }
  for (const auto& trace : journal.traces) text += JournalLine(trace);
  EXPECT_THAT(RunRefused(kJournalFile, text),
              AllOf(HasSubstr("journal.jsonl: profile 'uniform'"),
                    HasSubstr("not the losses that were measured")));
}

TEST_F(HandedInFiles, ShardsMayBeAnyNumber) {
  Journal journal = ParseJournal(files_.at(kJournalFile), "journal");
  journal.header.num_shards = 3;
  NamedJournals journals = {{"s0/journal.jsonl", journal}};
  const auto refused = [&] {
    return MessageOf([&] { CheckAllShards(journals); }, ErrorKind::kInvalid);
  };
  EXPECT_THAT(refused(), HasSubstr("shards 1/3, 2/3 are missing"));
  journals[0].second.header.num_shards = int64_t{1} << 40;
  EXPECT_THAT(refused(), HasSubstr("and 1099511627765 more are missing "
                                   "(s0/journal.jsonl is one of "));
  journals[0].second.header.num_shards = 1;
  EXPECT_NO_THROW(CheckAllShards(journals));
}

TEST_F(HandedInFiles, ResultsOfAnotherShape) {
  for (const auto& [text, word] : std::map<std::string, std::string>{
           {"[1]", "\"schema_version\""},
           {R"({"schema_version": "1"})", "\"schema_version\""},
           {R"({"wall_seconds": "1"})", "\"wall_seconds\""},
           {R"({"wall_seconds": -1})", "\"wall_seconds\""},
           {R"({"cases": 3})", "\"cases\""},
           {R"({"cases": {"a": 1}})", "\"cases\""},
           {R"({"cases": [{"peak_memory_bytes": "x"}]})",
            "\"peak_memory_bytes\""}})
    EXPECT_THAT(RunRefused(fuzz::kResultsOfProse, text),
                AllOf(HasSubstr("prose/results.json"), HasSubstr(word)))
        << text;
}

TEST_F(HandedInFiles, ChecksOfOtherRunsMayBeAnything) {
  const auto read = [](const auto& folder) {
    NumInconclusive(folder / "next", "planted");
  };
  const auto count = [&](const std::string& text) {
    const TemporaryFolder folder;
    fuzz::WriteRunFiles({{"before/check.json", text}}, folder.path());
    return NumInconclusive(folder.path() / "next", "planted");
  };
  EXPECT_EQ(count(R"({"suite": "planted", "exit_code": 7})"), 1);
  EXPECT_EQ(count(R"({"suite": 3, "exit_code": 7})"), 0);
  EXPECT_EQ(count(R"({"suite": "planted", "exit_code": "7"})"), 0);
  EXPECT_THAT(Refused("before/check.json", "[1]", read),
              HasSubstr("before/check.json: not an object"));
}

TEST_F(HandedInFiles, MapsWithNumbersThatAreNone) {
  json maps = json::parse(files_.at(fuzz::kMapsFile));
  const auto read = [](const auto& folder) {
    ReadLayerMaps(folder / fuzz::kMapsFile);
  };
  maps["windows"] = 1e300;
  EXPECT_THAT(
      Refused(fuzz::kMapsFile, fuzz::SealedLayerMaps(maps.dump()), read),
      HasSubstr("maps.json: \"windows\": 1e+300"));
}

TEST_F(HandedInFiles, CapsulesWithIdsThatAreNone) {
  const auto read = [](const auto& folder) {
    const auto file = folder / fuzz::kCapsuleFile;
    ParseCapsule(ReadFile(file), file.string());
  };
  for (const json& id : {json(-1), json(1e10), json(int64_t{1} << 32)}) {
    json capsule = json::parse(files_.at(fuzz::kCapsuleFile));
    capsule["ids"][3] = id;
    EXPECT_THAT(Refused(fuzz::kCapsuleFile, capsule.dump(), read),
                HasSubstr("capsule.json: \"ids\""));
  }
}

class HandedInDrift : public HandedInFiles {
 protected:
  template <class Change>
  std::string PointsRefused(const Change& change) {
    const TemporaryFolder folder;
    fuzz::WriteRunFiles(files_, folder.path());
    TensorMap tensors;
    {
      const SafetensorsFile file(folder.path() / fuzz::kDriftPoints);
      for (const auto& [name, info] : file.tensors())
        tensors[name] = file.Read(name);
    }
    change(tensors);
    WriteSafetensors(folder.path() / fuzz::kDriftPoints, tensors);
    WriteFile(folder.path() / fuzz::kDriftAbout,
              fuzz::SealedDrift(files_.at(fuzz::kDriftAbout),
                                ReadFile(folder.path() / fuzz::kDriftPoints)));
    return MessageOf([&] { ReadFinishedDrift(folder.path() / "drift"); },
                     ErrorKind::kInvalid);
  }
};

TEST_F(HandedInDrift, ArraysHaveOneShape) {
  for (const char* name : {"kl", "js", "nll_change", "flips"})
    EXPECT_THAT(PointsRefused([&](TensorMap& t) {
                  t[name] = HostTensor::FromF64({1}, {0.5});
                }),
                AllOf(HasSubstr("drift.safetensors: "), HasSubstr(name),
                      HasSubstr("is [1]; expected [3, 3, 2]")));
  EXPECT_THAT(PointsRefused([&](TensorMap& t) {
                t["weight_distance"] = HostTensor::FromF64({1}, {0.5});
              }),
              HasSubstr("weight_distance is [1]; expected [profiles"));
  EXPECT_THAT(PointsRefused([&](TensorMap& t) {
                t["positions"] = HostTensor::FromF64({0}, {});
              }),
              HasSubstr("positions is [0]; expected"));
}

TEST_F(HandedInDrift, CountsAreCounts) {
  const double nan = std::nan("");
  for (const double count : {-1.0, 1e300, nan}) {
    EXPECT_THAT(PointsRefused(
                    [&](TensorMap& t) { t["flips"].As<double>()[4] = count; }),
                HasSubstr("drift.safetensors: flips[4] is "));
    EXPECT_THAT(PointsRefused([&](TensorMap& t) {
                  t["positions"].As<double>()[1] = count;
                }),
                HasSubstr("drift.safetensors: a position is "));
  }
}

TEST_F(HandedInDrift, ThereIsSomethingOfEverything) {
  for (const char* key : {"profiles", "texts", "predictions"}) {
    json about = json::parse(files_.at(fuzz::kDriftAbout));
    if (key == std::string("profiles")) about[key] = json::array();
    if (key == std::string("texts")) about["context"][key] = json::array();
    if (key == std::string("predictions")) about["probe"][key] = 0;
    EXPECT_THAT(
        Refused(
            fuzz::kDriftAbout,
            fuzz::SealedDrift(about.dump(), files_.at(fuzz::kDriftPoints)),
            [](const auto& folder) { ReadFinishedDrift(folder / "drift"); }),
        AllOf(HasSubstr("drift.json: "),
              HasSubstr("expected at least one of each")));
  }
}

}  // namespace
}  // namespace plastometer
