// Which k layers to keep learning: chosen on some works, to be judged on
// others.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/results/search_results.h"

namespace plastometer {

// Loss of each of the sets on the tuning text, in nats; smaller is better.
// `total`: sets that the whole search will try.
using SubsetLosses = std::function<std::vector<double>(
    const std::vector<Layers>& sets, int64_t total)>;

inline constexpr int64_t kMaxExhaustive = 300;

// Exhaustive where there are at most kMaxExhaustive sets of `size` layers, else
// greedy forward selection; ties go to the lower layers. Throws kUsage: size
// outside [1, num_layers]; exhaustive asked for with more sets than that.
SearchResult SearchLayers(int64_t num_layers, int64_t size, SearchMethod method,
                          const SubsetLosses& losses);

// C(n, k), at most `limit` + 1.
int64_t CountSubsets(int64_t n, int64_t k, int64_t limit);

}  // namespace plastometer
