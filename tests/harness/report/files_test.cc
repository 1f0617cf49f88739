// results.json and the CSV files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "harness/report/csv_report.h"
#include "harness/report/json_report.h"
#include "tests/harness/report/fixed_results.h"

namespace plastometer {
namespace {

using testing::HasSubstr;

TEST(ResultsJson, HasTheFieldsOfItsSchema) {
  const auto json = nlohmann::json::parse(ResultsJson(FixedResults()));
  EXPECT_EQ(json.at("schema_version"), kResultsSchemaVersion);
  EXPECT_EQ(json.at("plan").at("model").at("sha256"), std::string(64, 'a'));
  EXPECT_EQ(json.at("plan").at("tokenizer").at("sha256"), std::string(64, 'b'));
  EXPECT_EQ(json.at("plan").at("data").at("sha256"), std::string(64, 'c'));
  EXPECT_EQ(json.at("plan").at("model").at("config").at("num_layers"), 12);
  ASSERT_EQ(json.at("cases").size(), 9u);  // 3 profiles x (all + 2 domains)
  for (const auto& c : json.at("cases")) {
    for (const char* field :
         {"model", "slice", "profile", "lane", "tokens", "nll_nats",
          "perplexity", "bits_per_byte", "inner_updates",
          "inner_updates_skipped", "flops", "adaptive_state_bytes", "seconds",
          "peak_memory_bytes", "pareto", "retention", "nats_lost", "windows",
          "works"}) {
      EXPECT_TRUE(c.contains(field)) << field;
    }
  }
  EXPECT_EQ(json.at("cases")[0].at("slice"), "all");
  EXPECT_EQ(json.at("cases")[8].at("slice"), "go");
}

TEST(ResultsJson, WhatIsUnknownIsNull) {
  Results results = FixedResults();
  results.all.cases[1].nll_nats = std::nan("");
  results.all.cases[1].bits_per_byte.reset();
  const auto json = nlohmann::json::parse(ResultsJson(results));
  const auto& c = json.at("cases")[1];
  EXPECT_TRUE(c.at("nll_nats").is_null());
  EXPECT_TRUE(c.at("bits_per_byte").is_null());
  EXPECT_TRUE(c.at("peak_memory_bytes").is_null());
  EXPECT_TRUE(c.at("pareto").at("ms_per_1k_tokens").is_null());
  EXPECT_TRUE(c.at("diverged").get<bool>());
}

TEST(Csv, EveryLineHasEveryCell) {
  std::istringstream lines(TableCsv(FixedResults()));
  std::string line;
  std::getline(lines, line);
  const auto commas = std::count(line.begin(), line.end(), ',');
  int num_rows = 0;
  while (std::getline(lines, line)) {
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), commas) << line;
    ++num_rows;
  }
  EXPECT_EQ(num_rows, 9);
}

TEST(Csv, WindowsHoldTheirSums) {
  EXPECT_THAT(
      WindowsCsv(FixedResults()),
      HasSubstr("0,uniform,\"pack,age\",novels,a work,doc,,0,3,2,10,4\n"));
}

TEST(Csv, PositionsStandBesideUniform) {
  EXPECT_THAT(PositionCsv(FixedResults()), HasSubstr("frozen,1,3,1,2,2.5,1\n"));
}

}  // namespace
}  // namespace plastometer
