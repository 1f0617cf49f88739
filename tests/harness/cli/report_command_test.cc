// `plastometer report`, with gnuplot and without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/safetensors.h"
#include "base/sha256.h"
#include "base/zstd_stream.h"
#include "harness/results/statistics_file.h"
#include "harness/run/finished_run.h"
#include "tests/harness/cli/png.h"
#include "tests/harness/cli/program.h"
#include "tests/paths.h"

namespace plastometer {
namespace {

using testing::HasSubstr;

constexpr char kFourProfiles[] =
    "run --model model.safetensors --data text.txt --context 64 --threads 1 "
    "--windows 10 --batch 3 --profiles uniform,early:25%,late:25%,frozen --out "
    "r";

int CheckPage(const std::filesystem::path& page) {
  const std::string command = "python3 " +
                              SourcePath("tests/harness/report/check_html.py") +
                              " '" + page.string() + "'";
  return std::system(command.c_str());
}

TEST(ReportCommand, DrawsAPageThatStandsAlone) {
  Workshop workshop;
  ASSERT_EQ(
      workshop.Run(std::string(kFourProfiles) + " --stats=early:25%").exit_code,
      0);
  const Outcome outcome =
      workshop.Run("report r --out report --heads --window 3 --json");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  ASSERT_TRUE(json.at("drawn").get<bool>()) << "gnuplot-nox is missing";
  EXPECT_EQ(CheckPage(workshop.File("report/report.html")), 0);
  int num_pictures = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(workshop.File("report/figures"))) {
    if (entry.path().extension() != ".png") continue;
    ++num_pictures;
    const Png picture = DecodePng(ReadFile(entry.path()));
    EXPECT_EQ(picture.width, 960u) << entry.path();
    EXPECT_EQ(picture.height, 740u) << entry.path();
    // Axes and their labels alone: .021, all of it grey.
    EXPECT_GT(picture.ink, 0.021) << entry.path() << ": nothing drawn";
    EXPECT_GT(picture.colored, 300u) << entry.path() << ": no curve";
    const std::string svg =
        ReadFile(std::filesystem::path(entry.path()).replace_extension(".svg"));
    EXPECT_THAT(svg, HasSubstr("<svg"));
    EXPECT_THAT(svg, HasSubstr("viewBox=\"0 0 480 370\""));
    EXPECT_TRUE(svg.ends_with("</svg>\n\n") || svg.ends_with("</svg>\n"));
  }
  EXPECT_EQ(num_pictures, json.at("figures").get<int>());
  EXPECT_EQ(num_pictures, 24);
  EXPECT_THAT(ReadFile(workshop.File("report/report.md")),
              HasSubstr("window 3 ("));
  const Outcome beyond = workshop.Run("report r --out beyond --window 10");
  EXPECT_EQ(beyond.exit_code, 2);
  EXPECT_THAT(beyond.err, HasSubstr("windows 0 to 9"));
}

// --stats may come later; the page then has the inner loop's figures.
TEST(ReportCommand, StatisticsCanBeTakenAfterTheRun) {
  Workshop workshop;
  ASSERT_EQ(workshop.Run(kFourProfiles).exit_code, 0);
  const Outcome before = workshop.Run("report r --out before");
  EXPECT_THAT(before.out, HasSubstr("8 figures"));
  EXPECT_THAT(ReadFile(workshop.File("before/report.md")),
              HasSubstr("plastometer run --resume r --stats"));
  ASSERT_EQ(workshop.Run("run --resume r --stats --threads 1").exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(workshop.File("r/stats.safetensors")));
  EXPECT_THAT(workshop.Run("report r --out after").out,
              HasSubstr("20 figures"));
  // Not of this run.
  const Outcome other =
      workshop.Run(std::string(kFourProfiles) + "2 --stats=cortex");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("early:25%"));
}

// Somebody who knows the format computes the hash of the window again.
void Reseal(const std::filesystem::path& run_folder) {
  const std::filesystem::path path = run_folder / kStatisticsFile;
  const FinishedRun run = ReadFinishedRun(run_folder);
  const PlannedGroup& group = run.plan.groups.at(0);
  const StatisticsFile statistics(path, run.records.at(0), group.num_layers,
                                  group.num_heads);
  std::string changed = ReadFile(path);
  changed.replace(SafetensorsFile(path).tensors().at(kWindowSha256).begin,
                  kSha256Digits, statistics.HashOf(0));
  WriteFile(path, changed);
}

