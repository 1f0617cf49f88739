#include "harness/report/frontier_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "harness/report/format.h"
#include "tests/harness/results/planted_front.h"

namespace plastometer {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Lines as one, so that what is looked for may be broken anywhere.
std::string Flat(const std::string& text) {
  std::istringstream words(text);
  std::string flat, word;
  while (words >> word) flat += (flat.empty() ? "" : " ") + word;
  return flat;
}

std::string Printed(const FrontierRun& run) {
  return Flat(FrontierTable(run, 120));
}

TEST(FrontierReport, SaysWhatWasFoundAndAgainstWhat) {
  EXPECT_THAT(
      Printed(PlantedFront()),
      AllOf(
          HasSubstr("60 of 106 candidates tried on 12 tuning windows of 12 "
                    "works; 3 on the front"),
          HasSubstr("20 windows of 20 other works"),
          HasSubstr("Better than 2 of the 3 default profiles"),
          HasSubstr("(2 by each interval alone, before Holm)"),
          HasSubstr("50 % of uniform's inner updates or fewer keep 95 % of "
                    "the gap? yes."),
          HasSubstr("front-02 saves 50.0 %"),
          HasSubstr("best default profile at that cost (to 1 % of uniform's), "
                    "uniform;every=2: -0.09"),
          HasSubstr("3 verdicts, read together")));
}

TEST(FrontierReport, SaysWhenSlowingAllLayersAlikeIsAsGood) {
  EXPECT_THAT(Printed(PlantedFront(20, 0.1)),
              AllOf(HasSubstr("not shown to be better than slowing all layers "
                              "alike (uniform;every=2)"),
                    HasSubstr("keep 95 % of the gap? no."),
                    HasSubstr("not shown to be lower")));
}

TEST(FrontierReport, SaysWhyThereIsNoAnswer) {
  EXPECT_THAT(Printed(PlantedFront(20, 0.01, -0.3)),
              AllOf(HasSubstr("gap? not available (learning while reading "
                              "hurts this model)"),
                    HasSubstr("not available")));
  EXPECT_THAT(Printed(PlantedFront(14)),
              HasSubstr("undecided (14 works, fewer than 16)"));
  FrontierRun run = PlantedFront();
  run.choice.cost = FrontierCostNamed("flops");
  run.choice.half = run.choice.furthest = std::nullopt;
  EXPECT_THAT(Printed(run),
              AllOf(HasSubstr("gap? no. No member saves 50 %; frozen itself "
                              "saves 9.1 %"),
                    HasSubstr("none was found")));
}

TEST(FrontierReport, FitsItsTerminal) {
  FrontierRun run = PlantedFront();
  for (FrontierMember& member : run.choice.members)
    member.pace.periods.assign(24, 1);
  for (const int width : {80, 120})
    EXPECT_LE(WidestLine(FrontierTable(run, width)), width);
}

TEST(FrontierReport, JsonHoldsWhatTheTableSays) {
  const json numbers = json::parse(FrontierJson(PlantedFront()));
  EXPECT_EQ(numbers.at("cases").size(), 2 * 5U);  // all, and one domain
  const json& f = numbers.at("frontier");
  EXPECT_EQ(f.at("cost"), "inner_updates");
  ASSERT_EQ(f.at("members").size(), 3U);
  EXPECT_EQ(f["members"][0].at("pace"), "11@2");
  EXPECT_EQ(f["members"][1].at("layers"),
            json::parse(R"([{"lambda": 1.0, "every": 1}, 0])"));
  EXPECT_EQ(f["members"][2].at("measured_as"), "frozen");
  EXPECT_EQ(f["defaults"][1].at("member_better"), "yes");
  EXPECT_EQ(f["half"].at("answer"), "yes");
  EXPECT_EQ(f["half"].at("against"), "uniform;every=2");
  EXPECT_NEAR(f["area_difference_nats"].at("value"), 0.045, 1e-9);
  EXPECT_EQ(json::parse(ProfileFileText({{1, 0}, 1})).at("layers"),
            f["members"][1].at("layers"));
}

}  // namespace
}  // namespace plastometer
