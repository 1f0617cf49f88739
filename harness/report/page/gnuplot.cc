#include "harness/report/page/gnuplot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/page/page.h"

namespace plastometer {
namespace {

constexpr const char* kColors[] = {"#3b7dd8", "#c96a00", "#2e8b57", "#c2559d",
                                   "#7e6bc4", "#1a8a9a", "#d1495b", "#7a7a7a"};
constexpr size_t kNumColors = std::size(kColors);

}  // namespace

std::string SeriesColor(size_t idx) { return kColors[idx % kNumColors]; }

std::string LineStyle(size_t idx) {
  return "lc rgb '" + SeriesColor(idx) + "' lw 2 dt " +
         std::to_string(idx % 5 + 1);
}

std::string ForeignLineStyle(size_t num_own, size_t idx) {
  return "lc rgb '" + SeriesColor(num_own + idx) + "' lw 1.5 dt '-'";
}

std::string Quoted(const std::string& text) {
  // gnuplot runs what stands in backquotes within "...", and nothing in '...'.
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += IsControl(c) ? ' ' : c;
  }
  return out + "'";
}

std::string TicLabel(std::string text) {
  for (size_t at = 0; (at = text.find('%', at)) != std::string::npos; at += 2)
    text.insert(at, 1, '%');
  return Quoted(text);
}

std::string PlotCommand(const std::vector<std::string>& parts) {
  std::string text = "plot ";
  for (size_t i = 0; i < parts.size(); ++i)
    text += (i == 0 ? "" : ", \\\n  ") + parts[i];
  return text + "\n";
}

void AddBars(const std::string& row, const BarColumns& columns, size_t color,
             const std::string& title, std::vector<std::string>& parts) {
  const std::string low = "$" + std::to_string(columns.low),
                    high = "$" + std::to_string(columns.high);
  // Colours that come a second time come paler.
  const std::string solid = color / kNumColors % 2 == 0 ? "0.75" : "0.35";
  parts.push_back(row + std::to_string(columns.value) +
                  " with boxes fs solid " + solid + " noborder lc rgb '" +
                  SeriesColor(color) + "' " + title);
  parts.push_back(row + "(" + low + "):(0):(" + high + "-" + low +
                  ") with vectors heads size graph 0.008,90 lw 1.5 lc rgb "
                  "'black' notitle");
}

double NiceStep(double x) {
  const double power = std::pow(10, std::floor(std::log10(x)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= x) return factor * power;
  return 10 * power;
}

std::string LogTics(double low, double high) {
  std::vector<double> places;
  if (high < 8 * low) {
    const double step = NiceStep((high - low) / 5);
    for (double k = std::ceil(low / step); k * step <= high; ++k)
      places.push_back(k * step);
  } else {
    const bool wide = high > 1000 * low;
    for (double power = std::pow(10, std::floor(std::log10(low)));
         power <= high; power *= 10)
      for (const double factor : {1.0, 2.0, 5.0})
        if (factor * power >= low && factor * power <= high &&
            (factor == 1 || !wide))
          places.push_back(factor * power);
  }
  std::vector<std::string> tics;
  for (const double x : places) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", x);
    tics.push_back(Quoted(text) + " " + text);
  }
  return "(" + Join(tics) + ")";
}

int LegendHeight(size_t num_names) {
  constexpr int kRow = 21;  // pixels between lines of letters of 14
  return kRow * std::max(0, static_cast<int>(num_names + 1) / 2 - 3);
}

int LegendHeight(const std::vector<std::string>& names) {
  constexpr int64_t kWidestOfTwo = 18;  // characters, as gnuplot lays them out
  const bool one_column =
      std::ranges::any_of(names, [](const std::string& name) {
        return DisplayWidth(name) > kWidestOfTwo;
      });
  return LegendHeight(one_column ? 2 * names.size() : names.size());
}

std::string EmptyPlot() {
  return "set xrange [0:1]\nset yrange [0:1]\nunset tics\nset label 'not "
         "available' at graph 0.5,0.5 center\nplot NaN notitle\n";
}

// Letters of 14 pixels: the PNG's size is in points, of which an inch has 72.
// The commands run once for each terminal: a multiplot cannot be replotted.
std::string GnuplotScript(const Figure& figure, int scale) {
  std::string name = figure.id;  // of the SVG's parts: letters and digits
  std::ranges::replace(name, '-', '_');
  const std::string size =
      std::to_string(figure.width) + "," + std::to_string(figure.height);
  const std::string times = std::to_string(scale),
                    png = std::to_string(scale * figure.width) + "," +
                          std::to_string(scale * figure.height);
  return "# " + figure.title + "\n# Draws " + figure.id + ".svg and " +
         figure.id + ".png from the data beside it: gnuplot " + figure.id +
         ".gp\nset encoding utf8\nset datafile separator ','\nset datafile "
         "missing ''\ndo for [kind in 'svg png'] {\nif (kind eq 'svg') {\n  "
         "set "
         "terminal svg enhanced name '" +
         name + "' size " + size +
         " dynamic font 'DejaVu Sans,14'\n} else {\n  set terminal pngcairo "
         "enhanced size " +
         png + " font 'DejaVu Sans,10.5' fontscale " + times + " linewidth " +
         times + " pointscale " + times + "\n}\nset output '" + figure.id +
         ".'.kind\nset termoption noenhanced\nset border 3\nset tics nomirror "
         "out\nset key noenhanced\n" +
         figure.plot + "unset output\n}\n";
}

}  // namespace plastometer
