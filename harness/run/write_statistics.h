// Writes stats.safetensors of a run folder (harness/results/statistics_file.h).
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "harness/run/group.h"
#include "model/model.h"

namespace plastometer {

// Scores the group's windows once more with statistics, batch by batch, under
// the profile of index `profile`. `losses`: those of the run, window after
// window; in a portable lane the second pass must give the same bits (kInternal
// otherwise). Memory: one batch.
void WriteStatistics(const Model& model, const LoadedGroup& group,
                     size_t profile, const std::vector<double>& losses,
                     const std::filesystem::path& path,
                     const std::function<void(int64_t, int64_t)>& progress);

}  // namespace plastometer