TEST(ReportCommand, StatisticsThatWereChangedAreRefused) {
  Workshop workshop;
  ASSERT_EQ(workshop.Run(std::string(kFourProfiles) + " --stats").exit_code, 0);
  const auto path = workshop.File("r/stats.safetensors");
  const std::string whole = ReadFile(path);
  const auto change = [&](const char* array, size_t byte, char value) {
    std::string changed = whole;
    changed[SafetensorsFile(path).tensors().at(array).begin + byte] = value;
    WriteFile(path, changed);
  };
  const auto expect = [&](const std::string& words) {
    const Outcome outcome = workshop.Run("report r --out changed");
    EXPECT_EQ(outcome.exit_code, 4) << words;
    EXPECT_THAT(outcome.err, HasSubstr(words));
    WriteFile(path, whole);
  };
  for (const char* array : {"grad_norm", "gate", "state_norm", "lambda"}) {
    change(array, 2, '\x01');
    expect("SHA-256 of window 0 is ");
  }
  std::string renamed = whole;
  renamed.replace(renamed.find("uniform"), 7, "Uniform");
  WriteFile(path, renamed);
  expect("SHA-256 of window 0 is ");

  change("word_class", 5, '\x14');
  Reseal(workshop.File("r"));
  expect("word_class of window 0, token 5, is");
  change("token_ids", 4 * 3 + 3, '\xff');
  Reseal(workshop.File("r"));
  expect("token_ids of window 0, token 3, is");
  change("loss", 4 * 7 + 2, '\x01');
  Reseal(workshop.File("r"));
  expect("loss of window 0, token 7, is");
}

TEST(ReportCommand, WithoutGnuplotDataAndScriptsStay) {
  Workshop workshop;
  ASSERT_EQ(workshop.Run(kFourProfiles).exit_code, 0);
  const Outcome outcome =
      workshop.Run("report r --out report", "PATH=/nowhere;export PATH;");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("gnuplot $f"));
  EXPECT_EQ(CheckPage(workshop.File("report/report.html")), 0);
  EXPECT_TRUE(
      std::filesystem::exists(workshop.File("report/figures/pareto-flops.gp")));
  EXPECT_FALSE(std::filesystem::exists(
      workshop.File("report/figures/pareto-flops.png")));
}

// Drawn, listed with its hash, and no verdict hears of it.
TEST(ReportCommand, LossesMeasuredElsewhere) {
  Workshop workshop;
  ASSERT_EQ(workshop.Run(kFourProfiles).exit_code, 0);
  std::string csv = "profile,position,loss,flops_per_token\n";
  for (int t = 1; t < 64; ++t)
    csv += "other,program," + std::to_string(t) + ",3.5,70000\n";
  WriteFile(workshop.File("f.csv"), csv);
  const Outcome bad = workshop.Run("report r --foreign f.csv --out bad");
  EXPECT_EQ(bad.exit_code, 4);
  EXPECT_THAT(bad.err, HasSubstr("f.csv, line 2, the row: '5 cells'"));
  for (size_t at; (at = csv.find("other,program")) != csv.npos;)
    csv.replace(at, 13, "elsewhere");
  WriteFile(workshop.File("f.csv"), csv);
  const Outcome outcome = workshop.Run("report --foreign f.csv r --out with");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("8 figures"));
  EXPECT_EQ(workshop.Run("report --heads r --out heads").exit_code, 2);
  EXPECT_EQ(workshop.Run("report --window 0 r --out one").exit_code, 2);
  EXPECT_EQ(CheckPage(workshop.File("with/report.html")), 0);
  for (const char* figure :
       {"adaptation-cumulative", "adaptation-gain", "pareto-flops"})
    EXPECT_THAT(
        ReadFile(workshop.File("with/figures/" + std::string(figure) + ".svg")),
        HasSubstr("elsewhere (foreign)"));
  EXPECT_THAT(ReadFile(workshop.File("with/tables/foreign.csv")),
              HasSubstr("elsewhere,f.csv," + Sha256Hex(csv) + ",63,63,3.5,"));
  ASSERT_EQ(workshop.Run("report r --out without").exit_code, 0);
  EXPECT_EQ(ReadFile(workshop.File("with/results.json")),
            ReadFile(workshop.File("without/results.json")));
}

