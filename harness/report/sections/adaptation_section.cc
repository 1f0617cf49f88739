// Figure 4: how loss falls while a window is read.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <sstream>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/page/gnuplot.h"
#include "harness/report/sections/sections.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

using stats::Interval;

constexpr char kPositionAxis[] = "tokens read (log scale)";

// 1 to last, `per_octave` a doubling, each once.
std::vector<int64_t> LogGrid(int64_t first, int64_t last, int per_octave) {
  std::set<int64_t> grid;
  for (int k = 0;; ++k) {
    const auto t = static_cast<int64_t>(
        std::lround(static_cast<double>(first) *
                    std::exp2(static_cast<double>(k) / per_octave)));
    if (t >= last) break;
    grid.insert(t);
  }
  grid.insert(last);
  return {grid.begin(), grid.end()};
}

// P(t) = exp(mean of the losses of tokens 1..t): t -> one a profile.
std::string CumulativeCsv(const RunRecord& record,
                          const std::vector<size_t>& windows) {
  const int64_t last = record.windows[windows.front()].num_tokens - 1;
  std::string csv = "tokens";
  for (const ProfileRecord& p : record.profiles) csv += "," + CsvCell(p.name);
  csv += "\n";
  std::vector<double> sums(record.profiles.size(), 0);
  double tokens = 0;
  int64_t done = 0;
  for (const int64_t t : LogGrid(std::min<int64_t>(4, last), last, 8)) {
    const WorkSums works = SumByWork(record, windows, done + 1, t + 1);
    done = t;
    tokens += std::accumulate(works.tokens.begin(), works.tokens.end(), 0.0);
    for (size_t p = 0; p < sums.size(); ++p)
      sums[p] =
          std::accumulate(works.nll[p].begin(), works.nll[p].end(), sums[p]);
    if (tokens == 0) continue;  // nothing scored yet
    csv += std::to_string(t);
    for (const double sum : sums)
      csv += "," + CsvNumber(std::exp(sum / tokens));
    csv += "\n";
  }
  return csv;
}

std::vector<std::string> Names(const ReportRun& run,
                               const std::vector<size_t>& shown) {
  std::vector<std::string> names;
  for (const size_t p : shown)
    names.push_back(run.results.record.profiles[p].name);
  for (const ForeignLosses& f : run.foreign)
    names.push_back(f.profile + " (foreign)");
  return names;
}

// A line for each profile that was measured elsewhere: `file` holds x and then
// one column each.
void AddForeignLines(const ReportRun& run, const std::string& file, int first,
                     std::vector<std::string>& parts) {
  for (size_t k = 0; k < run.foreign.size(); ++k)
    parts.push_back("'" + file + "' skip 1 using 1:" +
                    std::to_string(first + static_cast<int>(k)) +
                    " with lines " +
                    ForeignLineStyle(run.results.record.profiles.size(), k) +
                    " title " + Quoted(run.foreign[k].profile + " (foreign)"));
}

std::string ForeignHeader(const ReportRun& run, std::string first) {
  for (const ForeignLosses& f : run.foreign) first += "," + CsvCell(f.profile);
  return first + "\n";
}

// P(t) of what was measured elsewhere, from its own positions.
std::string ForeignCumulativeCsv(const ReportRun& run) {
  int64_t last = 1;
  for (const ForeignLosses& f : run.foreign)
    last = std::max(last, f.by_position.rbegin()->first);
  std::string csv = ForeignHeader(run, "tokens");
  for (const int64_t t : LogGrid(std::min<int64_t>(4, last), last, 8)) {
    csv += std::to_string(t);
    for (const ForeignLosses& f : run.foreign)
      csv += "," + CsvNumber(t <= f.by_position.rbegin()->first
                                 ? std::exp(f.MeanLoss(1, t + 1))
                                 : stats::kUnknown);
    csv += "\n";
  }
  return csv;
}

constexpr char kForeignNote[] =
    " Marked (foreign): measured elsewhere, as its file says; no band, and "
    "part of no verdict.";

