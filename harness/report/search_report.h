// What `plastometer search` prints.
#pragma once
#include <string>

#include "harness/results/search_results.h"

namespace plastometer {

std::string SearchTable(const LayerSearchRun& run, int width);
// As a run's results.json, and a block "search" with the sets tried.
std::string SearchJson(const LayerSearchRun& run);

}  // namespace plastometer
