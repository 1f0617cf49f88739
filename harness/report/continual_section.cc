// A, B, A again: what is left of A, on a terminal and as a section of a report.
#include "harness/report/continual.h"
#include "harness/report/format.h"
#include "harness/report/measured.h"
#include "harness/report/sections.h"
#include "harness/run/continual.h"

namespace plastometer {
namespace {

std::string Meaning() {
  const std::string span = std::to_string(kContinualSpan);
  return "Above: nats per token of A' more than a reader that knows the "
         "borders pays, who takes A up again or begins anew. Backward "
         "transfer: loss of the last " +
         span + " tokens of A less that of the first " + span +
         " of A' (below 0: forgotten). Recovery: tokens of A' before the "
         "first " +
         span + " whose excess over the remembering reader is at most " +
         Fixed(kRecoveryMargin, 2) + " nats above that at the end of A.";
}

std::string Caption(const ContinualResult& c) {
  return "continual learning: chain A to token " + Count(c.away) +
         ", B to token " + Count(c.back) + ", A again (A') to token " +
         Count(c.num_tokens) + "; " + Count(c.num_works) + " documents";
}

int64_t LengthOf(const ContinualResult& c) {
  return (c.num_tokens - c.back) / kContinualSpan * kContinualSpan;
}

// Of the named columns, behind the reader's name.
std::string Part(const std::vector<Column>& columns,
                 const std::vector<std::vector<std::string>>& rows,
                 size_t begin, size_t end, int width) {
  const auto part = [&](const auto& all) {
    std::vector cells{all.front()};
    cells.insert(cells.end(), all.begin() + static_cast<int64_t>(begin),
                 all.begin() + static_cast<int64_t>(end));
    return cells;
  };
  std::vector<std::vector<std::string>> cells;
  for (const auto& row : rows) cells.push_back(part(row));
  return RenderTable(part(columns), cells, width);
}

}  // namespace

std::string RecoveryText(const Measured& m, int64_t num_tokens) {
  const std::string late = "> " + Count(num_tokens);
  const auto text = [&](const std::optional<double>& tokens) {
    return tokens ? Fixed(*tokens, 0) : late;
  };
  if (!m.low && !m.high) return text(m.value);
  return text(m.value) + " [" + text(m.low) + ", " + text(m.high) + "]";
}

std::string ContinualText(const Results& results, int width) {
  if (!results.continual) return "";
  const ContinualResult& c = *results.continual;
  const std::vector<Column> columns = {{{"reader"}, true},
                                       {{"nats/token", "of A' [95 %]"}, true},
                                       {{"above who", "remembers A"}, true},
                                       {{"above who", "begins anew"}, true},
                                       {{"backward", "transfer"}, true},
                                       {{"recovery,", "tokens"}, true}};
  std::vector<std::vector<std::string>> rows;
  for (const ContinualRow& row : c.rows)
    rows.push_back({row.name, MeasuredCell(row.loss, 4),
                    MeasuredCell(row.above_remembering, 4),
                    MeasuredCell(row.above_resetting, 4),
                    MeasuredCell(row.transfer, 3),
                    RecoveryText(row.recovery, LengthOf(c))});
  std::string tables;
  for (size_t begin = 1, end = 2; begin < columns.size(); begin = end++) {
    std::string table = Part(columns, rows, begin, end, width);
    for (; end < columns.size(); ++end) {
      std::string wider = Part(columns, rows, begin, end + 1, width);
      if (WidestLine(wider) > width) break;
      table = std::move(wider);
    }
    tables += (begin > 1 ? "\n" : "") + table;
  }
  return Wrap(Caption(c), width) + tables + Wrap(Meaning(), width) + "\n";
}

void AddContinual(const ReportRun& run, Page& page) {
  if (!run.results.continual) return;
  const ContinualResult& c = *run.results.continual;
  Table table{"continual" + run.suffix,
              Caption(c),
              {{"reader", {"reader"}, true},
               {"nats per token of A'", WithBounds("nll")},
               {"above who remembers A", WithBounds("above_remembering")},
               {"above who begins anew", WithBounds("above_resetting")},
               {"backward transfer, nats", WithBounds("backward_transfer")},
               {"recovery, tokens", WithBounds("recovery_tokens")}},
              {},
              {Meaning()}};
  for (const ContinualRow& row : c.rows) {
    TableCell recovery = IntervalCell(row.recovery, 0);
    recovery.text = RecoveryText(row.recovery, LengthOf(c));
    table.rows.push_back({TextCell(row.name), IntervalCell(row.loss, 4),
                          IntervalCell(row.above_remembering, 4),
                          IntervalCell(row.above_resetting, 4),
                          IntervalCell(row.transfer, 3), recovery});
  }
  page.Add(
      Heading{2, "A, B, A again: what is left of A", "continual" + run.suffix});
  page.Add(std::move(table));
}

}  // namespace plastometer
