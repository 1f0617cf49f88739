// A drift run's folder, read back with every point.
#pragma once
#include <filesystem>

#include "harness/results/drift_results.h"

namespace plastometer {

inline constexpr char kDriftFile[] = "drift.json",
                      kDriftPointsFile[] = "drift.safetensors";

bool IsDriftFolder(const std::filesystem::path& folder);

// Throws kInvalid naming file and key: damaged, or not of one run.
DriftRecord ReadFinishedDrift(const std::filesystem::path& folder);

}  // namespace plastometer
