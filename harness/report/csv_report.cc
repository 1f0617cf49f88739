#include "harness/report/csv_report.h"

#include <utility>
#include <vector>

#include "base/text.h"
#include "harness/report/columns.h"
#include "harness/report/format.h"

namespace plastometer {
namespace {

std::string Known(int64_t value) {
  return value >= 0 ? std::to_string(value) : "";
}

std::string Line(const std::vector<std::string>& cells) {
  return JoinEach(cells, CsvCell, ",") + "\n";
}

void AddRows(const Results& results, const SliceResult& slice,
             std::string& text) {
  for (const CaseResult& row : slice.cases) {
    std::vector<std::string> line;
    for (const ResultColumn& column : ResultColumns())
      if (column.stands_in(kCsv))
        for (std::string& cell : CsvCells(column, {results, slice, row}))
          line.push_back(std::move(cell));
    text += Line(line);
  }
}

}  // namespace

std::string TableCsv(const Results& results) {
  std::vector<std::string> header;
  for (const ResultColumn& column : ResultColumns())
    if (column.stands_in(kCsv))
      for (std::string& name : CsvNames(column))
        header.push_back(std::move(name));
  std::string text = Line(header);
  AddRows(results, results.all, text);
  for (const SliceResult& domain : results.domains)
    AddRows(results, domain, text);
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