// Rows add up to what the run says.
// A drift probe and a layer map of the run's model join it; of another model
// they are refused.
TEST(ReportCommand, DriftAndLayerMapJoinTheirModel) {
  Workshop workshop;
  ASSERT_EQ(workshop.Run(kFourProfiles).exit_code, 0);
  WriteFile(workshop.File("probe.txt"), std::string(600, 'x'));
  const Outcome drift = workshop.Run(
      "drift --model model.safetensors --data text.txt --probe-data probe.txt "
      "--windows 2 --at 16,32 --profiles uniform,early:25%,late:25% --out d");
  ASSERT_EQ(drift.exit_code, 0) << drift.err;
  const Outcome maps = workshop.Run(
      "sensitivity --model model.safetensors --data text.txt --context 64 "
      "--windows 2 --path 1 --out maps.json");
  ASSERT_EQ(maps.exit_code, 0) << maps.err;
  const Outcome outcome = workshop.Run("report r d maps.json --out report");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(CheckPage(workshop.File("report/report.html")), 0);
  // The table of the command and that of the report are of the same numbers.
  const std::string csv = ReadFile(workshop.File("d/drift.csv"));
  const std::string kl = csv.substr(csv.find("\nuniform,all,16,") + 16, 12);
  EXPECT_THAT(ReadFile(workshop.File("report/tables/drift.csv")),
              HasSubstr("uniform,16," + kl));
  EXPECT_THAT(ReadFile(workshop.File("report/tables/layer-map.csv")),
              HasSubstr("layer,alone,alone_low"));

  EXPECT_THAT(workshop.Run("report d maps.json --out x").err,
              HasSubstr("no run folder"));
  EXPECT_THAT(workshop.Run("report r d d --out x").err,
              HasSubstr("second one of its kind"));
  auto other = nlohmann::json::parse(ReadFile(workshop.File("maps.json")));
  other["model"]["sha256"] = std::string(64, '0');
  other.erase("content_sha256");
  other["content_sha256"] = Sha256Hex(other.dump());
  WriteFile(workshop.File("other.json"), other.dump());
  const Outcome refused = workshop.Run("report r other.json --out x");
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("other.json is of model"));
  std::string points = ReadFile(workshop.File("d/drift.safetensors"));
  points.back() = static_cast<char>(points.back() ^ 1);
  WriteFile(workshop.File("d/drift.safetensors"), points);
  const Outcome damaged = workshop.Run("report r d --out x");
  EXPECT_EQ(damaged.exit_code, 4);
  EXPECT_THAT(damaged.err, HasSubstr("drift.safetensors: SHA-256"));
  EXPECT_FALSE(std::filesystem::exists(workshop.File("x")));
}

TEST(ReportCommand, TokensAsRows) {
  Workshop workshop;
  ASSERT_EQ(workshop.Run(std::string(kFourProfiles) + " --stats").exit_code, 0);
  ASSERT_EQ(workshop.Run("report r --tables --out report").exit_code, 0);
  std::istringstream rows(ZstdDecompress(
      ReadFile(workshop.File("report/tokens/tokens-0000.csv.zst")), 1 << 26));
  std::string line;
  std::getline(rows, line);
  EXPECT_EQ(line,
            "window,position,scored,nll.uniform,nll.early:25%,nll.late:25%,nll."
            "frozen,token_id,word_class,token_grad_norm,token_step,gate");
  double sum = 0;
  int64_t num_rows = 0;
  while (std::getline(rows, line)) {
    std::istringstream cells(line);
    std::string cell;
    for (int c = 0; c <= 3; ++c) std::getline(cells, cell, ',');
    sum += std::stod(cell);
    ++num_rows;
  }
  const auto json =
      nlohmann::json::parse(ReadFile(workshop.File("r/results.json")));
  const auto& uniform = json.at("cases")[0];
  EXPECT_EQ(num_rows, uniform.at("scored_tokens").get<int64_t>());
  EXPECT_NEAR(sum, uniform.at("nll_sum_nats").get<double>(), 1e-3);
}

TEST(ReportCommand, RefusesWhatIsNoFinishedRun) {
  Workshop workshop;
  const Outcome none = workshop.Run("report . --out report");
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_THAT(none.err, HasSubstr("plan.json"));
  ASSERT_EQ(workshop.Run(std::string(kFourProfiles) + " --shard 0/2").exit_code,
            0);
  const Outcome half = workshop.Run("report r --out report");
  EXPECT_EQ(half.exit_code, 4);
  EXPECT_THAT(half.err, HasSubstr("units are missing"));
  EXPECT_FALSE(std::filesystem::exists(workshop.File("report")));
}

}  // namespace
}  // namespace plastometer
