// A, B, A again: what is left of A, on a terminal and as a section of a report.
#include "harness/report/format.h"
#include "harness/report/measured.h"
#include "harness/report/sections/continual.h"
#include "harness/report/sections/sections.h"

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
  Cells reader;
  std::vector<Cells> groups(5);
  const auto add = [&](Cells& to, const Column& column, const auto& cell) {
    std::vector<std::string> cells;
    for (const ContinualRow& row : c.rows) cells.push_back(cell(row));
    Append(to, column, cells);
  };
  add(reader, {{"reader"}, true}, [](const auto& row) { return row.name; });
  add(groups[0], {{"nats/token", "of A' [95 %]"}, true},
      [](const auto& row) { return MeasuredCell(row.loss, 4); });
  add(groups[1], {{"above who", "remembers A"}, true},
      [](const auto& row) { return MeasuredCell(row.above_remembering, 4); });
  add(groups[2], {{"above who", "begins anew"}, true},
      [](const auto& row) { return MeasuredCell(row.above_resetting, 4); });
  add(groups[3], {{"backward", "transfer"}, true},
      [](const auto& row) { return MeasuredCell(row.transfer, 3); });
  add(groups[4], {{"recovery,", "tokens"}, true},
      [&](const auto& row) { return RecoveryText(row.recovery, LengthOf(c)); });
  return Wrap(Caption(c), width) + PackedTables(reader, reader, groups, width) +
         Wrap(Meaning(), width) + "\n";
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
