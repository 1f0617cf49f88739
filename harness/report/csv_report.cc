#include "harness/report/csv_report.h"

#include <initializer_list>
#include <limits>

#include "harness/report/format.h"

namespace plastometer {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

std::string Cell(std::optional<double> value) {
  return CsvNumber(value.value_or(kMissing));
}
std::string Known(int64_t value) {
  return value >= 0 ? std::to_string(value) : "";
}

std::string Line(std::initializer_list<std::string> cells) {
  std::string line;
  for (const std::string& cell : cells)
    line += (&cell == cells.begin() ? "" : ",") + Csv(cell);
  return line + "\n";
}

std::string CaseLine(const SliceResult& s, const CaseResult& c) {
  const auto mark = c.pareto.find("flops");
  const bool known = mark != c.pareto.end() && mark->second.has_value();
  return Line({s.name,
               c.profile,
               c.plastic_layers,
               std::to_string(s.num_windows),
               std::to_string(s.num_works),
               std::to_string(s.scored_tokens),
               Known(s.scored_bytes),
               CsvNumber(c.nll_nats),
               CsvNumber(c.perplexity),
               Cell(c.bits_per_byte),
               Cell(c.lost.value),
               Cell(c.lost.low),
               Cell(c.lost.high),
               Cell(c.retention.value),
               Cell(c.retention.low),
               Cell(c.retention.high),
               std::to_string(c.counters.inner_updates),
               std::to_string(c.counters.inner_updates_skipped),
               std::to_string(c.counters.flops),
               Cell(c.flops_saved),
               CsvNumber(c.seconds),
               Cell(c.ms_per_1k_tokens.value),
               std::to_string(c.counters.adaptive_state_bytes),
               known ? (*mark->second ? "1" : "0") : "",
               Cell(s.floor_nats),
               Cell(c.above_floor.value),
               Cell(c.above_floor.low),
               Cell(c.above_floor.high),
               Cell(c.accuracy.value),
               Cell(c.accuracy.low),
               Cell(c.accuracy.high)});
}

}  // namespace

std::string TableCsv(const Results& results) {
  std::string text =
      "slice,profile,plastic_layers,windows,works,scored_tokens,scored_bytes,"
      "nll_nats,perplexity,bits_per_byte,"
      "nats_lost,nats_lost_low,nats_lost_high,retention,retention_low,"
      "retention_high,inner_updates,"
      "inner_updates_skipped,flops,flops_saved,seconds,ms_per_1k_tokens,"
      "adaptive_state_bytes,pareto_flops,floor_nats,above_floor,above_floor_"
      "low,above_floor_high,accuracy,accuracy_low,accuracy_high\n";
  for (const CaseResult& row : results.all.cases)
    text += CaseLine(results.all, row);
  for (const SliceResult& domain : results.domains) {
    for (const CaseResult& row : domain.cases) text += CaseLine(domain, row);
  }
  return text;
}

std::string WindowsCsv(const Results& results) {
  std::string text =
      "window,profile,source,domain,work,document,condition,first_token,tokens,"
      "scored_tokens,scored_bytes,nll_sum_nats\n";
  const RunRecord& r = results.record;
  for (size_t w = 0; w < r.windows.size(); ++w) {
    const WindowRecord& window = r.windows[w];
    for (const ProfileRecord& p : r.profiles) {
      text +=
          Line({std::to_string(w), p.name, window.source, window.domain,
                window.work, window.document, window.condition,
                std::to_string(window.first_token),
                std::to_string(window.num_tokens),
                std::to_string(window.num_scored()), Known(window.scored_bytes),
                CsvNumber(WindowSum(p, window))});
    }
  }
  return text;
}

std::string PositionCsv(const Results& results) {
  const RunRecord& r = results.record;
  std::string text =
      "profile,from_token,to_token,windows,scored_tokens,nll_nats,above_"
      "uniform_nats\n";
  for (size_t p = 0; p < r.profiles.size(); ++p) {
    for (const PositionBin& bin : results.positions) {
      text += Line(
          {r.profiles[p].name, std::to_string(bin.from), std::to_string(bin.to),
           std::to_string(results.num_position_windows),
           std::to_string(bin.scored_tokens), CsvNumber(bin.nll_nats[p]),
           CsvNumber(bin.nll_nats[p] - bin.nll_nats[r.uniform_idx])});
    }
  }
  return text;
}

}  // namespace plastometer