// A tic every two octaves; of a short range, as late text alone has, more.
std::string PositionTics(const std::string& csv, int64_t last) {
  const size_t row = csv.find('\n') + 1;
  const double first = row < csv.size() ? std::stod(csv.substr(row)) : 1,
               end = static_cast<double>(last);
  if (end >= 8 * first) return "set xtics 4\n";
  return "set xrange [" + CsvNumber(first) + ":" + CsvNumber(end) +
         "]\nset xtics " + LogTics(first, end) + "\n";
}

// "has P(4) = 86.31 and P(2,047) = 119.20", of a profile in CumulativeCsv.
std::string CourseOf(const std::string& csv, size_t profile) {
  std::istringstream lines(csv);
  std::string line, first, last;
  std::getline(lines, line);
  while (std::getline(lines, line)) (first.empty() ? first : last) = line;
  const auto text = [&](const std::string& row) {
    std::istringstream cells(row);
    std::string tokens, cell;
    std::getline(cells, tokens, ',');
    for (size_t p = 0; p <= profile; ++p) std::getline(cells, cell, ',');
    return cell.empty() ? "P(" + tokens + ") not available"
                        : "P(" + Count(std::stoll(tokens)) +
                              ") = " + Perplexity(std::stod(cell));
  };
  if (last.empty()) return "has too few positions to say";
  return "has " + text(first) + " and " + text(last);
}

Figure CumulativeFigure(const ReportRun& run,
                        const std::vector<size_t>& windows) {
  const RunRecord& record = run.results.record;
  Figure figure;
  figure.id = "adaptation-cumulative" + run.suffix;
  figure.title = "Cumulative adaptation P(t)";
  figure.data[figure.id + ".csv"] = CumulativeCsv(record, windows);
  figure.alt =
      "Perplexity over the tokens read so far, against the number of tokens "
      "read, one line a profile.";
  figure.caption =
      "Perplexity over the scored ones of tokens 1 to t, mean over " +
      Count(static_cast<int64_t>(windows.size())) +
      " windows that all reach the last position. Every line carries the "
      "course of the text itself: `frozen`, which does not adapt, " +
      CourseOf(figure.data[figure.id + ".csv"], record.frozen_idx) +
      ". Only the distance between lines compares profiles.";
  figure.plot = "set logscale x 2\nset xlabel " + Quoted(kPositionAxis) + "\n" +
                PositionTics(figure.data[figure.id + ".csv"],
                             record.windows[windows.front()].num_tokens) +
                "set ylabel 'P(t), perplexity so far, not from 0'\nset key "
                "above maxcols 2 samplen 2\n";
  std::vector<std::string> parts;
  const auto [shown, left_out] = ShownOf(record, Candidates(record));
  figure.caption += left_out;
  figure.height += LegendHeight(Names(run, shown));
  for (const size_t p : shown)
    parts.push_back("'" + figure.id + ".csv' skip 1 using 1:" +
                    std::to_string(p + 2) + " with lines " + LineStyle(p) +
                    " title " + Quoted(record.profiles[p].name));
  if (!run.foreign.empty()) {
    const std::string file = figure.id + "-foreign.csv";
    figure.data[file] = ForeignCumulativeCsv(run);
    AddForeignLines(run, file, 2, parts);
    figure.caption += kForeignNote;
  }
  figure.plot += PlotCommand(parts);
  return figure;
}

struct Bin {
  int64_t from = 0, to = 0;
  std::vector<Interval> pointwise, simultaneous;  // [profile]; frozen's empty
  WorkSums works;
};

double Middle(const Bin& bin) {
  return std::sqrt(static_cast<double>(bin.from) * static_cast<double>(bin.to));
}

std::vector<stats::WorkTotals> Against(const WorkSums& works, size_t a,
                                       size_t b) {
  return stats::Differences(Totals(works, a), Totals(works, b));
}

