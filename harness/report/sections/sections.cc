#include "harness/report/sections/sections.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/report/format.h"
#include "harness/report/measured.h"
#include "harness/results/works.h"

namespace plastometer {

std::vector<size_t> WindowsOf(const RunRecord& record,
                              const std::string& slice) {
  std::vector<size_t> windows;
  for (size_t w = 0; w < record.windows.size(); ++w)
    if (slice == kAllText || record.windows[w].domain == slice)
      windows.push_back(w);
  return windows;
}

std::vector<size_t> LongestWindows(const RunRecord& record) {
  int64_t longest = 0;
  for (const WindowRecord& w : record.windows)
    longest = std::max(longest, w.num_tokens);
  std::vector<size_t> windows;
  for (size_t w = 0; w < record.windows.size(); ++w)
    if (record.windows[w].num_tokens == longest) windows.push_back(w);
  return windows;
}

ShownProfiles ShownOf(const RunRecord& record,
                      const std::vector<size_t>& profiles) {
  constexpr int64_t kMaxRandom = 8;
  ShownProfiles shown;
  int64_t random = 0;
  for (const size_t p : profiles)
    if (!record.profiles[p].name.starts_with("random:") ||
        ++random <= kMaxRandom)
      shown.profiles.push_back(p);
  if (random > kMaxRandom)
    shown.note =
        " Of " + Count(random) + " sets of layers drawn at random, the first " +
        Count(kMaxRandom) + " are shown here; the table of profiles has all.";
  return shown;
}

std::string ProfileLabel(const CaseResult& row) {
  std::string name = row.profile;
  for (const std::string& same : row.same_as) name += " = " + same;
  return row.asked ? name : "(" + name + ")";
}

std::string WithInterval(const Measured& m, int decimals, double scale) {
  return MeasuredCell(m, decimals, scale);
}

std::string WithInterval(const stats::Interval& interval, int decimals) {
  return WithInterval(ToMeasured(interval), decimals);
}

TableCell TextCell(const std::string& text) { return {text, {text}}; }

TableCell CountCell(int64_t value) {
  return {value >= 0 ? Count(value) : "not available",
          {value >= 0 ? std::to_string(value) : ""}};
}

TableCell NumberCell(std::optional<double> value, int decimals) {
  if (!value || !std::isfinite(*value)) return {"not available", {""}};
  return {Fixed(*value, decimals), {CsvNumber(*value)}};
}

TableCell IntervalCell(const Measured& m, int decimals, double scale) {
  const auto raw = [](std::optional<double> x) {
    return CsvNumber(x.value_or(std::numeric_limits<double>::quiet_NaN()));
  };
  return {WithInterval(m, decimals, scale),
          {raw(m.value), raw(m.low), raw(m.high)}};
}

TableColumn PageColumn(const std::string& id) {
  const ResultColumn& column = ColumnOf(id);
  return {column.title, CsvNames(column), column.style == Style::kText};
}

TableCell ResultCell(const ResultColumn& column, const ResultRow& row) {
  return {PageCell(column, row), CsvCells(column, row)};
}

std::vector<std::string> WithBounds(const std::string& name) {
  return {name, name + "_low", name + "_high"};
}

}  // namespace plastometer
