// Figure 2: does learning follow surprise?
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/page/gnuplot.h"
#include "harness/report/sections/learning_sections.h"
#include "harness/report/sections/sections.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

using Curves = std::array<std::vector<stats::Interval>, kNumMeasures>;

std::string CurvesCsv(const std::string& x_name, double first,
                      const Curves& curves) {
  std::string csv = x_name;
  for (const char* name : kMeasureNames)
    for (const char* bound : {"", "_low", "_high"})
      csv += "," + CsvCell(name + std::string(bound));
  csv += "\n";
  for (size_t i = 0; i < curves[0].size(); ++i) {
    csv += CsvNumber(first + static_cast<double>(i));
    for (const auto& curve : curves)
      for (const double x : {curve[i].estimate, curve[i].low, curve[i].high})
        csv += "," + CsvNumber(x);
    csv += "\n";
  }
  return csv;
}

struct Axes {
  std::string name, title, x, y, alt, caption;
  double first = 0;  // of x
};

Figure CurvesFigure(const ReportRun& run, const Axes& axes,
                    const Curves& curves) {
  Figure figure;
  figure.id = "surprise-" + axes.name + run.suffix;
  figure.title = axes.title;
  figure.alt = axes.alt;
  figure.caption = axes.caption;
  figure.data[figure.id + ".csv"] = CurvesCsv(axes.name, axes.first, curves);
  figure.plot = "set xlabel " + Quoted(axes.x) + "\nset ylabel " +
                Quoted(axes.y) +
                "\nset xzeroaxis lc rgb '#7a7a7a'\nset key above maxcols 2 "
                "samplen 2\nset "
                "autoscale xfix\nset offsets "
                "0.3, 0.3, 0, 0\n";
  if (std::ranges::none_of(curves, [](const auto& curve) {
        return std::ranges::any_of(curve, [](const stats::Interval& i) {
          return std::isfinite(i.estimate);
        });
      })) {
    figure.plot = EmptyPlot();
    return figure;
  }
  std::vector<std::string> parts;
  for (size_t m = 0; m < kNumMeasures; ++m) {
    const auto column = [&](size_t offset) {
      return std::to_string(2 + 3 * m + offset);
    };
    const std::string file = "'" + figure.id + ".csv' skip 1 using 1:";
    parts.push_back(file + column(1) + ":" + column(2) +
                    " with filledcurves fs transparent solid 0.2 noborder lc "
                    "rgb '" +
                    SeriesColor(m) + "' notitle");
    parts.push_back(file + column(0) + " with linespoints pt " +
                    std::to_string(5 + 2 * m) + " ps 0.5 " + LineStyle(m) +
                    " title " + Quoted(kMeasureNames[m]));
  }
  figure.plot += PlotCommand(parts);
  return figure;
}

// Lower end of a cell.
double NormAt(int cell) {
  return std::pow(10.0, static_cast<double>(cell) / kPairCellsPerDecade);
}

std::string DensityCsv(const SurpriseDensity& density) {
  std::string csv =
      "from_loss,to_loss,from_gradient_norm,to_gradient_norm,pairs\n";
  for (const auto& [cell, pairs] : density.cells)
    csv += CsvNumber(cell.first * kPairLossStep) + "," +
           CsvNumber((cell.first + 1) * kPairLossStep) + "," +
           CsvNumber(NormAt(cell.second)) + "," +
           CsvNumber(NormAt(cell.second + 1)) + "," + std::to_string(pairs) +
           "\n";
  return csv;
}

std::string DensityCaption(const SurpriseDensity& density) {
  std::string caption =
      "Loss of token t - 1 against the norm of the raw gradient at token t "
      "over all layers and heads that learn (lag 1): " +
      Count(density.pairs) +
      " pairs, counted in cells of 0.25 nats by 1/32 of a decade. Rank "
      "correlation within a window, averaged over windows of a work, then "
      "over works: " +
      WithInterval(density.rank, 3) + "; with position removed from both " +
      WithInterval(density.rank_without_position, 3) + ".";
  if (density.zero_gradients > 0)
    caption += " Left out: " + Count(density.zero_gradients) +
               " pairs whose gradient is exactly 0, which no log scale holds.";
  return caption;
}