// Differences from frozen in each bin, by work.
std::vector<Bin> DifferenceBins(const RunRecord& record,
                                const std::vector<size_t>& windows) {
  const int64_t end = record.windows[windows.front()].num_tokens;
  const std::vector<int64_t> edges =
      LogGrid(std::min<int64_t>(8, end - 1), end, 1);
  const auto seed = static_cast<uint64_t>(record.seed);
  std::vector<Bin> bins;
  for (size_t k = 0; k < edges.size(); ++k) {
    Bin bin{k == 0 ? 1 : edges[k - 1], edges[k], {}, {}, {}};
    bin.works = SumByWork(record, windows, bin.from, bin.to);
    if (std::ranges::any_of(bin.works.tokens, [](double n) { return n > 0; }))
      bins.push_back(std::move(bin));
  }
  for (size_t p = 0; p < record.profiles.size(); ++p) {
    std::vector<std::vector<stats::WorkTotals>> points;
    for (const Bin& bin : bins)
      points.push_back(Against(bin.works, p, record.frozen_idx));
    const bool enough =
        static_cast<int64_t>(points.front().size()) >= kMinWorks;
    const std::vector<Interval> band =
        enough ? stats::SimultaneousBand(points, seed)
               : std::vector<Interval>(points.size());
    for (size_t k = 0; k < bins.size(); ++k) {
      Interval one = stats::WeightedMean(points[k], seed, enough ? 2000 : 0);
      if (!enough) one.low = one.high = stats::kUnknown;
      bins[k].pointwise.push_back(one);
      bins[k].simultaneous.push_back(band[k]);
    }
  }
  return bins;
}

// Mean loss measured elsewhere minus frozen's here, in the same ranges.
std::string ForeignDifferenceCsv(const ReportRun& run,
                                 const std::vector<Bin>& bins) {
  const size_t frozen = run.results.record.frozen_idx;
  std::string csv = ForeignHeader(run, "middle,from_token,to_token");
  for (const Bin& bin : bins) {
    const double mean =
        std::accumulate(bin.works.nll[frozen].begin(),
                        bin.works.nll[frozen].end(), 0.0) /
        std::accumulate(bin.works.tokens.begin(), bin.works.tokens.end(), 0.0);
    csv += CsvNumber(Middle(bin)) + "," + std::to_string(bin.from) + "," +
           std::to_string(bin.to);
    for (const ForeignLosses& f : run.foreign)
      csv += "," + CsvNumber(f.MeanLoss(bin.from, bin.to) - mean);
    csv += "\n";
  }
  return csv;
}

// Where text of one range alone is scored, there is no course to speak of.
std::string FallOf(const std::vector<Bin>& bins, size_t uniform) {
  const auto at = [&](const Bin& bin) {
    return WithInterval(bin.pointwise[uniform], 3);
  };
  if (bins.size() == 1)
    return "Tokens are scored in one range alone, " + Count(bins[0].from) +
           " to " + Count(bins[0].to - 1) + ": `uniform` has " + at(bins[0]) +
           " there.";
  return "An offset that is there from the first tokens on is no adaptation "
         "to the document, a further fall to the right is: `uniform` has " +
         at(bins.front()) + " in the first range and " + at(bins.back()) +
         " in the last one.";
}

