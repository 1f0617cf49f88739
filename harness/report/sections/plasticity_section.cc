// Figure 1: how much each layer learns, over the window.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/page/gnuplot.h"
#include "harness/report/sections/learning_sections.h"
#include "harness/report/sections/sections.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

struct Scale {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  bool any() const { return high >= low; }
  // Cells of very different size need a logarithm; it needs values above 0.
  bool logarithmic() const { return low > 0 && high > 5 * low; }
};

Scale ScaleOf(const std::vector<std::vector<double>>& cells) {
  Scale scale;
  for (const auto& row : cells) {
    for (const double x : row) {
      if (!std::isfinite(x)) continue;
      scale.low = std::min(scale.low, x);
      scale.high = std::max(scale.high, x);
    }
  }
  return scale;
}

std::string MapCsv(const PlasticityMap& map,
                   const std::vector<std::vector<double>>& cells) {
  std::string csv = "layer,from_token,to_token,value\n";
  for (size_t l = 0; l < cells.size(); ++l)
    for (size_t k = 0; k < cells[l].size(); ++k)
      csv += std::to_string(l) + "," + std::to_string(map.edges[k]) + "," +
             std::to_string(map.edges[k + 1]) + "," + CsvNumber(cells[l][k]) +
             "\n";
  return csv;
}

std::string FrozenRows(const std::vector<std::vector<double>>& cells) {
  std::vector<std::string> rows;
  for (size_t l = 0; l < cells.size(); ++l)
    if (std::ranges::none_of(cells[l],
                             [](double x) { return std::isfinite(x); }))
      rows.push_back(std::to_string(l));
  return Join(rows);
}

std::string ScaleText(const Scale& scale) {
  if (!scale.any()) return "not available";
  char text[64];
  std::snprintf(text, sizeof text, "%.4g to %.4g", scale.low, scale.high);
  return text;
}

// `cells`: gnuplot's x, y, xlow, xhigh, ylow, yhigh, value in columns of
// `file`.
// `quantity`: with its unit, beside the colour bar.
std::string MapPlot(const std::string& file, const Scale& scale,
                    const std::string& quantity,
                    const std::vector<int64_t>& edges, int64_t num_rows,
                    const std::string& y_axis, const std::string& cells) {
  if (!scale.any()) return EmptyPlot();
  return std::string(kPalette) +
         "set xlabel 'token'\nset xrange [0:" + std::to_string(edges.back()) +
         "]\nset yrange [-0.5:" + std::to_string(num_rows - 1) + ".5]\n" +
         y_axis +
         "set object rectangle from graph 0,0 to graph 1,1 behind fs solid "
         "0.25 noborder fc rgb '#7a7a7a'\n" +
         kColorBar + "set cblabel " +
         Quoted(quantity + (scale.logarithmic() ? ", log scale" : "")) +
         " offset 1.2,0\n" +
         (scale.logarithmic() ? "set logscale cb\nset cbtics " +
                                    LogTics(scale.low, scale.high) + "\n"
                              : "") +
         "unset key\nset cbrange [" + CsvNumber(scale.low) + ":" +
         CsvNumber(scale.high > scale.low ? scale.high : scale.low + 1) +
         "]\nplot '" + file + "' skip 1 using " + cells +
         " with boxxyerror fs solid noborder fc palette\n";
}

// One of the three quantities of figure 1.
struct Quantity {
  const char *name, *title, *bar, *what;
  std::vector<std::vector<double>> PlasticityMap::*cells;
};
constexpr Quantity kQuantities[] = {
    {"gradient", "Gradient norm", "gradient norm, no unit",
     "Norm of a mini-batch's raw gradient of the inner loss",
     &PlasticityMap::grad_norm},
    {"raw", "Update norm", "update norm, units of W",
     "Norm of the applied update of the fast weights",
     &PlasticityMap::update_norm},
    {"relative", "Relative update", "update over norm of W",
     "Update over the norm of the fast weights",
     &PlasticityMap::relative_update}};

// A map and what its cells are means of.
struct MapSource {
  const PlasticityMap& map;
  std::string prefix, title_end, cell;
};

Figure MapFigure(const ReportRun& run, const MapSource& source,
                 const Quantity& quantity) {
  const PlasticityMap& map = source.map;
  const auto& cells = map.*quantity.cells;
  const Scale scale = ScaleOf(cells);
  const std::string what = quantity.what;
  Figure figure;
  figure.id = source.prefix + quantity.name + run.suffix;
  figure.title = quantity.title + source.title_end;
  figure.data[figure.id + ".csv"] = MapCsv(map, cells);
  const std::string range = ScaleText(scale);
  figure.alt = what +
               " by layer (rows) and position in the window (columns), " +
               "cells from " + range + ".";
  const std::string frozen = FrozenRows(cells);
  figure.caption =
      what + ": " + source.cell + ". Scale " +
      (scale.logarithmic() ? "logarithmic, " : "linear, ") + range + "." +
      (frozen.empty()
           ? ""
           : " Missing, not 0: layers " + frozen + ", which do not learn.");
  const auto L = static_cast<int64_t>(cells.size());
  figure.plot = MapPlot(figure.id + ".csv", scale, quantity.bar, map.edges, L,
                        "set ylabel 'layer'\nset ytics 0," +
                            std::to_string(std::max<int64_t>(1, L / 12)) + "\n",
                        "(($2+$3)/2):1:2:3:($1-0.5):($1+0.5):4");
  figure.raster = L * static_cast<int64_t>(map.edges.size()) > 2000;
  return figure;
}

