// Figure 5: loss against each of four costs, and which profiles no other beats.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/page/gnuplot.h"
#include "harness/report/page/point_labels.h"
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

bool IsTime(const CostAxis& axis) {
  return std::string(axis.cost.id) == "ms_per_1k_tokens";
}

// One profile in the figure.
struct Point {
  size_t idx;  // of the case, and of its colour
  const CaseResult* row;
  Measured cost;
  std::string mark;
};

std::vector<Point> PointsOf(const ReportRun& run, const CostAxis& axis,
                            const std::vector<size_t>& profiles) {
  std::vector<Point> points;
  for (const size_t p : profiles) {
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
  const CaseResult& uniform = run.results.all.cases[record.uniform_idx];
  // Measured elsewhere there is no batch in common: against uniform's median.
  const double unit =
      IsTime(axis) ? uniform.ms_per_1k_tokens.value.value_or(stats::kUnknown)
                   : 1;
  std::vector<ForeignPoint> points;
  for (size_t k = 0; k < run.foreign.size(); ++k) {
    const ForeignLosses& f = run.foreign[k];
    const auto cost = f.costs.find(axis.cost.id);
    if (cost == f.costs.end() || !std::isfinite(cost->second / unit)) continue;
    points.push_back({record.profiles.size() + k, f.profile,
                      cost->second / unit, f.MeanLoss() - uniform.nll_nats});
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

// The staircase through the front, cheapest first, each step lower: cost, nats.
using Steps = std::vector<std::pair<double, double>>;
Steps FrontSteps(const std::vector<Point>& points) {
  Steps steps;
  for (const Point& p : points)
    if (p.mark == "front" && p.cost.value && p.row->lost.value)
      steps.emplace_back(*p.cost.value, *p.row->lost.value);
  std::ranges::sort(steps);
  double best = std::numeric_limits<double>::infinity();
  std::erase_if(steps, [&](const auto& step) {
    if (step.second >= best) return true;
    best = step.second;
    return false;
  });
  return steps;
}

std::string FrontCsv(const Steps& steps) {
  std::string csv = "cost,nats_lost\n";
  for (const auto& [cost, lost] : steps)
    csv += CsvNumber(cost) + "," + CsvNumber(lost) + "\n";
  return csv;
}

struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void Hold(std::optional<double> x) {
    if (!x || !std::isfinite(*x)) return;
    low = std::min(low, *x);
    high = std::max(high, *x);
  }
  bool known() const { return high >= low; }
  double At(double x) const { return (x - low) / (high - low); }
};

// What the axes show: costs from 0 on where that leaves the points room, and
// nats above uniform, which are perplexities on a logarithmic axis.
struct Frame {
  Extent cost, nats;
  bool from_zero = true;
  bool known() const { return cost.known() && nats.known(); }
};

Frame FrameOf(const std::vector<Point>& points,
              const std::vector<ForeignPoint>& foreign) {
  Frame frame;
  for (const ForeignPoint& p : foreign) {
    frame.cost.Hold(p.cost);
    frame.nats.Hold(p.lost);
  }
  for (const Point& p : points) {
    if (!p.cost.value || !p.row->lost.value) continue;
    for (const auto& x : {p.cost.value, p.cost.low, p.cost.high})
      frame.cost.Hold(x);
    for (const auto& x : {p.row->lost.value, p.row->lost.low, p.row->lost.high})
      frame.nats.Hold(x);
  }
  if (!frame.known()) return frame;
  Extent &cost = frame.cost, &nats = frame.nats;
  frame.from_zero = cost.low < 0.5 * cost.high || cost.high <= 0;
  if (frame.from_zero) cost.low = 0;
  const double margin = cost.high > cost.low ? 0.12 * (cost.high - cost.low)
                                             : std::max(0.1 * cost.high, 1e-9);
  if (!frame.from_zero) cost.low = std::max(0.0, cost.low - margin);
  cost.high += margin;
  const double pad = std::max(0.08 * (nats.high - nats.low), 1e-4);
  nats.low -= pad;
  nats.high += pad;
  return frame;
}

std::string RangeText(double low, double high) {
  return "[" + CsvNumber(low) + ":" + CsvNumber(high) + "]\n";
}

// Perplexity on the left, the same as nats above uniform on the right.
std::string AxesText(const Frame& frame, const std::string& cost_label,
                     double uniform) {
  const double low = uniform * std::exp(frame.nats.low),
               high = uniform * std::exp(frame.nats.high),
               step = NiceStep((frame.nats.high - frame.nats.low) / 5);
  std::vector<std::string> tics;
  // The margin below 0 has no number: nobody lost less than nothing there.
  const double from =
      frame.nats.low + 0.06 * (frame.nats.high - frame.nats.low);
  for (double k = std::ceil(from / step - 1e-9); k * step <= frame.nats.high;
       ++k)
    tics.push_back(CsvNumber(std::stod(Fixed(k * step, 6))));
  return "set xlabel " +
         Quoted(cost_label + (frame.from_zero ? "" : ", not from 0")) +
         "\nset ylabel 'perplexity, log scale, not from 0'\nset "
         "y2label 'nats per token above uniform' offset -0.7,0\nset logscale "
         "y\nset xrange " +
         RangeText(frame.cost.low, frame.cost.high) + "set xtics " +
         CsvNumber(NiceStep((frame.cost.high - frame.cost.low) / 7)) +
         "\nset yrange " + RangeText(low, high) + "set y2range " +
         RangeText(frame.nats.low, frame.nats.high) + "set ytics " +
         LogTics(low, high) + "\nset y2tics out (" + Join(tics) +
         ")\nset border 11\nunset key\nset lmargin at screen 0.17\nset rmargin "
         "at screen 0.81\nset bmargin at screen 0.19\nset tmargin at screen "
         "0.96\n";
}

// Names beside their points, in their colours.
std::string LabelsText(const Figure& figure, const Frame& frame,
                       const std::vector<Point>& points,
                       const std::vector<ForeignPoint>& foreign) {
  std::vector<LabelledPoint> labelled;
  std::vector<size_t> colors;
  const auto add = [&](double cost, double nats, const std::string& text,
                       size_t color) {
    labelled.push_back({frame.cost.At(cost), frame.nats.At(nats), text});
    colors.push_back(color);
  };
  for (const Point& p : points) {
    const Measured &cost = p.cost, &lost = p.row->lost;
    if (!cost.value || !lost.value) continue;
    add(*cost.value, *lost.value, p.row->profile, p.idx);
    LabelledPoint& point = labelled.back();
    if (cost.low) point.left = frame.cost.At(*cost.low);
    if (cost.high) point.right = frame.cost.At(*cost.high);
    if (lost.low) point.bottom = frame.nats.At(*lost.low);
    if (lost.high) point.top = frame.nats.At(*lost.high);
  }
  for (const ForeignPoint& p : foreign)
    add(p.cost, p.lost, p.profile + " (foreign)", p.color);
  const Steps steps = FrontSteps(points);
  for (size_t k = 0; k + 1 < steps.size(); ++k) {
    add(steps[k + 1].first, steps[k].second, "", 0);
    labelled.back().left = frame.cost.At(steps[k].first);
    labelled.back().bottom = frame.nats.At(steps[k + 1].second);
  }
  const std::vector<std::string> places =
      PlaceLabels(labelled, {0.64 * figure.width, 0.77 * figure.height});
  std::string text;
  for (size_t k = 0; k < places.size(); ++k)
    if (!labelled[k].text.empty())
      text += "set label " + Quoted(labelled[k].text) + " " + places[k] +
              " front tc rgb '" + SeriesColor(colors[k]) + "'\n";
  return text;
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

// `every`-th row of a file, as far as its x.
std::string RowOf(const std::string& file, size_t k) {
  const std::string at = std::to_string(k);
  return "'" + file + "' every ::" + at + "::" + at + " skip 1 using 2:";
}

std::string PlotOf(const Figure& figure, const std::vector<Point>& points,
                   const std::vector<ForeignPoint>& foreign, double uniform) {
  const std::string file = figure.id + ".csv", front = figure.id + "-front.csv";
  // Column of nats -> perplexity.
  const auto perplexity = [&](int column) {
    return "(" + CsvNumber(uniform) + "*exp($" + std::to_string(column) + "))";
  };
  std::vector<std::string> parts;
  if (std::ranges::count(figure.data.at(front), '\n') > 2)
    parts.push_back("'" + front + "' skip 1 using 1:" + perplexity(2) +
                    " with steps lw 1.5 lc rgb '#7a7a7a'");
  for (size_t k = 0; k < points.size(); ++k) {
    const std::string row = RowOf(file, k) + perplexity(5),
                      color = " lc rgb '" + SeriesColor(points[k].idx) + "'";
    parts.push_back(row + ":" + perplexity(6) + ":" + perplexity(7) +
                    " with yerrorbars pt -1" + color);
    parts.push_back(row + ":3:4 with xerrorbars pt -1" + color);
    parts.push_back(row + " with points " + PointStyle(points[k]));
  }
  // A star, with a dashed line to uniform's loss.
  for (size_t k = 0; k < foreign.size(); ++k) {
    const std::string row = RowOf(figure.id + "-foreign.csv", k),
                      color = " lc rgb '" + SeriesColor(foreign[k].color) + "'";
    parts.push_back(row + "(" + CsvNumber(uniform) + "):(0):(" + perplexity(3) +
                    "-" + CsvNumber(uniform) + ") with vectors nohead dt '-'" +
                    color);
    parts.push_back(row + perplexity(3) + " with points pt 3 ps 1.1" + color);
  }
  return PlotCommand(parts);
}

// Why no profile is known to be on the front: no paired intervals.
std::string WhyNoFront(const std::vector<Point>& points) {
  for (const Point& p : points)
    if (!p.row->lost.reason.empty()) return p.row->lost.reason;
  return "no paired interval";
}

// `missing`: why there is no cost; empty: there is. `no_front`: if there is no
// front, why.
std::string CaptionOf(const CostAxis& axis, const std::string& on_front,
                      const std::string& no_front, const std::string& missing,
                      bool has_foreign) {
  if (!missing.empty()) return "The cost is not available: " + missing + ".";
  const bool time = IsTime(axis);
  std::string caption =
      on_front.empty()
          ? "Which profiles are not dominated is not available: " + no_front +
                ". "
          : std::string(
                "Filled mark: no other profile is better, by a paired "
                "interval, ") +
                (time ? "in less time" : "at no higher cost") + " (" +
                on_front +
                "). Grey steps: the least loss at no more than a "
                "cost. ";
  caption +=
      "Vertical bars: 95 % intervals of the difference from uniform, by work; ";
  caption += time ? "cost: median of the ratio to uniform's time in the same "
                    "batches, horizontal bars its quartiles; where these of "
                    "two profiles overlap, neither beats the other."
                  : "this cost is exact.";
  if (has_foreign)
    caption +=
        " Marked (foreign): measured elsewhere, without interval; neither on "
        "the front nor able to take another off it.";
  if (has_foreign && time)
    caption += " Its time is divided by uniform's median here.";
  return caption;
}

// What is on the front is never left out.
std::vector<size_t> DrawnOn(const ReportRun& run, const CostAxis& axis,
                            std::vector<size_t> shown) {
  for (const size_t p : Candidates(run.results.record))
    if (run.results.all.cases[p].pareto.at(axis.cost.id) == true &&
        std::ranges::find(shown, p) == shown.end())
      shown.push_back(p);
  return shown;
}

std::string WhyNoCost(const std::vector<Point>& points) {
  for (const Point& p : points)
    if (p.cost.value) return "";
  return points.empty() ? "no profile" : points.front().cost.reason;
}

std::string FrontNames(const std::vector<Point>& points) {
  std::vector<std::string> names;
  for (const Point& p : points)
    if (p.mark == "front") names.push_back(p.row->profile);
  return Join(names);
}

Figure ParetoFigure(const ReportRun& run, const CostAxis& axis) {
  const auto [shown, left_out] =
      ShownOf(run.results.record, Candidates(run.results.record));
  const std::vector<Point> points =
      PointsOf(run, axis, DrawnOn(run, axis, shown));
  const std::vector<ForeignPoint> foreign = ForeignPointsOf(run, axis);
  const std::string on_front = FrontNames(points);
  Figure figure;
  figure.id = std::string("pareto-") + axis.cost.id + run.suffix;
  std::ranges::replace(figure.id, '_', '-');
  figure.title = std::string("Loss against ") + axis.title;
  figure.data[figure.id + ".csv"] = PointsCsv(points);
  figure.data[figure.id + "-front.csv"] = FrontCsv(FrontSteps(points));
  if (!foreign.empty())
    figure.data[figure.id + "-foreign.csv"] = ForeignCsv(foreign);
  figure.alt = std::string("Perplexity over ") + axis.label +
               ", one named point a profile. Not dominated: " +
               (on_front.empty() ? "not available" : on_front) + ".";
  figure.caption = CaptionOf(axis, on_front, WhyNoFront(points),
                             WhyNoCost(points), !foreign.empty()) +
                   left_out;
  const Frame frame = FrameOf(points, foreign);
  if (!frame.known()) {
    figure.plot = EmptyPlot();
    return figure;
  }
  const RunRecord& record = run.results.record;
  const double uniform = run.results.all.cases[record.uniform_idx].perplexity;
  figure.plot = AxesText(frame, axis.label, uniform) +
                LabelsText(figure, frame, points, foreign) +
                PlotOf(figure, points, foreign, uniform);
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
