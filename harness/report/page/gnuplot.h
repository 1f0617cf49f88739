// Pieces of gnuplot scripts that figures share.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace plastometer {

// Colours with a contrast of 3 and more on white and on the page's dark ground.
// Series differ by dash and point as well.
std::string SeriesColor(size_t idx);
// "lc rgb '#...' dt 2 lw 2".
std::string LineStyle(size_t idx);
// Of a line measured elsewhere: dashed, after the colours of `num_own` others.
std::string ForeignLineStyle(size_t num_own, size_t idx);
// A string for gnuplot in double quotes, nothing in it interpreted.
std::string Quoted(const std::string& text);
// "plot a, \\\n  b".
std::string PlotCommand(const std::vector<std::string>& parts);

// Pixels that a legend of so many short names, in two columns, needs beyond a
// usual one; of these names: in one column where one of them is long.
int LegendHeight(size_t num_names);
int LegendHeight(const std::vector<std::string>& names);
// A frame that says that there is nothing to draw.
std::string EmptyPlot();

}  // namespace plastometer
