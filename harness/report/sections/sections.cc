#include "harness/report/sections/sections.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/report/format.h"
#include "harness/report/measured.h"
#include "harness/results/works.h"

namespace plastometer {

std::vector<size_t> Candidates(const ReportRun& run) {
  std::vector<size_t> candidates;
  const auto& profiles = run.results.record.profiles;
  for (size_t p = 0; p < profiles.size(); ++p)
    if (profiles[p].name.find(";eta=") == std::string::npos &&
        profiles[p].name.find(";reset") == std::string::npos)
      candidates.push_back(p);
  return candidates;
}

Measured CostOf(const CaseResult& c, const std::string& key) {
  const auto exact = [](double value) { return Measured{value, {}, {}, ""}; };
  const auto tokens = static_cast<double>(c.counters.tokens);
  if (key == "flops") return exact(c.flops_per_token / 1e6);
  if (key == "inner_updates")
    return exact(static_cast<double>(c.counters.inner_updates) / tokens);
  if (key == "adaptive_state_bytes")
    return exact(static_cast<double>(c.counters.adaptive_state_bytes) / 1024);
  return c.ms_per_1k_tokens;
}

std::vector<std::optional<bool>> ParetoMarksOf(const ReportRun& run,
                                               const std::string& cost) {
  const RunRecord& record = run.results.record;
  const WorkSums all = SumByWork(record, WindowsOf(record, "all"));
  const std::vector<size_t> candidates = Candidates(run);
  WorkSums works;
  works.tokens = all.tokens;
  std::vector<std::optional<double>> costs;
  for (const size_t p : candidates) {
    works.nll.push_back(all.nll[p]);
    costs.push_back(CostOf(run.results.all.cases[p], cost).value);
  }
  const auto of_candidates =
      ParetoMarks(works, costs, static_cast<uint64_t>(record.seed));
  std::vector<std::optional<bool>> marks(record.profiles.size());
  for (size_t i = 0; i < candidates.size(); ++i)
    marks[candidates[i]] = of_candidates[i];
  return marks;
}

std::vector<size_t> WindowsOf(const RunRecord& record,
                              const std::string& slice) {
  std::vector<size_t> windows;
  for (size_t w = 0; w < record.windows.size(); ++w)
    if (slice == "all" || record.windows[w].domain == slice)
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

std::string VerdictText(stats::Verdict verdict) {
  return verdict == stats::Verdict::kYes  ? "yes"
         : verdict == stats::Verdict::kNo ? "no"
                                          : "undecided";
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

std::vector<std::string> WithBounds(const std::string& name) {
  return {name, name + "_low", name + "_high"};
}

}  // namespace plastometer
