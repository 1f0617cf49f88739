// The numbers of a run, each declared once: what it is called, its unit, how it
// is taken from a row and how it is printed. The terminal's table, table.csv,
// results.json, the tables of a report and docs/columns.md are made from this
// list; a new column is one entry of it.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "harness/results/summary.h"

namespace plastometer {

// One profile on one slice of a run.
struct ResultRow {
  const Results& results;
  const SliceResult& slice;
  const CaseResult& row;

  bool is_uniform() const {
    return &row == &slice.cases[results.record.uniform_idx];
  }
};

// monostate: not known.
using ColumnValue =
    std::variant<std::monostate, bool, int64_t, double, std::string,
                 std::vector<std::string>, Measured,
                 std::map<std::string, std::optional<bool>>>;

// How a number is written for people.
enum class Style {
  kText,
  kCount,       // 196,608
  kShort,       // 6.74M
  kBytes,       // 794 KiB
  kFixed,       // with `decimals`
  kPercent,     // of a share, with `decimals`
  kPerplexity,  // four significant digits, at most two decimals
  kMark         // *, nothing, ? where it is not known, - of a control
};

// Where a column stands.
enum Place : unsigned {
  kTerminal = 1,  // the table of `plastometer run`
  kCsv = 2,       // table.csv
  kJson = 4,      // cases of results.json and --json
  kPage = 8       // the table of all profiles in a report
};

// Columns of the terminal's table that stay together where it is broken.
enum class TableGroup { kLabels, kLevels, kDifferences, kCosts };

enum class Applies {
  kAlways,
  kWithFloor,        // the data has an exact Bayes loss
  kWithAccuracy,     // it was asked for
  kTerminalNoFloor,  // on the terminal only where kWithFloor does not apply
  kTerminalAllText   // on the terminal only for all slices together
};

struct ResultColumn {
  const char* id;     // in CSV and JSON
  const char* unit;   // of the value in CSV and JSON; "": text or a mark
  const char* title;  // in a report
  const char* explanation;
  unsigned places;
  ColumnValue (*value)(const ResultRow&);
  Style style = Style::kText;
  int decimals = 0;
  Range range = Range::kNone;  // of a Measured
  Applies applies = Applies::kAlways;
  // The terminal's title, its lines; what stands below the table, if anything;
  // and what uniform's row says instead of its number.
  TableGroup group = TableGroup::kLabels;
  const char* heading = "";
  const char* legend = "";
  const char* at_uniform = nullptr;

  bool stands_in(Place place) const { return (places & place) != 0; }
  bool AppliesTo(const Results& results, const SliceResult& slice,
                 Place place) const;
};

std::span<const ResultColumn> ResultColumns();
// Throws kInternal when there is none.
const ResultColumn& ColumnOf(const std::string& id);

// "nats", or of a number with a range "nats", "nats_low", "nats_high".
std::vector<std::string> CsvNames(const ResultColumn& column);
// One cell a name; empty for what is missing.
std::vector<std::string> CsvCells(const ResultColumn& column,
                                  const ResultRow& row);
// With its range, or why there is none: "n/a", "not available".
std::string TerminalCell(const ResultColumn& column, const ResultRow& row);
// "13.3 [11.8, 14.9]"; the title has the unit.
std::string PageCell(const ResultColumn& column, const ResultRow& row);

// docs/columns.md.
std::string ColumnsMarkdown();

// A cost of the Pareto marks, as figures show it and as --foreign names it.
struct CostAxis {
  const ParetoCost& cost;
  const char* foreign_column;
  double unit;        // the cost is divided by it
  const char* label;  // of the axis
  const char* title;
};
std::span<const CostAxis> CostAxes();
// In the axis's unit.
Measured CostOn(const CostAxis& axis, const CaseResult& row);

}  // namespace plastometer
