// Lines with pointwise bands over ranges of tokens.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "harness/report/page/page.h"
#include "harness/results/summary.h"

namespace plastometer {

struct TokenRange {
  int64_t from = 0, to = 0;  // half-open
};

struct Curve {
  std::string name;
  size_t color = 0;              // see SeriesColor
  std::vector<Measured> points;  // one a range
};

// Fills in data and plot of a figure that has its id; the x axis is
// logarithmic, each range at its geometric middle.
void DrawCurves(const std::vector<TokenRange>& ranges,
                const std::vector<Curve>& curves, const std::string& x_label,
                const std::string& y_label, Figure& figure);

}  // namespace plastometer
