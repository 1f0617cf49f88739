// Losses of a slice summed by independent work, and what can be said about them
// with an interval.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/run/results.h"

namespace plastometer {

// The independent work that a window belongs to.
std::string WorkKey(const WindowRecord& window);

struct WorkSums {
  std::vector<double> tokens;            // scored tokens of each work
  std::vector<std::vector<double>> nll;  // [profile][work] nats
  size_t num_works() const { return tokens.size(); }
};

// Each has a value whenever it is finite, and an interval when there are
// kMinWorks works or more.
Measured MeanOverWorks(const WorkSums& works, size_t profile, uint64_t seed);
Measured LostAgainst(const WorkSums& works, size_t profile, size_t uniform,
                     uint64_t seed);
Measured Retention(const WorkSums& works, size_t profile, size_t uniform,
                   size_t frozen);

// For each profile: not dominated over (loss, cost); costs are exact, the loss
// must differ by a paired interval that excludes 0. An entry is missing when
// the profile's cost or loss is unknown.
std::vector<std::optional<bool>> ParetoMarks(
    const WorkSums& works, const std::vector<std::optional<double>>& costs,
    uint64_t seed);

}  // namespace plastometer
