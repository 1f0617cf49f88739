// The front of loss and cost over when each layer learns, measured: chosen on
// some works, judged on the others beside the default profiles.
#pragma once
#include <cstdint>
#include <functional>

#include "harness/results/frontier.h"
#include "harness/run/group.h"
#include "harness/studies/frontier_choice.h"

namespace plastometer {

// `group` was loaded with any profiles. `progress` counts evaluations of the
// search, then `judging` units of the measurement on evaluation works. Throws
// as ChooseFrontier; Interrupted.
FrontierRun MeasureFrontier(
    const LoadedGroup& group, const FrontierRequest& request,
    const std::function<void(int64_t done, int64_t total)>& progress,
    const std::function<void(int64_t done, int64_t total)>& judging);

}  // namespace plastometer
