// How measured times scatter: batches that all do the same work.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/page/gnuplot.h"
#include "harness/report/sections/sections.h"
#include "harness/results/time_ratio.h"
#include "harness/stats/basic.h"

namespace plastometer {
namespace {

// Of one profile, one value a batch.
struct Times {
  size_t profile = 0;
  std::vector<double> ms;     // per 1,000 tokens
  std::vector<double> ratio;  // to uniform's in the same batch
};

std::vector<Times> TimesOf(const RunRecord& record,
                           const std::vector<size_t>& profiles,
                           const std::vector<size_t>& batches) {
  std::vector<Times> all;
  for (const size_t p : profiles) {
    Times times{p, {}, TimeRatios(record, p, batches)};
    for (const size_t i : batches) {
      const BatchTime& time = record.profiles[p].times[i];
      times.ms.push_back(time.seconds * 1e6 / static_cast<double>(time.tokens));
    }
    all.push_back(std::move(times));
  }
  return all;
}

using Quantiles = std::array<double, 5>;  // least, quartiles and median, most

Quantiles QuantilesOf(const std::vector<double>& values) {
  Quantiles quantiles{};
  for (size_t q = 0; q < quantiles.size(); ++q)
    quantiles[q] = stats::Quantile(values, static_cast<double>(q) / 4);
  return quantiles;
}

struct Panel {
  std::string id, title, y_label, of;
  std::vector<double> Times::*values;
};

// Boxes from quantiles, whiskers to the ends; each batch a point.
void DrawBoxes(const RunRecord& record, const std::vector<Times>& all,
               const Panel& panel, Figure& figure) {
  std::string boxes =
                  "place,profile,least,quarter,median,three_quarters,most\n",
              points = "batch", tics;
  for (size_t k = 0; k < all.size(); ++k) {
    const std::string& name = record.profiles[all[k].profile].name;
    boxes += std::to_string(k + 1) + "," + CsvCell(name);
    for (const double x : QuantilesOf(all[k].*panel.values))
      boxes += "," + CsvNumber(x);
    boxes += "\n";
    points += "," + CsvCell(name);
    tics += (k == 0 ? "" : ", ") + TicLabel(name) + " " + std::to_string(k + 1);
  }
  points += "\n";
  for (size_t i = 0; i < all[0].ms.size(); ++i) {
    points += std::to_string(i);
    for (const Times& times : all)
      points += "," + CsvNumber((times.*panel.values)[i]);
    points += "\n";
  }
  figure.data[figure.id + ".csv"] = boxes;
  figure.data[figure.id + "-batches.csv"] = points;
  // Slanting names need the width of a line beside each other.
  const bool upright = all.size() > 8;
  if (upright) figure.height += 80;
  figure.plot =
      "set xrange [0.4:" + std::to_string(all.size()) + ".6]\nset xtics (" +
      tics + ") rotate by " + (upright ? "90" : "35") + " right\nset ylabel " +
      Quoted(panel.y_label) + "\nset rmargin 2\nset boxwidth 0.5\nunset key\n";
  const std::string file = "'" + figure.id + ".csv' skip 1 using 1:";
  std::vector<std::string> parts = {
      file + "4:3:7:6 with candlesticks whiskerbars 0.5 lw 1.5 lc rgb '" +
          SeriesColor(0) + "'",
      file + "5:5:5:5 with candlesticks lw 3 lc rgb '" + SeriesColor(0) + "'"};
  for (size_t k = 0; k < all.size(); ++k)
    parts.push_back("'" + figure.id + "-batches.csv' skip 1 using (" +
                    std::to_string(k + 1) +
                    "+0.05*(int($0)*3%7-3)):" + std::to_string(k + 2) +
                    " with points pt 7 ps 0.35 lc rgb '" + SeriesColor(1) +
                    "'");
  figure.plot += PlotCommand(parts);
}

Figure TimingFigure(const ReportRun& run, const std::vector<Times>& all,
                    const std::string& left_out, const Panel& panel) {
  Figure figure;
  figure.id = panel.id + run.suffix;
  figure.title = panel.title;
  figure.alt = panel.of +
               ", one box a profile: quartiles and median over batches, "
               "whiskers from the least to the most; each batch a point.";
  figure.caption =
      panel.of + ", over " + Count(static_cast<int64_t>(all[0].ms.size())) +
      " batches of the same size, each measured once under every profile, the "
      "profiles in turn. Box: quartiles and median; whiskers: least and most; "
      "points: batches." +
      left_out;
  DrawBoxes(run.results.record, all, panel, figure);
  return figure;
}

Table TimingTable(const ReportRun& run, const std::vector<Times>& all) {
  Table table{"timing" + run.suffix,
              "Measured time, milliseconds per 1,000 tokens, and as a ratio to "
              "uniform's in the same batch",
              {{"profile", {"profile"}, true}, {"batches", {"batches"}}},
              {},
              {"The scatter is that of this machine at that time, no interval "
               "of a mean. A ratio is of two neighbouring moments: most of a "
               "change of the machine's speed falls out of it."}};
  const char* names[] = {"least", "quarter", "median", "three quarters",
                         "most"};
  const char* keys[] = {"least", "quarter", "median", "three_quarters", "most"};
  for (const std::string kind : {"ms", "ratio"})
    for (size_t q = 0; q < std::size(names); ++q)
      table.columns.push_back(
          {(kind == "ms" ? "" : "ratio, ") + std::string(names[q]),
           {kind + "_" + keys[q]}});
  for (const Times& times : all) {
    std::vector<TableCell> row = {
        TextCell(run.results.record.profiles[times.profile].name),
        CountCell(static_cast<int64_t>(times.ms.size()))};
    for (const double ms : QuantilesOf(times.ms))
      row.push_back(NumberCell(ms, 2));
    for (const double ratio : QuantilesOf(times.ratio))
      row.push_back(NumberCell(ratio, 3));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

void AddTiming(const ReportRun& run, Page& page) {
  const std::vector<size_t> batches = EqualBatches(run.results.record);
  page.Add(Heading{2, "Measured time", "timing" + run.suffix});
  if (batches.size() < kMinTimedBatches) {
    page.Add(Paragraph{
        "Not available: " + Count(static_cast<int64_t>(batches.size())) +
        " batches of the same size were timed, fewer than " +
        Count(kMinTimedBatches) + ". More text gives more."});
    return;
  }
  const RunRecord& record = run.results.record;
  const auto [profiles, left_out] = ShownOf(record, Candidates(record));
  const std::vector<Times> shown = TimesOf(record, profiles, batches);
  page.Add(TimingFigure(
      run, shown, left_out,
      {"timing", "Time per 1,000 tokens", "milliseconds, not from 0",
       "Milliseconds per 1,000 tokens", &Times::ms}));
  page.Add(TimingFigure(run, shown, left_out,
                        {"timing-ratio", "Time against uniform",
                         "time / uniform's time, not from 0",
                         "Time of a batch as a ratio to uniform's in the same "
                         "batch",
                         &Times::ratio}));
  page.Add(TimingTable(run, TimesOf(record, Candidates(record), batches)));
}

}  // namespace plastometer
