// Figure 5: loss against each of four costs, and which profiles no other beats.
#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/report/format.h"
#include "harness/report/gnuplot.h"
#include "harness/report/sections.h"

namespace plastometer {
namespace {

struct CostAxis {
  const char* key;    // of CaseResult::pareto
  const char* label;  // of the axis
  const char* title;
};
constexpr CostAxis kAxes[] = {
    {"flops", "MFLOPs per token", "FLOPs"},
    {"inner_updates", "inner updates per token", "inner updates"},
    {"ms_per_1k_tokens", "ms per 1,000 tokens", "measured time"},
    {"adaptive_state_bytes", "adaptive state, KiB per sequence", "state"}};

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

// "front", "dominated" or "unknown": its mark in the figure.
std::string MarkOf(const CaseResult& c, const std::string& key) {
  const auto mark = c.pareto.find(key);
  if (mark == c.pareto.end() || !mark->second) return "unknown";
  return *mark->second ? "front" : "dominated";
}

std::string PointsCsv(const SliceResult& all, const CostAxis& axis) {
  const auto number = [](std::optional<double> x) {
    return CsvNumber(x.value_or(stats::kUnknown));
  };
  std::string csv =
      "profile,cost,cost_low,cost_high,nats_lost,nats_lost_low,nats_lost_high,"
      "perplexity,mark\n";
  for (const CaseResult& c : all.cases) {
    const Measured cost = CostOf(c, axis.key);
    csv += Csv(c.profile);
    for (const auto& x : {cost.value, cost.low, cost.high, c.lost.value,
                          c.lost.low, c.lost.high})
      csv += "," + number(x);
    csv += "," + CsvNumber(c.perplexity) + "," + MarkOf(c, axis.key) + "\n";
  }
  return csv;
}

// The staircase through the front, cheapest first, each step lower.
std::string FrontCsv(const SliceResult& all, const CostAxis& axis) {
  std::vector<std::pair<double, double>> points;
  for (const CaseResult& c : all.cases) {
    const Measured cost = CostOf(c, axis.key);
    if (MarkOf(c, axis.key) == "front" && cost.value && c.lost.value)
      points.emplace_back(*cost.value, *c.lost.value);
  }
  std::ranges::sort(points);
  std::string csv = "cost,nats_lost\n";
  double best = std::numeric_limits<double>::infinity();
  for (const auto& [cost, lost] : points) {
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

// 1, 2 or 5 times a power of ten, not below `x`.
double NiceStep(double x) {
  const double power = std::pow(10, std::floor(std::log10(x)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= x) return factor * power;
  return 10 * power;
}

// The axis of the loss, and beside it the same as perplexity: uniform's times
// exp(nats lost).
std::string LossAxes(const SliceResult& all, double uniform) {
  Range range;
  for (const CaseResult& c : all.cases)
    for (const auto& x : {c.lost.value, c.lost.low, c.lost.high}) range.Hold(x);
  if (!(range.high > range.low)) return "";
  const double pad = 0.08 * (range.high - range.low);
  const double low = range.low - pad, high = range.high + pad;
  const std::string ends = "[" + CsvNumber(low) + ":" + CsvNumber(high) + "]";
  const double top = uniform * std::exp(high);
  const double step = NiceStep((top - uniform * std::exp(low)) / 4);
  std::string tics;
  for (double x = step; x < top; x += step) {
    const double y = std::log(x / uniform);
    if (y >= low)
      tics += (tics.empty() ? "" : ", ") + Quoted(CsvNumber(x)) + " " +
              CsvNumber(y);
  }
  return "set yrange " + ends + "\nset y2range " + ends + "\nset y2tics out (" +
         tics + ")\nset y2label 'perplexity'\nset border 11\n";
}

// Filled: on the front; open: dominated; a cross: unknown. The shape is the
// profile's.
std::string PointStyle(const CaseResult& c, const std::string& key,
                       size_t idx) {
  const std::string mark = MarkOf(c, key);
  const size_t shape = 4 + 2 * (idx % 6);
  const size_t point = mark == "unknown" ? 2
                       : mark == "front" ? shape + 1
                                         : shape;
  return "pt " + std::to_string(point) + " ps 1.1 lw 1.5 lc rgb '" +
         SeriesColor(idx) + "'";
}

Figure ParetoFigure(const ReportRun& run, const CostAxis& axis) {
  const SliceResult& all = run.results.all;
  const double uniform = all.cases[run.results.record.uniform_idx].perplexity;
  Figure figure;
  figure.id = std::string("pareto-") + axis.key + run.suffix;
  std::ranges::replace(figure.id, '_', '-');
  figure.title = std::string("Loss against ") + axis.title;
  const std::string points = figure.id + ".csv",
                    front = figure.id + "-front.csv";
  figure.data[points] = PointsCsv(all, axis);
  figure.data[front] = FrontCsv(all, axis);
  std::string on_front;
  for (const CaseResult& c : all.cases)
    if (MarkOf(c, axis.key) == "front")
      on_front += (on_front.empty() ? "" : ", ") + c.profile;
  figure.alt =
      std::string("Nats lost against uniform over ") + axis.label +
      ". Not dominated: " + (on_front.empty() ? "not available" : on_front) +
      ".";
  figure.caption =
      (on_front.empty()
           ? "Which profiles are not dominated is not available: too few "
             "works for paired intervals. "
           : "Filled mark: no other profile is better, by a paired interval, "
             "at no "
             "higher cost (" +
                 on_front + "). ") +
      std::string("Bars: 95 % intervals of the difference from uniform") +
      (std::string(axis.key) == "ms_per_1k_tokens" ? "; quartiles of time over "
                                                     "batches."
                                                   : "; this cost is exact.");
  figure.plot = "set xlabel '" + std::string(axis.label) +
                "'\nset ylabel 'nats lost against uniform'\nset offsets graph "
                "0.08, graph 0.08, 0, 0\nset key above samplen 2\n" +
                LossAxes(all, uniform);
  std::vector<std::string> parts;
  if (std::ranges::count(figure.data[front], '\n') > 2)
    parts.push_back("'" + front +
                    "' skip 1 using 1:2 with fsteps lw 1.5 lc rgb '#7a7a7a' "
                    "title 'front'");
  for (size_t p = 0; p < all.cases.size(); ++p) {
    const std::string row = "'" + points + "' every ::" + std::to_string(p) +
                            "::" + std::to_string(p) + " skip 1 using ";
    const std::string color = " lc rgb '" + SeriesColor(p) + "' notitle";
    parts.push_back(row + "2:5:6:7 with yerrorbars pt -1" + color);
    parts.push_back(row + "2:5:3:4 with xerrorbars pt -1" + color);
    parts.push_back(row + "2:5 with points " +
                    PointStyle(all.cases[p], axis.key, p) + " title " +
                    Quoted(all.cases[p].profile));
  }
  figure.plot += PlotCommand(parts);
  return figure;
}

}  // namespace

void AddPareto(const ReportRun& run, Page& page) {
  page.Add(Heading{2, "Loss against cost (Pareto)", "pareto" + run.suffix});
  for (const CostAxis& axis : kAxes) page.Add(ParetoFigure(run, axis));
}

}  // namespace plastometer
