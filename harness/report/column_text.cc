// What a column holds, as text: for the terminal, for reports and CSV files,
// and the list itself as docs/columns.md.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "harness/report/columns.h"
#include "harness/report/format.h"
#include "harness/report/measured.h"

namespace plastometer {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>  // clang 14 does not deduce it for an aggregate
Overloaded(Visitors...)->Overloaded<Visitors...>;

double ScaleOf(const ResultColumn& column) {
  return column.style == Style::kPercent ? 100 : 1;
}

std::string NumberText(const ResultColumn& column, double value) {
  switch (column.style) {
    case Style::kFixed:
      return Fixed(value, column.decimals);
    case Style::kPercent:
      return Fixed(100 * value, column.decimals) + "%";
    case Style::kPerplexity:
      return Perplexity(value);
    case Style::kShort:
      return Short(value);
    case Style::kBytes:
      return Bytes(static_cast<int64_t>(value));
    case Style::kCount:
      return Count(static_cast<int64_t>(value));
    case Style::kText:
    case Style::kMark:
      break;
  }
  return CsvNumber(value);
}

std::string MedianText(const ResultColumn& column, const Measured& m) {
  if (!m.value) return "n/a";
  const int decimals = *m.value < 100 ? column.decimals : 0;
  std::string text = Fixed(*m.value, decimals);
  if (m.low && m.high) text += "±" + Fixed((*m.high - *m.low) / 2, decimals);
  return text;
}

std::string EstimateText(const ResultColumn& column, const Measured& m) {
  if (!m.value) return "not available";
  const std::string text = NumberText(column, *m.value);
  if (m.by_definition()) return text;
  if (!m.low || !m.high) return text + " [n/a]";
  return text + " [" + Fixed(ScaleOf(column) * *m.low, column.decimals) + ", " +
         Fixed(ScaleOf(column) * *m.high, column.decimals) + "]";
}

std::string MeasuredText(const ResultColumn& column, const Measured& m) {
  return column.range == Range::kQuartiles ? MedianText(column, m)
                                           : EstimateText(column, m);
}

// What is neither a Measured nor missing.
template <class T>
std::string PlainText(const ResultColumn& column, const T& value) {
  if constexpr (std::is_same_v<T, bool>)
    return column.style == Style::kMark ? (value ? "*" : "")
                                        : (value ? "true" : "false");
  else if constexpr (std::is_arithmetic_v<T>)
    return NumberText(column, static_cast<double>(value));
  else if constexpr (std::is_same_v<T, std::string>)
    return value;
  else if constexpr (std::is_same_v<T, std::vector<std::string>>)
    return Join(value);
  else
    return JoinEach(value, [](const auto& mark) {
      return mark.first + (!mark.second   ? " unknown"
                           : *mark.second ? " front"
                                          : " dominated");
    });
}

std::vector<std::string> CsvTexts(const Measured& m) {
  std::vector<std::string> cells;
  for (const auto& x : {m.value, m.low, m.high})
    cells.push_back(CsvNumber(x.value_or(std::nan(""))));
  return cells;
}

}  // namespace

std::vector<std::string> CsvNames(const ResultColumn& column) {
  const std::string id = column.id;
  if (column.range == Range::kNone) return {id};
  return {id, id + "_low", id + "_high"};
}

std::vector<std::string> CsvCells(const ResultColumn& column,
                                  const ResultRow& row) {
  using Cells = std::vector<std::string>;
  return std::visit(
      Overloaded{
          [](const Measured& m) { return CsvTexts(m); },
          [](std::monostate) { return Cells{""}; },
          [](bool holds) { return Cells{holds ? "1" : "0"}; },
          [](int64_t number) { return Cells{std::to_string(number)}; },
          [](double number) { return Cells{CsvNumber(number)}; },
          [&](const auto& other) { return Cells{PlainText(column, other)}; }},
      column.value(row));
}

std::string TerminalCell(const ResultColumn& column, const ResultRow& row) {
  if (column.at_uniform && row.is_uniform()) return column.at_uniform;
  if (column.style == Style::kMark && row.row.is_control) return "-";
  return std::visit(
      Overloaded{[&](std::monostate) -> std::string {
                   return column.style == Style::kMark ? "?" : "n/a";
                 },
                 [&](const Measured& m) { return MeasuredText(column, m); },
                 [&](const auto& value) { return PlainText(column, value); }},
      column.value(row));
}

std::string PageCell(const ResultColumn& column, const ResultRow& row) {
  return std::visit(
      Overloaded{[](std::monostate) -> std::string { return "not available"; },
                 [&](const Measured& m) {
                   return MeasuredCell(m, column.decimals, ScaleOf(column));
                 },
                 [&](const auto& value) { return PlainText(column, value); }},
      column.value(row));
}

namespace {

std::string PlacesText(const ResultColumn& column) {
  constexpr std::pair<Place, const char*> kNames[] = {
      {kTerminal, "table"}, {kCsv, "CSV"}, {kJson, "JSON"}, {kPage, "report"}};
  std::vector<std::string> places;
  for (const auto& [place, name] : kNames)
    if (column.stands_in(place)) places.emplace_back(name);
  return Join(places);
}

std::string RangeText(Range range) {
  return range == Range::kInterval95  ? "95 % interval"
         : range == Range::kQuartiles ? "quartiles"
                                      : "";
}

}  // namespace

std::string ColumnsMarkdown() {
  std::string text = R"(# Columns

What `plastometer run` says of a profile on a slice of text: all text together, and each domain. This file is made from
`harness/report/columns.cc`, as are the table on the terminal, `table.csv`, the cases of `results.json` (and of `--json`) and the table
of all profiles in a report; a test compares it, and `PLASTOMETER_UPDATE_REPORT=1 build/cpu/tests/report_test
--gtest_filter='Columns.*'` writes it anew.

| column | unit | range | where | what it is |
|---|---|---|---|---|
)";
  for (const ResultColumn& c : ResultColumns())
    text += "| `" + std::string(c.id) + "` | " + c.unit + " | " +
            RangeText(c.range) + " | " + PlacesText(c) + " | " + c.explanation +
            " |\n";
  return text + R"(
A number with a range is three columns in CSV (`retention`, `retention_low`, `retention_high`) and an object in JSON: `value`, `low`,
`high`, `range` (`none`, `interval95`: 95 % over independent works, or `quartiles`) and, where something is missing, its `reason`.
Missing is an empty cell, `null`, or "not available"; without a range and without a reason a number holds by definition. Shares are
printed as percent on the terminal and in reports. Columns of the floor and of accuracy stand only where there is one, but always in
CSV.

## Schema

)" + "`results.json` has `\"schema_version\": " +
         std::to_string(kResultsSchemaVersion) +
         R"(`. What differs from schema 1, in `results.json`, `table.csv`, tables of reports and `--json`:

| schema 1 | schema 2 |
|---|---|
| `nats_lost_against_uniform` in JSON, `nats_lost` in CSV | `nats_lost` |
| `nats_above_floor` in JSON, `above_floor` in CSV | `nats_above_floor` |
| | `range` beside `low` and `high` |
| `ms_per_1k_tokens` in `table.csv` | and its quartiles |
| `pareto` of all rows | controls have no mark and take no other's |

Run folders of schema 1 are read as ever: `report`, `arms` and `--resume` go by plan and journal, which have not changed. What reads
`results.json` itself looks at the version first.
)";
}

}  // namespace plastometer
