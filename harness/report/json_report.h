// results.json: everything that was measured and what it was measured on. Keys
// of the cases: docs/columns.md.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "harness/results/summary.h"

namespace plastometer {

// Missing numbers are null, with the reason beside them.
nlohmann::ordered_json ResultsAsJson(const Results& results);
// As it stands in files: names that are not UTF-8 are mended.
std::string FileText(const nlohmann::ordered_json& json);
std::string ResultsJson(const Results& results);

}  // namespace plastometer
