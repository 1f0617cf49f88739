// The memory horizon of planted losses.
#include "harness/results/horizon.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <variant>

#include "harness/report/report.h"
#include "harness/results/conditions.h"
#include "harness/results/works.h"
#include "tests/harness/report/planted_run.h"

namespace plastometer {
namespace {

// The gap is .4; resets every 16, 64 and 128 tokens lose .3, .1 and .04 of it.
std::vector<PlantedProfile> Ladder() {
  return {{"uniform", "all", 0, 1000, 400, 1},
          {"uniform;reset-every=128", "all", 0.04, 1000, 400, 1},
          {"uniform;reset-every=16", "all", 0.3, 1000, 400, 1},
          {"uniform;reset-every=64", "all", 0.1, 1000, 400, 1},
          {"uniform;reset=64", "all", 0.2, 1000, 400, 1},
          {"early:25%", "0", 0.2, 900, 100, 1},
          {"early:25%;reset-every=16", "0", 0.3, 900, 100, 1},
          {"late:25%;reset-every=16", "3", 0.3, 900, 100, 1},  // without base
          {"frozen", "none", 0.4, 800, 0, 0}};
}

TEST(Horizon, ALadderIsInOrderAndOfItsBase) {
  const ReportRun run = PlantedRun(20, Ladder());
  const RunRecord& record = run.results.record;
  const auto curves = HorizonCurves(record, AllWindows(record));
  ASSERT_EQ(curves.size(), 2U);
  EXPECT_EQ(curves[0].base, record.uniform_idx);
  ASSERT_EQ(curves[0].points.size(), 3U);
  const int64_t tokens[] = {16, 64, 128};
  const double shares[] = {0.25, 0.75, 0.9};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(curves[0].points[i].reset_every, tokens[i]);
    EXPECT_NEAR(*curves[0].points[i].share.value, shares[i], 1e-9);
    EXPECT_TRUE(curves[0].points[i].share.low);
  }
  EXPECT_NEAR(*curves[1].base_share.value, 0.5, 1e-9);
  EXPECT_NEAR(*curves[1].points[0].share.value, 0.25, 1e-9);
  EXPECT_NEAR(*curves[1].points[0].lost.value, 0.1, 0.01);
}

TEST(Horizon, PartsOfTheGainSumToIt) {
  const ReportRun run = PlantedRun(20, Ladder());
  const auto split = SplitOfGain(run.results);
  ASSERT_TRUE(split);
  EXPECT_EQ(split->border, 64);
  EXPECT_NEAR(*split->short_range.value + *split->within.value,
              *run.results.all.cases.back().lost.value, 1e-12);
  EXPECT_NEAR(*split->within.value, 0.1, 0.01);
  EXPECT_FALSE(OwnDocument(PlantedRun(20).results));
  EXPECT_FALSE(SplitOfGain(PlantedRun(20).results));
}

// 20 works after their own beginning and after another document: there uniform
// begins with half of its gain and has all of it from place 64 on.
RunRecord ProbeRecord(const char* first) {
  RunRecord record = PlantedRun(40).results.record;
  for (size_t w = 0; w < 40; ++w) {
    WindowRecord& window = record.windows[w];
    window.work = std::to_string(w % 20);
    window.condition = w < 20 ? first : kOtherDocument;
    window.scored = {{129, 129 + 128}};
    for (ProfileRecord& p : record.profiles)
      for (int64_t t = 129; t < 129 + 128; ++t) {
        const double gain = w < 20 || t >= 129 + 64 ? 0.4 : 0.2;
        const double noise = w % 2 == 0 ? 0.05 : -0.05;
        p.nll[window.loss_begin + t - 1] =
            3 + noise - (p.name == "frozen" ? 0 : gain);
      }
  }
  return record;
}

TEST(Horizon, AContextProbeShowsItToo) {
  ReportRun run = PlantedRun(20);
  run.results = Summarise(ProbeRecord(kOwnDocument));
  const auto changes = ChangesByPlace(run.results.record);
  ASSERT_EQ(changes.size(), 1U);
  for (const PlaceChange& place : changes[0].places)
    EXPECT_NEAR(*place.share[run.results.record.uniform_idx].value,
                place.from < 64 ? 0.5 : 1.0, 1e-9);
  const auto has_figure = [](const Page& page) {
    return std::ranges::any_of(page.blocks, [](const Block& block) {
      const auto* figure = std::get_if<Figure>(&block);
      return figure && figure->id == "horizon-context";
    });
  };
  EXPECT_TRUE(has_figure(MakeReport({run})));
  run.results = Summarise(ProbeRecord("fresh"));  // not the own document
  EXPECT_FALSE(has_figure(MakeReport({run})));
}

}  // namespace
}  // namespace plastometer
