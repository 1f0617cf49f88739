// What `plastometer sensitivity` prints.
#pragma once
#include <string>

#include "harness/run/sensitivity.h"

namespace plastometer {

std::string SensitivityTable(const SensitivityRun& run, int width);
std::string SensitivityJson(const SensitivityRun& run);

}  // namespace plastometer
