#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/safetensors.h"
#include "tests/harness/cli/program.h"

namespace plastometer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kRun[] =
    "run --model model.safetensors --data text.txt --context 64 --threads 1 "
    "--windows 10 ";

TEST(RunCommand, WritesTheRunFolderAndPrintsTheTable) {
  Workshop workshop;
  const Outcome outcome = workshop.Run(
      std::string(kRun) +
          "--profiles uniform,early:2,layers:0,1 'layers:0-1;until=32' --out r",
      "COLUMNS=120;export COLUMNS;");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("early:2 ="));
  EXPECT_THAT(outcome.out, HasSubstr("layers:0,1"));
  EXPECT_THAT(outcome.out, HasSubstr("(frozen)"));
  EXPECT_THAT(outcome.out, HasSubstr("estimates only"));
  EXPECT_THAT(workshop.NewEntries(), ElementsAre("r"));
  for (const char* name :
       {"results.json", "table.csv", "windows.csv", "position.csv",
        "losses.safetensors", "plan.json", "journal.jsonl"}) {
    EXPECT_TRUE(std::filesystem::exists(workshop.File("r") / name)) << name;
  }
}

TEST(RunCommand, PublishedProtocol) {
  Workshop workshop;
  const Outcome outcome =
      workshop.Run(std::string(kRun) +
                   "--protocol published --profiles retina --out r "
                   "--json");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  const auto& slice = json.at("slices").at(0);
  EXPECT_EQ(slice.at("works"), 1);
  EXPECT_EQ(slice.at("scored_tokens").get<int64_t>(),
            64 * slice.at("windows").get<int64_t>())
      << "as many targets as tokens read";
  EXPECT_THAT(json.at("notes").at(0).get<std::string>(),
              HasSubstr("published protocol"));
  EXPECT_THAT(workshop
                  .Run("end-to-end --model model.safetensors --data "
                       "text.txt --context 32 --windows 1 --protocol "
                       "published --profiles uniform,frozen --rate 0.01")
                  .exit_code,
              0);
  EXPECT_THAT(workshop.Run(std::string(kRun) + "--protocol joined --out q").err,
              HasSubstr("published"));
  EXPECT_EQ(workshop
                .Run("run --model model.safetensors --task chains --protocol "
                     "published --out q")
                .exit_code,
            2);
}

TEST(RunCommand, ResultsAgreeWithTheLosses) {
  Workshop workshop;
  const Outcome outcome =
      workshop.Run(std::string(kRun) + "--profiles retina --out r --json");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(outcome.out, ReadFile(workshop.File("r") / "results.json"));
  const SafetensorsFile losses(workshop.File("r") / "losses.safetensors");
  ASSERT_EQ(json.at("plan").at("profiles").size(), 3u);
  for (const auto& c : json.at("cases")) {
    if (c.at("slice") != "all") continue;
    const std::vector<double> nll =
        ToDoubles(losses.Read("nll." + c.at("profile").get<std::string>()));
    EXPECT_EQ(static_cast<int64_t>(nll.size()), c.at("scored_tokens"));
    double sum = 0;
    for (double x : nll) sum += x;
    EXPECT_NEAR(c.at("nll_nats").get<double>(),
                sum / static_cast<double>(nll.size()), 1e-6);
    EXPECT_GT(c.at("peak_memory_bytes").get<int64_t>(), 1 << 20);
    // A batch's own tensors, without the weights.
    EXPECT_GT(c.at("working_bytes").get<int64_t>(), 1 << 10);
    EXPECT_LT(c.at("working_bytes").get<int64_t>(), 1 << 28);
    EXPECT_GT(c.at("seconds").get<double>(), 0);
  }
}

TEST(RunCommand, BatchSizeDoesNotChangeTheResult) {
  Workshop workshop;
  ASSERT_EQ(workshop
                .Run(std::string(kRun) +
                     "--lane cpu-reference-fp64 --profiles retina --out a")
                .exit_code,
            0);
  ASSERT_EQ(
      workshop
          .Run(std::string(kRun) +
               "--lane cpu-reference-fp64 --profiles retina --batch 1 --out b")
          .exit_code,
      0);
  const SafetensorsFile a(workshop.File("a") / "losses.safetensors"),
      b(workshop.File("b") / "losses.safetensors");
  const auto x = ToDoubles(a.Read("nll.retina")),
             y = ToDoubles(b.Read("nll.retina"));
  ASSERT_EQ(x.size(), y.size());
  for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], 1e-11);
}

TEST(RunCommand, ANegativeNumberOfWindowsIsNotTheDefault) {
  const Workshop workshop;
  const Outcome outcome = workshop.Run("run --windows -1");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--windows is -1; expected at least 0"));
}

TEST(RunCommand, LongerWindowsThanTrainedOnAreNamed) {
  Workshop workshop;
  const Outcome longer = workshop.Run(
      "run --model model.safetensors --data text.txt --context 128 --threads 1 "
      "--profiles uniform --out a");
  ASSERT_EQ(longer.exit_code, 0) << longer.err;
  EXPECT_THAT(longer.out, HasSubstr("longer than the 64"));
  const Outcome equal =
      workshop.Run(std::string(kRun) + "--profiles uniform --out b");
  EXPECT_THAT(equal.out, Not(HasSubstr("longer than")));
}

TEST(RunCommand, DefaultFolderIsUnderRuns) {
  Workshop workshop;
  ASSERT_EQ(workshop.Run(std::string(kRun) + "--profiles uniform").exit_code,
            0);
  EXPECT_THAT(workshop.NewEntries(), ElementsAre("runs"));
}

TEST(Program, HelpAndVersion) {
  Workshop workshop;
  const Outcome help = workshop.Run("--help");
  EXPECT_EQ(help.exit_code, 0);
  for (const char* command :
       {"run", "merge", "score", "data", "train", "import", "export"})
    EXPECT_THAT(help.out, HasSubstr(command));
  EXPECT_THAT(workshop.Run("run --help").out, HasSubstr("--profiles"));
  const Outcome version = workshop.Run("--version");
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, HasSubstr("plastometer "));
}

}  // namespace
}  // namespace plastometer