// "window 3 (novels, work, document)", which nothing else names as shortly.
std::string WindowText(const ReportRun& run) {
  const size_t idx = run.window_map->window;
  const WindowRecord& w = run.results.record.windows[idx];
  return "window " + std::to_string(idx) + " (" + w.domain + ": " + w.work +
         ", from token " + Count(w.first_token) + " of " + w.document + ")";
}

// The relative update alone: raw norms follow the scale of a layer.
Figure HeadsFigure(const ReportRun& run) {
  const PlasticityMap& map = run.learning->map;
  const auto L = static_cast<int64_t>(map.relative_update.size()),
             rows = static_cast<int64_t>(map.relative_by_head.size()),
             H = rows / L;
  const Scale scale = ScaleOf(map.relative_by_head);
  Figure figure;
  figure.id = "plasticity-heads" + run.suffix;
  figure.title = "Relative update by head";
  std::string csv = "layer,head,from_token,to_token,value\n";
  for (int64_t r = 0; r < rows; ++r)
    for (size_t k = 0; k + 1 < map.edges.size(); ++k)
      csv += std::to_string(r / H) + "," + std::to_string(r % H) + "," +
             std::to_string(map.edges[k]) + "," +
             std::to_string(map.edges[k + 1]) + "," +
             CsvNumber(map.relative_by_head[r][k]) + "\n";
  figure.data[figure.id + ".csv"] = csv;
  const std::string what =
      "Update over the norm of the fast weights, by head (rows, " +
      std::to_string(H) + " a layer, the first one lowest) and position";
  figure.alt = what + ", cells from " + ScaleText(scale) + ".";
  figure.caption = what + ": each cell is a mean over windows. Scale " +
                   (scale.logarithmic() ? "logarithmic, " : "linear, ") +
                   ScaleText(scale) + ". Missing (grey): does not learn.";
  figure.height = static_cast<int>(std::clamp<int64_t>(8 * rows, 370, 1000));
  const int64_t step = std::max<int64_t>(1, L / 12);
  std::string tics;  // a layer's label beside its lowest head
  for (int64_t l = 0; l < L; l += step)
    tics += (l == 0 ? "" : ", ") + Quoted(std::to_string(l)) + " " +
            std::to_string(l * H);
  const std::string row = "$1*" + std::to_string(H) + "+$2";
  figure.plot = MapPlot(
      figure.id + ".csv", scale, kQuantities[2].bar, map.edges, rows,
      "set ylabel 'layer'\nset ytics (" + tics + ")\n",
      "(($3+$4)/2):(" + row + "):3:4:(" + row + "-0.5):(" + row + "+0.5):5");
  figure.raster = rows * static_cast<int64_t>(map.edges.size()) > 2000;
  return figure;
}

Table LayerTable(const ReportRun& run) {
  const Learning& learning = *run.learning;
  const auto mean =
      [](const std::vector<double>& row) -> std::optional<double> {
    double sum = 0, count = 0;
    for (const double x : row)
      if (std::isfinite(x)) sum += x, count += 1;
    if (count == 0) return std::nullopt;
    return sum / count;
  };
  Table table{
      "plasticity" + run.suffix,
      "Learning by layer under " + learning.profile,
      {{"layer", {"layer"}},
       {"raw gradient norm", {"grad_norm"}},
       {"raw update norm", {"update_norm"}},
       {"relative update", {"relative_update"}},
       {"log change, raw gradient", WithBounds("log_change_gradient")},
       {"log change, relative update", WithBounds("log_change_relative")}},
      {},
      {"Change: log ratio of the mean, last quarter of a window over the "
       "first, by work. Raw norms follow the scale of a "
       "layer's activations: compare layers by the relative update."}};
  for (size_t l = 0; l < learning.map.update_norm.size(); ++l)
    table.rows.push_back(
        {CountCell(static_cast<int64_t>(l)),
         NumberCell(mean(learning.map.grad_norm[l]), 4),
         NumberCell(mean(learning.map.update_norm[l]), 4),
         NumberCell(mean(learning.map.relative_update[l]), 4),
         IntervalCell(ToMeasured(learning.gradient_change[l]), 3),
         IntervalCell(ToMeasured(learning.relative_change[l]), 3)});
  return table;
}

}  // namespace

void AddPlasticity(const ReportRun& run, Page& page) {
  page.Add(Heading{2, "Plasticity over depth and time (figure 1)",
                   "plasticity" + run.suffix});
  const PlasticityMap& map = run.learning->map;
  const MapSource all{map, "plasticity-", "",
                      "each cell is the mean of norms over " +
                          Count(run.learning->num_windows) +
                          " windows and the heads, not the norm of a mean"};
  for (const Quantity& quantity : kQuantities)
    page.Add(MapFigure(run, all, quantity));
  if (run.window_map) {
    const MapSource one{run.window_map->map, "plasticity-window-",
                        ", one window",
                        WindowText(run) +
                            ", every mini-batch of 16 tokens by itself; mean "
                            "of norms over heads"};
    page.Add(Heading{3, "One window, mini-batch by mini-batch", ""});
    for (const Quantity& quantity : kQuantities)
      page.Add(MapFigure(run, one, quantity));
  }
  if (run.show_heads) {
    page.Add(Heading{3, "Every head", ""});
    page.Add(HeadsFigure(run));
  }
  page.Add(LayerTable(run));
}

}  // namespace plastometer
