// What a search for the layers that should keep learning found
// (harness/studies/layer_search.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/results/record.h"

namespace plastometer {

using Layers = std::vector<int64_t>;  // ascending
// "layers:0-2,5"
std::string ProfileOf(const Layers& layers);

enum class SearchMethod { kAuto, kGreedy, kExhaustive };

struct SearchStep {
  Layers layers;
  double loss = 0;
};
struct SearchResult {
  SearchMethod method = SearchMethod::kGreedy;  // what auto came to
  int64_t num_sets = 0;                         // tried
  Layers best;
  // Greedy: the best set of each size; exhaustive: the ten best sets.
  std::vector<SearchStep> steps;
};

struct LayerSearchRun {
  SearchResult search;
  size_t num_tuning = 0;  // windows
  // Of the other works: uniform, the choice, the first and last k layers,
  // random sets of k, frozen.
  RunRecord record;
};

}  // namespace plastometer
