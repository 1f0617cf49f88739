// The report of a run whose truth is known.
#include "harness/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "tests/harness/report/planted_learning.h"
#include "tests/harness/report/planted_run.h"

namespace plastometer {
namespace {

using testing::HasSubstr;
using testing::Not;

// By value: a test may ask a page that it does not keep.
Answer AnswerOf(const Page& page, const std::string& id) {
  for (const Block& block : page.blocks)
    if (const auto* a = std::get_if<Answer>(&block); a && a->id == id)
      return *a;
  throw std::runtime_error("no answer " + id);
}

Table TableOf(const Page& page, const std::string& id) {
  for (const Block& block : page.blocks)
    if (const auto* t = std::get_if<Table>(&block); t && t->id == id) return *t;
  throw std::runtime_error("no table " + id);
}

Figure FigureOf(const Page& page, const std::string& id) {
  for (const Block& block : page.blocks)
    if (const auto* f = std::get_if<Figure>(&block); f && f->id == id)
      return *f;
  throw std::runtime_error("no figure " + id);
}

// Planted: early loses .01 of .4, less than the .02 allowed; late loses .3.
TEST(Answers, FindThePlantedTruth) {
  const Page page = MakeReport({PlantedRun(20)});
  const Answer& rq1 = AnswerOf(page, "rq1");
  EXPECT_EQ(rq1.verdict, "yes") << rq1.sentence;
  EXPECT_THAT(rq1.sentence, HasSubstr("97.5"));
  EXPECT_THAT(rq1.against, HasSubstr("a share of nothing"));
  const Table& table = TableOf(page, rq1.table_id);
  EXPECT_NEAR(std::stod(table.rows[0][2].csv[0]), 0.01 - 0.02, 0.001);
  EXPECT_EQ(table.rows.size(), 1u);  // its one domain is all text
  const Page two =
      MakeReport({PlantedRun(20, PlantedProfiles(), {"prose", "code"})});
  EXPECT_EQ(TableOf(two, "rq1").rows.size(), 3u);
}

TEST(Answers, ALossBeyondTheLineIsANo) {
  auto profiles = PlantedProfiles();
  profiles[1].lost = 0.03;
  EXPECT_EQ(AnswerOf(MakeReport({PlantedRun(20, profiles)}), "rq1").verdict,
            "no");
}

TEST(Answers, NoVerdictBelowSixteenWorks) {
  const Page page = MakeReport({PlantedRun(15)});
  EXPECT_EQ(AnswerOf(page, "rq1").verdict, "undecided");
  EXPECT_THAT(AnswerOf(page, "rq1").sentence, HasSubstr("fewer than 16"));
  EXPECT_EQ(TableOf(page, "rq1").rows[0][5].text, "too few works");
}

TEST(Answers, WhatWasNotMeasuredIsNotAvailableWithItsCommand) {
  auto profiles = PlantedProfiles();
  profiles.erase(profiles.begin() + 1);
  const Page page = MakeReport({PlantedRun(20, profiles)});
  for (const char* id : {"rq1", "depth"}) {
    EXPECT_EQ(AnswerOf(page, id).verdict, "not available");
    EXPECT_THAT(AnswerOf(page, id).sentence, HasSubstr("Not asked here"));
  }
  EXPECT_THAT(AnswerOf(page, "rq1").sentence,
              HasSubstr("plastometer run --model planted --profiles"));
  EXPECT_EQ(AnswerOf(page, "rq2").verdict, "not available");
  EXPECT_EQ(AnswerOf(page, "rq3").verdict, "not available");
}

// A frozen model at the mean state loses .1: a line of its own, and an arm, in
// which early:25% at the mean state (.02) keeps 80 % of that quarter.
TEST(Origin, MeanStateIsALineAndAnArm) {
  auto profiles = PlantedProfiles();
  profiles.insert(profiles.begin() + 1,
                  {{"frozen;start=mean", "none", 0.1, 800, 0, 0},
                   {"early:25%;start=mean", "0", 0.02, 900, 100, 1024}});
  const Page page = MakeReport({PlantedRun(20, profiles)});
  const Table& table = TableOf(page, "origin");
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_NEAR(std::stod(table.rows[1][3].csv[0]), 0.3, 0.01);
  EXPECT_NEAR(std::stod(table.rows[1][4].csv[0]), 0.75, 0.001);
  const Answer& answer = AnswerOf(page, "rq1-mean-state");
  EXPECT_EQ(answer.verdict, "no");
  EXPECT_THAT(answer.sentence, HasSubstr("keeps 80.0"));
  EXPECT_EQ(AnswerOf(page, "rq1").verdict, "yes");
}

TEST(Answers, AModelTrainedMaskedIsNoPostHocModel) {
  ReportRun run = PlantedRun(20);
  run.results.record.training.profile = "early:25%";
  const Answer answer = AnswerOf(MakeReport({run}), "rq1");
  EXPECT_EQ(answer.verdict, "not available");
  EXPECT_THAT(answer.sentence, HasSubstr("learned under `early:25%`"));
}

// A domain that says otherwise takes the overall verdict away.
TEST(Answers, AnOverallVerdictOnlyWhereDomainsAgree) {
  ReportRun run = PlantedRun(20, PlantedProfiles(), {"code", "prose"});
  EXPECT_EQ(AnswerOf(MakeReport({run}), "rq1").verdict, "yes");
  RunRecord record = run.results.record;
  for (const WindowRecord& w : record.windows) {
    if (w.domain != "code") continue;
    for (int64_t t = 0; t < w.num_tokens - 1; ++t)
      record.profiles[1].nll[w.loss_begin + t] += 0.05;
  }
  run.results = Summarise(std::move(record));
  const Answer answer = AnswerOf(MakeReport({run}), "rq1");
  EXPECT_EQ(answer.verdict, "undecided");
  EXPECT_THAT(answer.sentence, HasSubstr("prose: yes"));
}

// late:25% costs what early:25% costs and loses more: the only one off the
// front. Time is equal for all: there uniform beats every other.
// A control is known by what is done, not by its name: nothing is learned under
// frozen, so nothing is flipped.
TEST(Candidates, FrozenUnderAControlsNameIsDrawn) {
  auto profiles = PlantedProfiles();
  profiles.insert(profiles.begin() + 1,
                  {"uniform;eta=flip", "all", 0.5, 1000, 400, 4096});
  profiles.back().name = "frozen;eta=flip";
  const Page page = MakeReport({PlantedRun(16, profiles)});
  for (const char* id : {"adaptation-gain", "pareto-flops"}) {
    const std::string plot = FigureOf(page, id).plot;
    EXPECT_THAT(plot, HasSubstr("uniform")) << id;
    EXPECT_THAT(plot, testing::Not(HasSubstr("uniform;eta=flip"))) << id;
  }
  EXPECT_THAT(FigureOf(page, "adaptation-cumulative").plot,
              HasSubstr("frozen;eta=flip"));
  EXPECT_THAT(FigureOf(page, "pareto-flops").plot,
              HasSubstr("frozen;eta=flip"));
}

// By time late takes as long as frozen or longer, and early's ratio scatters
// over frozen's: only late is beaten.
ReportRun WithTimes(ReportRun run) {
  RunRecord record = run.results.record;
  for (ProfileRecord& p : record.profiles)
    for (size_t i = 0; i < p.times.size(); ++i) {
      const double scatter = i % 2 == 0 ? -0.02 : 0.02;
      p.times[i].seconds *= p.name == "frozen"      ? 0.88 + scatter
                            : p.name == "early:25%" ? 0.9 + 2 * scatter
                            : p.name == "late:25%"  ? 1.05
                                                    : 1;
    }
  run.results = Summarise(record);
  return run;
}

TEST(Pareto, ThePlantedFrontIsFound) {
  const Page page = MakeReport({WithTimes(PlantedRun(20))});
  const auto marks = [&](const std::string& id) {
    std::istringstream csv(FigureOf(page, id).data.at(id + ".csv"));
    std::string line, all;
    std::getline(csv, line);
    while (std::getline(csv, line))
      all += line.substr(0, line.find(',')) + "=" +
             line.substr(line.rfind(',') + 1) + " ";
    return all;
  };
  const std::string exact =
      "uniform=front early:25%=front late:25%=dominated frozen=front ";
  EXPECT_EQ(marks("pareto-flops"), exact);
  EXPECT_EQ(marks("pareto-inner-updates"), exact);
  EXPECT_EQ(marks("pareto-adaptive-state-bytes"), exact);
  EXPECT_EQ(marks("pareto-ms-per-1k-tokens"),
            "uniform=front early:25%=front late:25%=dominated frozen=front ");
  const std::string front =
      FigureOf(page, "pareto-flops").data.at("pareto-flops-front.csv");
  EXPECT_EQ(std::count(front.begin(), front.end(), '\n'), 4);
}

TEST(Figures, PositionsHoldThePlantedGap) {
  const Page page = MakeReport({PlantedRun(20)});
  for (const auto& row : TableOf(page, "position").rows) {
    EXPECT_NEAR(std::stod(row[1].csv[0]), 0.4, 0.02);
    EXPECT_NEAR(std::stod(row[2].csv[0]), 0.975, 0.001);
    EXPECT_NEAR(std::stod(row[3].csv[0]), 0.25, 0.001);
  }
}

// Planted: uniform is .5 above the floor before token 64 and .125 after, late
// .3 more, scattered by work.
TEST(Figures, NatsAboveTheFloorByPosition) {
  ReportRun run = PlantedRun(20);
  RunRecord record = run.results.record;
  for (WindowRecord& w : record.windows) {
    std::vector<double>& floor = w.floor.scored_by_octave;
    floor.assign(NumOctaves(w.num_tokens), 0);
    for (int64_t t = 1, k = 0; t < w.num_tokens; ++t) {
      while (t >= OctaveBegin(k + 1)) ++k;
      floor[k] +=
          record.profiles[0].nll[w.loss_begin + t - 1] - (t < 64 ? 0.5 : 0.125);
    }
    w.floor.scored_nats = std::accumulate(floor.begin(), floor.end(), 0.0);
  }
  run.results = Summarise(record);
  std::istringstream csv(
      FigureOf(MakeReport({run}), "floor").data.at("floor.csv"));
  std::string line;
  std::getline(csv, line);
  EXPECT_THAT(line, HasSubstr("uniform,uniform_low,uniform_high,early:25%"));
  int rows = 0;
  for (; std::getline(csv, line); ++rows) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream numbers(line);
    std::vector<double> x{std::istream_iterator<double>(numbers), {}};
    ASSERT_EQ(x.size(), 3 + 3 * 4U) << line;
    const double truth = x[0] < 64 ? 0.5 : 0.125;
    EXPECT_NEAR(x[3], truth, 1e-9);
    EXPECT_NEAR(x[9], truth + 0.3, 0.015);
    EXPECT_LT(x[10], x[9]);
    EXPECT_LT(x[9], x[11]);
  }
  EXPECT_EQ(rows, 7);  // 1, 8, 16, 32, 64, 128, 256
}

// Two contexts, 128 scored tokens at different places of the window. Planted:
// uniform loses .2 in the first 64 of them, late to the end, frozen nothing.
ReportRun RunWithContexts() {
  ReportRun run = PlantedRun(40);
  RunRecord record = run.results.record;
  for (size_t w = 0; w < 40; ++w) {
    WindowRecord& window = record.windows[w];
    const bool own = w < 20;
    window.work = std::to_string(w % 20);
    window.condition = own ? "own" : "own+other";
    const int64_t begin = own ? 129 : 100;
    window.scored = {{begin, begin + 128}};
    for (ProfileRecord& p : record.profiles) {
      const int64_t end = p.name == "uniform"    ? begin + 64
                          : p.name == "late:25%" ? begin + 128
                                                 : begin;
      for (int64_t t = 1; t < window.num_tokens; ++t) {
        double& nats = p.nll[window.loss_begin + t - 1];
        nats = t < begin ? 100 : 3;
        if (!own && t >= begin) nats += w % 2 == 0 ? 0.05 : -0.05;
        if (!own && t >= begin && t < end) nats += 0.2;
      }
    }
  }
  run.results = Summarise(std::move(record));
  return run;
}

TEST(Forgetting, ChangeByPlaceAndRecovery) {
  const Page page = MakeReport({RunWithContexts()});
  const Table& table = TableOf(page, "recovery");
  ASSERT_EQ(table.rows.size(), 4u);  // uniform, early, late, frozen
  const auto cell = [&](size_t row, size_t column) {
    return table.rows[row][column].text;
  };
  EXPECT_NEAR(std::stod(table.rows[0][2].csv[0]), 0.2, 1e-9);
  EXPECT_NEAR(std::stod(table.rows[0][3].csv[0]), 0, 1e-9);
  EXPECT_EQ(cell(0, 4), "64");
  EXPECT_NEAR(std::stod(table.rows[2][3].csv[0]), 0.2, 1e-9);
  EXPECT_EQ(cell(2, 4), "not reached");
  EXPECT_EQ(cell(3, 4), "0");
  const std::string csv = FigureOf(page, "forgetting-own-other")
                              .data.at("forgetting-own-other.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 4);
  EXPECT_THAT(csv, HasSubstr("\n64,128,"));
}

TEST(Forgetting, TooFewWorksRecoverNothing) {
  ReportRun run = RunWithContexts();
  RunRecord record = run.results.record;
  for (WindowRecord& w : record.windows) w.work = "one";
  run.results = Summarise(std::move(record));
  EXPECT_EQ(TableOf(MakeReport({run}), "recovery").rows[0][4].text,
            "not available");
}

// Four batches of one size and a small one that is left out; the machine is
// twice as slow in the last, frozen takes half of uniform's time throughout.
TEST(Figures, TimesOfEqualBatches) {
  ReportRun run = PlantedRun(20);
  RunRecord record = run.results.record;
  for (ProfileRecord& p : record.profiles) {
    const double share = p.name == "frozen" ? 0.5 : 1;
    p.times.clear();
    for (const double seconds : {1, 2, 3, 8})
      p.times.push_back({1000, share * seconds});
    p.times.push_back({10, 100});
  }
  run.results = Summarise(record);
  const Page page = MakeReport({run});
  const Table& table = TableOf(page, "timing");
  const auto row = [&](size_t p) {
    std::string text;
    for (const TableCell& cell : table.rows[p]) text += cell.text + " ";
    return text;
  };
  EXPECT_EQ(row(0),
            "uniform 4 1000.00 1750.00 2500.00 4250.00 8000.00 "
            "1.000 1.000 1.000 1.000 1.000 ");
  EXPECT_EQ(row(3),
            "frozen 4 500.00 875.00 1250.00 2125.00 4000.00 "
            "0.500 0.500 0.500 0.500 0.500 ");
  EXPECT_THAT(
      FigureOf(page, "timing-ratio").data.at("timing-ratio-batches.csv"),
      HasSubstr("\n3,1,1,1,0.5\n"));
  for (ProfileRecord& p : record.profiles) p.times[1].seconds = 0;
  for (ProfileRecord& p : record.profiles) p.times[2].tokens = 999;
  run.results = Summarise(record);
  EXPECT_THROW(TableOf(MakeReport({run}), "timing"), std::runtime_error);
}

TEST(Figures, WithoutAFloorByPositionThereIsNoCurve) {
  ReportRun run = PlantedRun(20);
  RunRecord record = run.results.record;
  for (WindowRecord& w : record.windows) w.floor.scored_nats = 100;
  run.results = Summarise(record);
  EXPECT_THAT(FigureOf(MakeReport({run}), "floor").plot,
              HasSubstr("not available"));
  EXPECT_THROW(FigureOf(MakeReport({PlantedRun(20)}), "floor"),
               std::runtime_error);
}

TEST(Report, AFolderWithoutGnuplotHoldsDataAndScripts) {
  TemporaryFolder folder;
  const WrittenReport written =
      WriteReport({PlantedRun(20)}, folder.path(),
                  [](const auto&, const auto&) { return false; });
  EXPECT_FALSE(written.drawn);
  EXPECT_EQ(written.num_figures, 8);
  for (const char* name :
       {"report.html", "report.md", "results.json", "tables/profiles.csv",
        "tables/rq1.csv", "figures/pareto-flops.gp", "figures/pareto-flops.csv",
        "figures/adaptation-gain.gp"})
    EXPECT_TRUE(std::filesystem::exists(folder.path() / name)) << name;
  const std::string html = ReadFile(folder.path() / "report.html");
  EXPECT_THAT(html, HasSubstr("gnuplot pareto-flops.gp"));
  EXPECT_THAT(html, HasSubstr("planted &lt;text&gt; &amp; more"));
  const auto json =
      nlohmann::json::parse(ReadFile(folder.path() / "results.json"));
  EXPECT_EQ(json.at("answers")[0].at("verdict"), "yes");
}

TEST(Report, StatisticsStandInTheFolder) {
  TemporaryFolder run_folder, folder;
  ReportRun run = PlantedRun(20);
  run.statistics = (run_folder.path() / "stats.safetensors").string();
  WriteFile(run.statistics, "arrays");
  const auto draw = [](const auto&, const auto&) { return false; };
  WriteReport({run}, folder.path(), draw);
  std::filesystem::remove(run.statistics);  // the run may go
  EXPECT_EQ(ReadFile(folder.path() / "stats.safetensors"), "arrays");
  TemporaryFolder other;
  EXPECT_THROW(WriteReport({run}, other.path(), draw), Error);
}

TEST(Learning, AnswersAndFiguresOfTheInnerLoop) {
  ReportRun run = PlantedRun(20);
  run.learning = PlantedLearning(run.results.record);
  const Page page = MakeReport({run});
  // One layer learns: there are no others to compare it with.
  EXPECT_EQ(AnswerOf(page, "rq3").verdict, "not available");
  EXPECT_THAT(AnswerOf(page, "rq3").sentence, HasSubstr("do not learn"));
  const Figure& map = FigureOf(page, "plasticity-raw");
  EXPECT_THAT(map.data.at("plasticity-raw.csv"),
              HasSubstr("0,0,16,2\n"));  // plastic
  EXPECT_THAT(map.data.at("plasticity-raw.csv"),
              HasSubstr("1,0,16,\n"));  // frozen: empty, not 0
  EXPECT_THAT(map.caption, HasSubstr("Missing, not 0: layers 1"));
  EXPECT_THAT(map.caption, HasSubstr("mean of norms"));
  for (const char* name : {"plasticity-gradient", "plasticity-relative"})
    EXPECT_THAT(FigureOf(page, name).plot, HasSubstr("set cblabel")) << name;
  FigureOf(page, "surprise-lag");
  const Figure& density = FigureOf(page, "surprise-density");
  EXPECT_THAT(density.caption, HasSubstr("5,080 pairs"));
  EXPECT_THAT(density.caption, HasSubstr("Rank correlation within a window"));
  for (const char* name : {"words-gradient", "words-step", "words-loss"})
    EXPECT_THAT(FigureOf(page, name).plot, HasSubstr("set yrange [0:*]"))
        << name;
  EXPECT_ANY_THROW(FigureOf(page, "plasticity-window-gradient"));
  EXPECT_EQ(TableOf(page, "words").rows.size(), 3u);
}

// Every class loses what the profile loses.
TEST(ClassLosses, StandByClassWithTheirContrasts) {
  ReportRun run = PlantedRun(20);
  EXPECT_ANY_THROW(FigureOf(MakeReport({run}), "class-losses"));
  run.class_losses = PlantedClassLosses(run.results.record);
  const Page page = MakeReport({run});
  const Table& table = TableOf(page, "class-losses");
  ASSERT_EQ(table.rows.size(), 3u);
  for (const auto& row : table.rows)  // late:25% - uniform
    EXPECT_NEAR(std::stod(row[4].csv[0]), 0.3, 0.01);
  const Table& contrasts = TableOf(page, "class-loss-contrasts");
  ASSERT_EQ(contrasts.rows.size(), 3u);  // of each profile with uniform
  for (const auto& row : contrasts.rows)
    EXPECT_NEAR(std::stod(row[4].csv[0]), 0, 0.01);
  EXPECT_THAT(FigureOf(page, "class-losses").plot,
              HasSubstr("set yrange [*<0:0<*]"));
}

TEST(Learning, OneWindowOnRequestIsNamed) {
  ReportRun run = PlantedRun(20);
  run.learning = PlantedLearning(run.results.record);
  run.window_map = WindowMap{7, run.learning->map};
  const Figure& map = FigureOf(MakeReport({run}), "plasticity-window-gradient");
  EXPECT_THAT(map.caption, HasSubstr("window 7 (prose: work 7"));
  EXPECT_THAT(map.caption, HasSubstr("every mini-batch of 16 tokens"));
}

// Two layers of one head; the second is frozen.
TEST(Learning, HeadsOnRequest) {
  ReportRun run = PlantedRun(20);
  run.learning = PlantedLearning(run.results.record);
  EXPECT_ANY_THROW(FigureOf(MakeReport({run}), "plasticity-heads"));
  run.show_heads = true;
  const Page page = MakeReport({run});
  const Figure& figure = FigureOf(page, "plasticity-heads");
  const std::string& csv = figure.data.at("plasticity-heads.csv");
  EXPECT_THAT(csv, HasSubstr("\n0,0,0,16,0.5\n"));
  EXPECT_THAT(csv, HasSubstr("\n1,0,0,16,\n"));
  EXPECT_THAT(figure.alt, HasSubstr("from 0.25 to 0.5"));
}

TEST(Report, RunsStandSideBySideWithIdsOfTheirOwn) {
  ReportRun second = PlantedRun(20);
  second.name = "other";
  second.suffix = "-2";
  const Page page = MakeReport({PlantedRun(20), second});
  EXPECT_EQ(TableOf(page, "comparison").rows.size(), 8u);
  EXPECT_EQ(AnswerOf(page, "rq1-2").verdict, "yes");
  FigureOf(page, "pareto-flops-2");
}

TEST(Report, TheSameRunGivesTheSamePage) {
  EXPECT_EQ(HtmlPage(MakeReport({PlantedRun(20)}), {}),
            HtmlPage(MakeReport({PlantedRun(20)}), {}));
}

}  // namespace
}  // namespace plastometer
