// results.json: everything that was measured and what it was measured on.
// Fields: docs of the run folder.
#pragma once
#include <string>

#include "harness/results/summary.h"

namespace plastometer {

constexpr int kResultsSchemaVersion = 1;

// Missing numbers are null, with the reason beside them.
std::string ResultsJson(const Results& results);

}  // namespace plastometer
