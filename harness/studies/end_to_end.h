// The end-to-end way of adapting, measured: quality, FLOPs, time and memory of
// several profiles on the same windows (model/adapt/end_to_end.h).
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/results/end_to_end_results.h"
#include "harness/run/group.h"
#include "model/adapt/end_to_end.h"

namespace plastometer {

// With several rates every second work, by name, is for tuning: each profile
// keeps the rate of its least loss there. Profiles take turns on each window.
// Throws kUsage (one work cannot be divided), Interrupted.
EndToEndRun MeasureEndToEnd(
    const LoadedGroup& group, const EndToEndRequest& request,
    const std::function<void(int64_t done, int64_t total)>& progress);

}  // namespace plastometer
