#include "harness/report/page/point_labels.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "harness/report/format.h"

namespace plastometer {
namespace {

struct Box {
  double left, right, bottom, top;  // pixels
  double weight = 1;                // of what is hidden
  double Overlap(const Box& other) const {
    const double width =
        std::min(right, other.right) - std::max(left, other.left);
    const double height =
        std::min(top, other.top) - std::max(bottom, other.bottom);
    return width > 0 && height > 0 ? other.weight * width * height : 0;
  }
};

// Offset of the text's near end and middle from the point, pixels; -1: it ends
// there, 0: it is centred, 1: it begins there.
struct Place {
  double dx, dy;
  int side;
};
constexpr Place kPlaces[] = {
    {9, 0, 1},    {-9, 0, -1},   {0, 15, 0},    {0, -15, 0}, {7, 13, 1},
    {7, -13, 1},  {-7, 13, -1},  {-7, -13, -1}, {9, 26, 1},  {9, -26, 1},
    {-9, 26, -1}, {-9, -26, -1}, {0, 30, 0},    {0, -30, 0}, {9, 40, 1},
    {9, -40, 1},  {-9, 40, -1},  {-9, -40, -1}, {9, 54, 1},  {9, -54, 1},
    {-9, 54, -1}, {-9, -54, -1}, {9, 68, 1},    {9, -68, 1}, {-9, 68, -1},
    {-9, -68, -1}};
// Two names over each other cannot be read; a name over a bar can.
constexpr double kWeightOfName = 10;
constexpr double kPointRadius = 6, kBarRadius = 2;

Box BoxAt(const Place& place, double x, double y, double width, double height) {
  const double near = x + place.dx,
               left = place.side > 0   ? near
                      : place.side < 0 ? near - width
                                       : near - width / 2,
               middle = y + place.dy;
  return {left, left + width, middle - height / 2, middle + height / 2};
}

// What a box would hide, and what would lie outside the area.
double Cost(const Box& box, const std::vector<Box>& taken,
            const LabelArea& area) {
  double cost = 0;
  for (const Box& other : taken) cost += box.Overlap(other);
  const double outside =
      std::max(0.0, -box.left) + std::max(0.0, box.right - area.width) +
      std::max(0.0, -box.bottom) + std::max(0.0, box.top - area.height);
  return cost + 100 * outside;
}

// A point and its two bars.
void AddPoint(const LabelledPoint& p, const LabelArea& area,
              std::vector<Box>& taken) {
  const double x = p.x * area.width, y = p.y * area.height;
  taken.push_back(
      {x - kPointRadius, x + kPointRadius, y - kPointRadius, y + kPointRadius});
  taken.push_back({p.left * area.width, p.right * area.width, y - kBarRadius,
                   y + kBarRadius});
  taken.push_back({x - kBarRadius, x + kBarRadius, p.bottom * area.height,
                   p.top * area.height});
}

}  // namespace

std::vector<std::string> PlaceLabels(const std::vector<LabelledPoint>& points,
                                     const LabelArea& area) {
  std::vector<Box> taken;
  for (const LabelledPoint& p : points) AddPoint(p, area, taken);
  std::vector<std::string> labels;
  for (const LabelledPoint& p : points) {
    const double x = p.x * area.width, y = p.y * area.height,
                 width = static_cast<double>(DisplayWidth(p.text)) *
                         area.letter_width;
    const Place* best = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (const Place& place : kPlaces) {
      const double cost =
          Cost(BoxAt(place, x, y, width, area.letter_height), taken, area);
      if (cost < least) least = cost, best = &place;
    }
    if (!best) best = kPlaces;  // a point that is nowhere
    taken.push_back(BoxAt(*best, x, y, width, area.letter_height));
    taken.back().weight = kWeightOfName;
    char text[64];
    std::snprintf(text, sizeof text, "at graph %.4f,%.4f %s",
                  (x + best->dx) / area.width, (y + best->dy) / area.height,
                  best->side > 0   ? "left"
                  : best->side < 0 ? "right"
                                   : "center");
    labels.emplace_back(text);
  }
  return labels;
}

}  // namespace plastometer
