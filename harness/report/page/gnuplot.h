// Pieces of gnuplot scripts that figures share.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace plastometer {

// Of maps: room for the colour bar and its label.
inline constexpr char kColorBar[] =
    "set colorbox\nset rmargin at screen 0.76\n";
// Of maps: viridis at five places.
inline constexpr char kPalette[] =
    "set palette defined (0 '#440154', 1 '#3b528b', 2 '#21918c', 3 '#5ec962', "
    "4 '#fde725')\n";

// Colours with a contrast of 3 and more on white and on the page's dark ground.
// Series differ by dash and point as well.
std::string SeriesColor(size_t idx);
// "lc rgb '#...' dt 2 lw 2".
std::string LineStyle(size_t idx);
// Of a line measured elsewhere: dashed, after the colours of `num_own` others.
std::string ForeignLineStyle(size_t num_own, size_t idx);
// A string for gnuplot in double quotes, nothing in it interpreted.
std::string Quoted(const std::string& text);
// The same for a label of a tic, which gnuplot reads as a format.
std::string TicLabel(std::string text);
// "plot a, \\\n  b".
std::string PlotCommand(const std::vector<std::string>& parts);

// Bars from 0 with whiskers, two parts of a plot. `row`: a file and its x, up
// to the colon after it; then columns of the value and of its bounds.
struct BarColumns {
  int value = 0, low = 0, high = 0;
};
void AddBars(const std::string& row, const BarColumns& columns, size_t color,
             const std::string& title, std::vector<std::string>& parts);

// Labels of a logarithmic axis at round numbers from `low` to `high` (both
// above 0), also where it spans less than a decade: "80, 90, 100".
std::string LogTics(double low, double high);
// 1, 2 or 5 times a power of ten, not below `x` (above 0).
double NiceStep(double x);

// Pixels that a legend of so many short names, in two columns, needs beyond a
// usual one; of these names: in one column where one of them is long.
int LegendHeight(size_t num_names);
int LegendHeight(const std::vector<std::string>& names);
// A frame that says that there is nothing to draw.
std::string EmptyPlot();

}  // namespace plastometer