Figure DifferenceFigure(const ReportRun& run, const std::vector<Bin>& bins,
                        size_t num_windows) {
  const RunRecord& record = run.results.record;
  Figure figure;
  figure.id = "adaptation-gain" + run.suffix;
  figure.title = "Loss against frozen, by position";
  std::string csv = "from_token,to_token,middle";
  for (const ProfileRecord& p : record.profiles)
    for (const char* what : {"", "_pointwise_low", "_pointwise_high",
                             "_simultaneous_low", "_simultaneous_high"})
      csv += "," + CsvCell(p.name + what);
  csv += "\n";
  for (const Bin& bin : bins) {
    csv += std::to_string(bin.from) + "," + std::to_string(bin.to) + "," +
           CsvNumber(Middle(bin));
    for (size_t p = 0; p < record.profiles.size(); ++p) {
      const Interval &one = bin.pointwise[p], &all = bin.simultaneous[p];
      for (const double x :
           {one.estimate, one.low, one.high, all.low, all.high})
        csv += "," + CsvNumber(x);
    }
    csv += "\n";
  }
  figure.data[figure.id + ".csv"] = csv;
  figure.alt =
      "Loss in nats per token minus that of the frozen model, against the "
      "position in the window, one line a profile with its band. Below 0: the "
      "profile predicts better than frozen.";
  figure.caption =
      "Mean loss within a range of positions minus frozen's, paired by work, " +
      Count(static_cast<int64_t>(num_windows)) + " windows from " +
      Count(static_cast<int64_t>(bins.front().works.num_works())) +
      " works. Shaded: pointwise 95 % bands; thin lines: simultaneous 95 % "
      "bands, which hold the whole curve. " +
      FallOf(bins, record.uniform_idx);
  figure.plot = "set logscale x 2\nset xlabel '" + std::string(kPositionAxis) +
                "'\nset ylabel 'nats per token against frozen'\nset key "
                "above maxcols 2\nset xzeroaxis lc rgb '#7a7a7a'\n";
  std::vector<std::string> bands, lines;
  const auto [shown, left_out] = ShownOf(record, Candidates(record));
  figure.caption += left_out;
  figure.height += LegendHeight(Names(run, shown));
  for (const size_t p : shown) {
    if (p == record.frozen_idx) continue;
    const std::string file = "'" + figure.id + ".csv' skip 1 using 3:";
    const auto column = [&](int offset) {
      return std::to_string(4 + 5 * static_cast<int>(p) + offset);
    };
    const std::string color = " lc rgb '" + SeriesColor(p) + "'";
    bands.push_back(file + column(1) + ":" + column(2) +
                    " with filledcurves fs transparent solid 0.18 noborder" +
                    color + " notitle");
    for (const int side : {3, 4})
      bands.push_back(file + column(side) + " with lines lw 0.5" + color +
                      " notitle");
    lines.push_back(file + column(0) + " with linespoints pt 7 ps 0.4 " +
                    LineStyle(p) + " title " + Quoted(record.profiles[p].name));
  }
  bands.insert(bands.end(), lines.begin(), lines.end());
  if (!run.foreign.empty()) {
    const std::string file = figure.id + "-foreign.csv";
    figure.data[file] = ForeignDifferenceCsv(run, bins);
    AddForeignLines(run, file, 4, bands);
    figure.caption += kForeignNote;
  }
  figure.plot += PlotCommand(bands);
  return figure;
}

Table PositionTable(const ReportRun& run, const std::vector<Bin>& bins) {
  const RunRecord& record = run.results.record;
  Table table{"position" + run.suffix,
              "Loss by position in the window; retention within each range",
              {{"tokens", {"from_token", "to_token"}, true},
               {"frozen - uniform, nats", WithBounds("gap")}},
              {},
              {}};
  std::vector<size_t> all(record.profiles.size());
  std::iota(all.begin(), all.end(), size_t{0});
  auto [shown, left_out] = ShownOf(record, all);
  if (!left_out.empty()) table.notes.push_back(left_out.substr(1));
  std::erase_if(shown, [&](size_t p) {
    return p == record.uniform_idx || p == record.frozen_idx;
  });
  for (const size_t p : shown)
    table.columns.push_back(
        {record.profiles[p].name + ", retention %",
         WithBounds("retention." + record.profiles[p].name)});
  for (const Bin& bin : bins) {
    const Interval& u = bin.pointwise[record.uniform_idx];
    std::vector<TableCell> row = {
        {Count(bin.from) + " to " + Count(bin.to - 1),
         {std::to_string(bin.from), std::to_string(bin.to)}},
        IntervalCell(ToMeasured({-u.estimate, -u.high, -u.low}), 3)};
    for (const size_t p : shown)
      row.push_back(IntervalCell(
          Retention(bin.works, p, record.uniform_idx, record.frozen_idx,
                    static_cast<uint64_t>(record.seed)),
          1, 100));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

void AddAdaptation(const ReportRun& run, Page& page) {
  const RunRecord& record = run.results.record;
  page.Add(Heading{2, "Adaptation while reading (figure 4)",
                   "adaptation" + run.suffix});
  const std::vector<size_t> windows = LongestWindows(record);
  page.Add(CumulativeFigure(run, windows));
  const std::vector<Bin> bins = DifferenceBins(record, windows);
  page.Add(DifferenceFigure(run, bins, windows.size()));
  page.Add(PositionTable(run, bins));
}

}  // namespace plastometer
