// The one list of columns, and what is made from it.
#include "harness/report/columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/counters.h"
#include "base/error.h"
#include "base/files.h"
#include "harness/report/csv_report.h"
#include "harness/report/json_report.h"
#include "harness/report/measured.h"
#include "tests/harness/report/fixed_results.h"
#include "tests/paths.h"

namespace plastometer {
namespace {

using testing::HasSubstr;

// To write it anew after a change of the list: the same variable as in
// golden_files_test.cc.
TEST(Columns, TheirReferenceIsAsCommitted) {
  const std::string file = SourcePath("docs/columns.md");
  if (std::getenv("PLASTOMETER_UPDATE_REPORT"))
    WriteFile(file, ColumnsMarkdown());
  EXPECT_EQ(ReadFile(file), ColumnsMarkdown());
}

TEST(Columns, EachIsDeclaredOnce) {
  std::set<std::string> ids;
  for (const ResultColumn& column : ResultColumns()) {
    EXPECT_TRUE(ids.insert(column.id).second) << column.id;
    EXPECT_NE(std::string(column.explanation), "") << column.id;
    EXPECT_NE(column.places, 0u) << column.id;
    EXPECT_EQ(column.stands_in(kTerminal) && !*column.heading, false)
        << column.id;
  }
  EXPECT_THROW(ColumnOf("nats_lost_against_uniform"), Error);
}

TEST(Columns, EveryCounterIsOne) {
  for (const auto& [name, value] : kCounterFields) {
    const ResultColumn& column = ColumnOf(name);
    EXPECT_TRUE(column.stands_in(kJson)) << name;
  }
}

// The kind of a range is said once here and once where it is computed.
TEST(Columns, RangesAreOfTheKindThatTheyDeclare) {
  const Results results = FixedResults();
  int num_ranges = 0;
  for (const ResultColumn& column : ResultColumns()) {
    const ColumnValue value =
        column.value({results, results.all, results.all.cases[1]});
    const auto* m = std::get_if<Measured>(&value);
    EXPECT_EQ(m != nullptr, column.range != Range::kNone) << column.id;
    if (!m || m->range() == Range::kNone) continue;
    EXPECT_EQ(m->range(), column.range) << column.id;
    ++num_ranges;
  }
  EXPECT_GE(num_ranges, 4);
}

TEST(Columns, JsonSaysWhatARangeIs) {
  const auto json = nlohmann::json::parse(ResultsJson(FixedResults()));
  EXPECT_EQ(json.at("schema_version"), 2);
  const auto& all = json.at("cases")[1];
  EXPECT_EQ(all.at("nats_lost").at("range"), "interval95");
  EXPECT_EQ(all.at("ms_per_1k_tokens").at("range"), "quartiles");
  const auto& uniform = json.at("cases")[0];
  EXPECT_EQ(uniform.at("retention").at("range"), "none");
  EXPECT_FALSE(uniform.at("retention").contains("reason")) << "by definition";
  const auto& go = json.at("cases")[7];
  EXPECT_EQ(go.at("nats_lost").at("range"), "none");
  EXPECT_EQ(go.at("nats_lost").at("reason"), "5 works, fewer than 12");
}

TEST(Columns, CsvAndJsonUseOneName) {
  Results results = FixedResults();
  results.all.floor_nats = 1;
  const std::string csv = TableCsv(results);
  const std::string header = csv.substr(0, csv.find('\n')) + ",";
  const auto json = nlohmann::json::parse(ResultsJson(results));
  for (const char* name : {"nats_lost", "nats_above_floor", "retention"}) {
    EXPECT_THAT(header, HasSubstr("," + std::string(name) + "_low,"));
    EXPECT_TRUE(json.at("cases")[0].contains(name)) << name;
  }
}

TEST(Columns, AControlHasNoMark) {
  Results results = FixedResults();
  CaseResult& row = results.all.cases[1];
  row.is_control = true;
  row.pareto["flops"] = std::nullopt;
  const ResultColumn& mark = ColumnOf("pareto_flops");
  EXPECT_EQ(TerminalCell(mark, {results, results.all, row}), "-");
  row.is_control = false;
  EXPECT_EQ(TerminalCell(mark, {results, results.all, row}), "?");
  EXPECT_EQ(CsvCells(mark, {results, results.all, row}),
            std::vector<std::string>{""});
}

TEST(Measured, ReadsBackWhatItWrote) {
  const Measured times{2.0, 1.0, 3.0, "", Range::kQuartiles};
  nlohmann::json json = MeasuredJson(times);
  EXPECT_EQ(ParseMeasured(json, "f.json").range(), Range::kQuartiles);
  json.erase("range");  // schema 1
  EXPECT_EQ(ParseMeasured(json, "f.json").range(), Range::kInterval95);
  json["range"] = "spread";
  EXPECT_THROW(ParseMeasured(json, "f.json"), Error);
  json["range"] = "none";
  EXPECT_THROW(ParseMeasured(json, "f.json"), Error);
}

}  // namespace
}  // namespace plastometer
