#include "harness/report/compare_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness/report/format.h"
#include "tests/harness/report/planted_run.h"

namespace plastometer {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

ComparedRun Compared(std::vector<PlantedProfile> planted,
                     const std::string& name) {
  ReportRun run = PlantedRun(20, planted, {"novels", "commentary"});
  return {name,
          run.suite,
          "text",
          run.code_tree,
          run.numeric_class,
          {},
          std::move(run.results.record)};
}

std::vector<RunComparison> Shifted(double nats) {
  std::vector<PlantedProfile> after = PlantedProfiles();
  after[1].lost += nats;
  ComparedRun b = Compared(after, "runs/after");
  if (nats != 0) b.record.model_sha256 = std::string(64, 'b');
  return CompareRuns({Compared(PlantedProfiles(), "runs/before")}, {b});
}

TEST(CompareTable, FitsTheTerminalAndSaysWhatDiffers) {
  for (const int width : {80, 120}) {
    const std::string text = CompareTable(Shifted(0.05), width);
    EXPECT_LE(WidestLine(text), width) << text;
    EXPECT_THAT(text,
                AllOf(HasSubstr("A runs/before B runs/after"),
                      HasSubstr("differs: weights A aaaaaaaaaaaa, B "
                                "bbbbbbbbbbbb"),
                      HasSubstr("0.05"), HasSubstr("By domain"),
                      HasSubstr("commentary"), HasSubstr("verdict"),
                      HasSubstr("the last bit: uniform, late:25%, frozen")));
  }
  EXPECT_THAT(CompareTable(Shifted(0), 120),
              AllOf(HasSubstr("0.0000 [0.0000, 0.0000]"),
                    HasSubstr("differs: none"), HasSubstr("all profiles")));
}

TEST(CompareJson, HoldsEverySliceWithIntervals) {
  const auto json = nlohmann::json::parse(CompareJson(Shifted(0.05)));
  ASSERT_EQ(json.size(), 1U);
  const auto& slices = json[0]["slices"];
  ASSERT_EQ(slices.size(), 3U);
  EXPECT_EQ(slices[0]["name"], "all");
  const auto& row = slices[0]["rows"][1];
  EXPECT_EQ(row["profile"], "early:25%");
  EXPECT_NEAR(row["nll_change_nats"]["value"], 0.05, 0.003);
  EXPECT_LT(row["nll_change_nats"]["low"], row["nll_change_nats"]["high"]);
  EXPECT_NEAR(row["retention_change"]["value"], -0.125, 0.01);
  EXPECT_EQ(row["time_ratio"], 1.0);
  EXPECT_THAT(json.dump(), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace plastometer
