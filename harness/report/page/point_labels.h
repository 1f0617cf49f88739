// Where names stand beside points, so that they hide neither each other nor a
// point as far as there is room.
#pragma once
#include <string>
#include <vector>

namespace plastometer {

// A point in the plot's area: (0, 0) lower left, (1, 1) upper right; and where
// its bars end. Without a text it is something that a label should not hide.
struct LabelledPoint {
  double x = 0, y = 0;
  std::string text;
  double left = x, right = x, bottom = y, top = y;
};

// The area in pixels, and a letter's mean width and height.
struct LabelArea {
  double width = 0, height = 0;
  double letter_width = 8.2, letter_height = 15;
};

// gnuplot's "at graph 0.5,0.25 left", one a point; first come first served, the
// place with the least overlap where there is none without.
std::vector<std::string> PlaceLabels(const std::vector<LabelledPoint>& points,
                                     const LabelArea& area);

}  // namespace plastometer
