// Figure 5: loss against each of four costs, and which profiles no other beats.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/page/gnuplot.h"
#include "harness/report/sections/sections.h"
#include "harness/results/works.h"
#include "harness/stats/pareto.h"

namespace plastometer {
namespace {

// "front", "dominated" or "unknown": its mark in the figure.
std::string MarkText(std::optional<bool> mark) {
  if (!mark) return "unknown";
  return *mark ? "front" : "dominated";
}

// One profile in the figure.
struct Point {
  size_t idx;  // of the case, and of its colour
  const CaseResult* row;
  Measured cost;
  std::string mark;
};

std::vector<Point> PointsOf(const ReportRun& run, const CostAxis& axis) {
  std::vector<Point> points;
  for (const size_t p : Candidates(run.results.record)) {
    const CaseResult& row = run.results.all.cases[p];
    points.push_back(
        {p, &row, CostOn(axis, row), MarkText(row.pareto.at(axis.cost.id))});
  }
  return points;
}

// A profile measured elsewhere: beside the front, never part of it.
struct ForeignPoint {
  size_t color;
  std::string profile;
  double cost = 0, lost = 0;  // its mean loss minus uniform's here
};

std::vector<ForeignPoint> ForeignPointsOf(const ReportRun& run,
                                          const CostAxis& axis) {
  const RunRecord& record = run.results.record;
  const double uniform = run.results.all.cases[record.uniform_idx].nll_nats;
  std::vector<ForeignPoint> points;
  for (size_t k = 0; k < run.foreign.size(); ++k) {
    const ForeignLosses& f = run.foreign[k];
    const auto cost = f.costs.find(axis.cost.id);
    if (cost == f.costs.end()) continue;
    points.push_back({record.profiles.size() + k, f.profile, cost->second,
                      f.MeanLoss() - uniform});
  }
  return points;
}

std::string ForeignCsv(const std::vector<ForeignPoint>& points) {
  std::string csv = "profile,cost,nats_lost\n";
  for (const ForeignPoint& p : points)
    csv += CsvCell(p.profile) + "," + CsvNumber(p.cost) + "," +
           CsvNumber(p.lost) + "\n";
  return csv;
}

std::string PointsCsv(const std::vector<Point>& points) {
  std::string csv =
      "profile,cost,cost_low,cost_high,nats_lost,nats_lost_low,nats_lost_high,"
      "perplexity,mark\n";
  for (const Point& p : points) {
    const Measured& lost = p.row->lost;
    csv += CsvCell(p.row->profile);
    for (const auto& x : {p.cost.value, p.cost.low, p.cost.high, lost.value,
                          lost.low, lost.high})
      csv += "," + CsvNumber(x.value_or(stats::kUnknown));
    csv += "," + CsvNumber(p.row->perplexity) + "," + p.mark + "\n";
  }
  return csv;
}

// The staircase through the front, cheapest first, each step lower.
std::string FrontCsv(const std::vector<Point>& points) {
  std::vector<std::pair<double, double>> steps;
  for (const Point& p : points)
    if (p.mark == "front" && p.cost.value && p.row->lost.value)
      steps.emplace_back(*p.cost.value, *p.row->lost.value);
  std::ranges::sort(steps);
  std::string csv = "cost,nats_lost\n";
  double best = std::numeric_limits<double>::infinity();
  for (const auto& [cost, lost] : steps) {
    if (lost >= best) continue;
    best = lost;
    csv += CsvNumber(cost) + "," + CsvNumber(lost) + "\n";
  }
  return csv;
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void Hold(std::optional<double> x) {
    if (!x) return;
    low = std::min(low, *x);
    high = std::max(high, *x);
  }
};

// The axis of the loss, and beside it the same as perplexity: uniform's times
// exp(nats lost).
std::string LossAxes(const std::vector<Point>& points,
                     const std::vector<ForeignPoint>& foreign, double uniform) {
  Range range;
  for (const ForeignPoint& p : foreign) range.Hold(p.lost);
  for (const Point& p : points)
    for (const auto& x : {p.row->lost.value, p.row->lost.low, p.row->lost.high})
      range.Hold(x);
  if (!(range.high > range.low)) return "";
  const double pad = 0.08 * (range.high - range.low);
  const double low = range.low - pad, high = range.high + pad;
  const std::string ends = "[" + CsvNumber(low) + ":" + CsvNumber(high) + "]";
  const double top = uniform * std::exp(high);
  const double step = NiceStep((top - uniform * std::exp(low)) / 4);
  std::vector<std::string> tics;
  for (double x = step; x < top; x += step) {
    const double y = std::log(x / uniform);
    if (y >= low) tics.push_back(Quoted(CsvNumber(x)) + " " + CsvNumber(y));
  }
  return "set yrange " + ends + "\nset y2range " + ends + "\nset y2tics out (" +
         Join(tics) + ")\nset y2label 'perplexity'\nset border 11\n";
}

// Filled: on the front; open: dominated; a cross: unknown. The shape is the
// profile's.
std::string PointStyle(const Point& p) {
  const size_t shape = 4 + 2 * (p.idx % 6);
  const size_t point = p.mark == "unknown" ? 2
                       : p.mark == "front" ? shape + 1
                                           : shape;
  return "pt " + std::to_string(point) + " ps 1.1 lw 1.5 lc rgb '" +
         SeriesColor(p.idx) + "'";
}

// A star, with a dashed line to uniform's loss.
void AddForeignParts(const Figure& figure, const ForeignPoint& p, size_t k,
                     std::vector<std::string>& parts) {
  const std::string at = std::to_string(k),
                    row = "'" + figure.id + "-foreign.csv' every ::" + at +
                          "::" + at + " skip 1 using 2:3 with ",
                    color = " lc rgb '" + SeriesColor(p.color) + "'";
  parts.push_back(row + "impulses dt '-'" + color + " notitle");
  parts.push_back(row + "points pt 3 ps 1.1" + color + " title " +
                  Quoted(p.profile + " (foreign)"));
}

std::string PlotOf(const Figure& figure, const std::vector<Point>& points,
                   const std::vector<ForeignPoint>& foreign) {
  const std::string file = figure.id + ".csv", front = figure.id + "-front.csv";
  std::vector<std::string> parts;
  if (std::ranges::count(figure.data.at(front), '\n') > 2)
    parts.push_back("'" + front +
                    "' skip 1 using 1:2 with steps lw 1.5 lc rgb '#7a7a7a' "
                    "title 'front'");
  for (size_t k = 0; k < points.size(); ++k) {
    const std::string at = std::to_string(k),
                      row = "'" + file + "' every ::" + at + "::" + at +
                            " skip 1 using ",
                      color = " lc rgb '" + SeriesColor(points[k].idx) +
                              "' notitle";
    parts.push_back(row + "2:5:6:7 with yerrorbars pt -1" + color);
    parts.push_back(row + "2:5:3:4 with xerrorbars pt -1" + color);
    parts.push_back(row + "2:5 with points " + PointStyle(points[k]) +
                    " title " + Quoted(points[k].row->profile));
  }
  for (size_t k = 0; k < foreign.size(); ++k)
    AddForeignParts(figure, foreign[k], k, parts);
  return PlotCommand(parts);
}

Figure ParetoFigure(const ReportRun& run, const CostAxis& axis) {
  const std::vector<Point> points = PointsOf(run, axis);
  const std::vector<ForeignPoint> foreign = ForeignPointsOf(run, axis);
  Figure figure;
  figure.id = std::string("pareto-") + axis.cost.id + run.suffix;
  std::ranges::replace(figure.id, '_', '-');
  figure.title = std::string("Loss against ") + axis.title;
  std::vector<std::string> names;
  for (const Point& p : points) names.push_back(p.row->profile);
  for (const ForeignPoint& p : foreign)
    names.push_back(p.profile + " (foreign)");
  figure.height += LegendHeight(names);
  figure.data[figure.id + ".csv"] = PointsCsv(points);
  figure.data[figure.id + "-front.csv"] = FrontCsv(points);
  names.clear();
  for (const Point& p : points)
    if (p.mark == "front") names.push_back(p.row->profile);
  const std::string on_front = Join(names);
  figure.alt =
      std::string("Nats lost against uniform over ") + axis.label +
      ". Not dominated: " + (on_front.empty() ? "not available" : on_front) +
      ".";
  figure.caption =
      (on_front.empty()
           ? "Which profiles are not dominated is not available: too few "
             "works for paired intervals. "
           : "Filled mark: no other profile is better, by a paired interval, "
             "at no higher cost (" +
                 on_front + "). ") +
      std::string("Bars: 95 % intervals of the difference from uniform") +
      (std::string(axis.cost.id) == "ms_per_1k_tokens"
           ? "; quartiles of time over batches."
           : "; this cost is exact.");
  if (!foreign.empty()) {
    figure.data[figure.id + "-foreign.csv"] = ForeignCsv(foreign);
    figure.caption +=
        " Marked (foreign): measured elsewhere, without interval; neither on "
        "the front nor able to take another off it.";
  }
  const RunRecord& record = run.results.record;
  figure.plot = "set xlabel '" + std::string(axis.label) +
                "'\nset ylabel 'nats lost against uniform'\nset offsets graph "
                "0.08, graph 0.08, 0, 0\nset key above samplen 2\n" +
                LossAxes(points, foreign,
                         run.results.all.cases[record.uniform_idx].perplexity) +
                PlotOf(figure, points, foreign);
  return figure;
}

// Nats lost against uniform, work by work. The reference is uniform's cost and
// frozen's loss as they were measured: an area of 0 means that nothing between
// the two is worth having.
stats::Interval HypervolumeOf(const ReportRun& run, const CostAxis& axis,
                              double reference_loss, double reference_cost) {
  const RunRecord& record = run.results.record;
  const WorkSums works = SumByWork(record, AllWindows(record));
  std::vector<stats::ParetoPoint> points;
  for (const size_t p : Candidates(run.results.record))
    points.push_back({stats::Differences(Totals(works, p),
                                         Totals(works, record.uniform_idx)),
                      CostOn(axis, run.results.all.cases[p])
                          .value.value_or(stats::kUnknown)});
  const bool enough = static_cast<int64_t>(works.num_works()) >= kMinWorks;
  return stats::Hypervolume(points, reference_loss, reference_cost,
                            static_cast<uint64_t>(record.seed),
                            enough ? stats::kNumResamples : 0);
}

Table HypervolumeTable(const ReportRun& run) {
  const RunRecord& record = run.results.record;
  const auto& cases = run.results.all.cases;
  Table table{"hypervolume" + run.suffix,
              "Area between the front of the mean losses and the reference "
              "(uniform's cost, frozen's loss)",
              {{"cost", {"cost"}, true},
               {"reference cost", {"reference_cost"}},
               {"reference, nats lost", {"reference_nats"}},
               {"area, nats times cost", WithBounds("area")},
               {"share of the box, %", WithBounds("share")}},
              {},
              {"Box: from frozen's cost and uniform's loss to the reference, "
               "which stays as it was measured in every resample of works. "
               "Intervals are percentiles; a front is a best of several noisy "
               "values, which makes the area a little too large."}};
  const double loss =
      cases[record.frozen_idx].lost.value.value_or(stats::kUnknown);
  for (const CostAxis& axis : CostAxes()) {
    const auto cost = [&](size_t p) {
      return CostOn(axis, cases[p]).value.value_or(stats::kUnknown);
    };
    const double reference = cost(record.uniform_idx);
    const Measured area = ToMeasured(HypervolumeOf(run, axis, loss, reference));
    const double box = loss * (reference - cost(record.frozen_idx));
    Measured share;  // not available where frozen is no cheaper or no worse
    if (loss > 0 && box > 0)
      for (auto [to, from] : {std::pair{&share.value, &area.value},
                              {&share.low, &area.low},
                              {&share.high, &area.high}})
        if (*from) *to = **from / box;
    table.rows.push_back({TextCell(axis.label), NumberCell(reference, 3),
                          NumberCell(loss, 3), IntervalCell(area, 4),
                          IntervalCell(share, 1, 100)});
  }
  return table;
}

}  // namespace

void AddPareto(const ReportRun& run, Page& page) {
  page.Add(Heading{2, "Loss against cost (Pareto)", "pareto" + run.suffix});
  for (const CostAxis& axis : CostAxes()) page.Add(ParetoFigure(run, axis));
  page.Add(HypervolumeTable(run));
}

}  // namespace plastometer
