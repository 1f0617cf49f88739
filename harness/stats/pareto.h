// Which profiles are on the front of (loss, cost), both better when lower.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "harness/stats/bootstrap.h"

namespace plastometer::stats {

struct ParetoPoint {
  std::vector<WorkTotals> works;  // loss by work, the same works in every point
  double cost = kUnknown;
  // Of a cost that scatters: `cost` is the lower end of its range, this the
  // upper one. NaN: the cost is exact.
  double cost_high = kUnknown;
};

// A point is off the front when another costs no more (of costs that scatter:
// its range lies below; where ranges meet neither costs less) and its loss is
// lower by a paired difference whose 95 % interval excludes 0. A lower cost
// alone does not dominate: an equal loss cannot be shown, only a difference not
// found. A point whose loss or cost is unknown is not on the front and pushes
// none off.
std::vector<bool> ParetoSet(std::span<const ParetoPoint> points, uint64_t seed,
                            int num_resamples = kNumResamples);

// The same for exact losses: dominated when another is no worse in both and
// better in one.
std::vector<bool> ParetoSet(std::span<const double> loss,
                            std::span<const double> cost);

// Area between the front of the points and a reference: what is no better than
// some point in both and no worse than the reference in both (Zitzler and
// Thiele, 1999). Points that are unknown or beyond the reference add nothing.
double Hypervolume(std::span<const double> loss, std::span<const double> cost,
                   double reference_loss, double reference_cost);

// The same for mean losses over works, with a 95 % percentile interval: every
// resample draws works, the same in all points, and keeps costs and reference.
// A front is a best of several noisy values, which lies too low; the interval
// does not take that out. Fewer than 2 works: no interval. Throws kInternal
// when points differ in their number of works.
Interval Hypervolume(std::span<const ParetoPoint> points, double reference_loss,
                     double reference_cost, uint64_t seed,
                     int num_resamples = kNumResamples);

// The area of `a` less that of `b`, with a 95 % percentile interval: every
// resample draws the same works in both. Otherwise as above.
Interval HypervolumeDifference(std::span<const ParetoPoint> a,
                               std::span<const ParetoPoint> b,
                               double reference_loss, double reference_cost,
                               uint64_t seed,
                               int num_resamples = kNumResamples);

}  // namespace plastometer::stats
