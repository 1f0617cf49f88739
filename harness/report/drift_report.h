// What `plastometer drift` prints and writes.
#pragma once
#include <string>

#include "harness/results/drift_results.h"

namespace plastometer {

// `per_layer`: one more table, the weights' distance by layer.
std::string DriftTable(const DriftRecord& record, int width, bool per_layer);
// Canonical (base/canonical_json.h): one result has one text. `points_sha256`
// is of the safetensors file that holds every point.
std::string DriftJson(const DriftRecord& record,
                      const std::string& points_sha256);
// One row a profile and position; a number and its interval in three columns.
std::string DriftCsv(const DriftRecord& record);

}  // namespace plastometer
