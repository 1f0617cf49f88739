#include "harness/report/sections/curves.h"

#include <algorithm>
#include <cmath>

#include "harness/report/format.h"
#include "harness/report/measured.h"
#include "harness/report/page/gnuplot.h"

namespace plastometer {
namespace {

std::string CurvesCsv(const std::vector<TokenRange>& ranges,
                      const std::vector<Curve>& curves) {
  std::string csv = "from_token,to_token,middle";
  for (const Curve& curve : curves) csv += CsvBoundsHeader(curve.name);
  csv += "\n";
  for (size_t k = 0; k < ranges.size(); ++k) {
    const auto [from, to] = ranges[k];
    csv += std::to_string(from) + "," + std::to_string(to) + "," +
           CsvNumber(std::sqrt(static_cast<double>(std::max<int64_t>(from, 1)) *
                               static_cast<double>(to)));
    for (const Curve& curve : curves) csv += CsvBounds(curve.points[k]);
    csv += "\n";
  }
  return csv;
}

}  // namespace

void DrawCurves(const std::vector<TokenRange>& ranges,
                const std::vector<Curve>& curves, const std::string& x_label,
                const std::string& y_label, Figure& figure) {
  figure.data[figure.id + ".csv"] = CurvesCsv(ranges, curves);
  figure.height += LegendHeight(curves.size());
  const bool anything = std::ranges::any_of(curves, [](const Curve& curve) {
    return std::ranges::any_of(
        curve.points, [](const Measured& m) { return m.value.has_value(); });
  });
  if (!anything) {
    figure.plot = EmptyPlot();
    return;
  }
  figure.plot =
      "set logscale x 2\nset xlabel " + Quoted(x_label) + "\nset ylabel " +
      Quoted(y_label) +
      "\nset key above maxcols 2 samplen 2\nset xzeroaxis lc rgb '#7a7a7a'\n";
  std::vector<std::string> bands, lines;
  for (size_t c = 0; c < curves.size(); ++c) {
    const auto column = [&](size_t offset) {
      return std::to_string(4 + 3 * c + offset);
    };
    const std::string file = "'" + figure.id + ".csv' skip 1 using 3:";
    bands.push_back(file + column(1) + ":" + column(2) +
                    " with filledcurves fs transparent solid 0.18 noborder lc "
                    "rgb '" +
                    SeriesColor(curves[c].color) + "' notitle");
    lines.push_back(file + column(0) + " with linespoints pt 7 ps 0.4 " +
                    LineStyle(curves[c].color) + " title " +
                    Quoted(curves[c].name));
  }
  bands.insert(bands.end(), lines.begin(), lines.end());
  figure.plot += PlotCommand(bands);
}

}  // namespace plastometer
