// Plan -> units -> journal. What is in the journal is not measured again; a
// shard measures its share of the batches.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "harness/run/collect.h"
#include "harness/run/run_folder.h"
#include "harness/run/run_plan.h"

namespace plastometer {

struct Shard {
  int64_t idx = 0, num = 1;
};
// "2/3" counts from 0: the third of three is 2/3. "auto": rank and size as
// Slurm, MPI launchers or torchrun set them. Throws kUsage.
Shard ParseShard(const std::string& text);

// Measures what the journal of `folder` lacks. Throws kRefused when the journal
// belongs to another plan; Interrupted with the journal in order.
void Execute(const RunPlan& plan, const std::vector<LoadedGroup>& groups,
             RunFolder& folder, const Shard& shard, int threads,
             bool show_progress);

}  // namespace plastometer