// Every pair, the scatter as a density.
Figure DensityFigure(const ReportRun& run) {
  const SurpriseDensity& density = run.learning->density;
  Figure figure;
  figure.id = "surprise-density" + run.suffix;
  figure.title = "Loss of a token, gradient at the next";
  figure.alt =
      "Density of pairs of a token's loss and the gradient norm at the next "
      "token, number of pairs as colour. Rank correlation " +
      WithInterval(density.rank, 3) + ".";
  figure.caption = DensityCaption(density);
  figure.data[figure.id + ".csv"] = DensityCsv(density);
  figure.raster = density.cells.size() > 1000;
  if (density.cells.empty()) {
    figure.plot = EmptyPlot();
    return figure;
  }
  int64_t most = 0;
  int lowest = density.cells.begin()->first.second, highest = lowest;
  for (const auto& [cell, pairs] : density.cells) {
    most = std::max(most, pairs);
    lowest = std::min(lowest, cell.second);
    highest = std::max(highest, cell.second);
  }
  figure.plot =
      std::string(kPalette) +
      "set xlabel 'loss of token t - 1, nats'\nset ylabel 'gradient norm at "
      "token t, log scale'\nset cblabel 'pairs in a cell, log scale'\nset "
      "logscale y\nset logscale cb\nunset key\n" +
      kColorBar + "set autoscale fix\nset ytics " +
      LogTics(NormAt(lowest), NormAt(highest + 1)) +
      "\nset cbrange [1:" + std::to_string(std::max<int64_t>(most, 2)) +
      "]\nplot '" + figure.id +
      ".csv' skip 1 using (($1+$2)/2):(sqrt($3*$4)):1:2:3:4:5 with "
      "boxxyerror fs solid noborder fc palette\n";
  return figure;
}

Table SurpriseTable(const ReportRun& run) {
  Table table{"surprise" + run.suffix,
              "Rank correlation of a token's surprise with how strongly it is "
              "learned, mean over layers",
              {{"lag", {"lag"}}},
              {},
              {"Lag 0: the token's own surprise. Lag 1: learning at the next "
               "token."}};
  for (const char* name : kMeasureNames)
    table.columns.push_back({name, WithBounds(name)});
  for (const int64_t lag : {-8, -2, -1, 0, 1, 2, 8}) {
    std::vector<TableCell> row = {{std::to_string(lag), {std::to_string(lag)}}};
    for (const auto& curve : run.learning->by_lag)
      row.push_back(IntervalCell(ToMeasured(curve[lag + kMaxLag]), 3));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

void AddSurprise(const ReportRun& run, Page& page) {
  const Learning& learning = *run.learning;
  page.Add(
      Heading{2, "Surprise and learning (figure 2)", "surprise" + run.suffix});
  const std::string how =
      " Within each window; position in the window and in the mini-batch "
      "removed; averaged over windows of a work, then over works, with 95 % "
      "bands.";
  page.Add(DensityFigure(run));
  page.Add(CurvesFigure(
      run,
      {"lag", "Correlation by lag", "lag in tokens", "rank correlation",
       "Rank correlation of surprise and learning for lags from -8 to 8, for "
       "the raw gradient, the applied step and the learned gate.",
       "Surprise at token t against learning at token t + lag, mean over "
       "layers." +
           how,
       -static_cast<double>(kMaxLag)},
      learning.by_lag));
  page.Add(CurvesFigure(
      run,
      {"layer", "Correlation by layer", "layer", "rank correlation, lag 0",
       "Rank correlation of a token's own surprise and its learning, by layer.",
       "A token's own surprise against its learning, layer by layer." + how, 0},
      learning.by_layer));
  page.Add(CurvesFigure(
      run,
      {"tenth", "Learning by surprise",
       "tenth of surprise (10: most surprising)",
       "standard deviations above usual",
       "Mean standardised learning within tenths of surprise.",
       "Mean of the measure, standardised within window and layer (gradient "
       "and step as logarithms), within tenths of surprise." +
           how,
       1},
      learning.by_surprise));
  page.Add(SurpriseTable(run));
}

}  // namespace plastometer
