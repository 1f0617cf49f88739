// The choice of a front, for whatever measures windows; no LibTorch.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "harness/studies/frontier.h"

namespace plastometer {

// Of text-3m on the default text a few minutes on two cores.
inline constexpr int64_t kTuningWindows = 16;

struct FrontierRequest {
  FrontierCost cost = kFrontierCosts[0];
  FrontierOptions options;                  // but for the seed: the group's
  int64_t tuning_windows = kTuningWindows;  // 0: all of the tuning works
  int threads = 0;                          // 0: all cores
};

// Nats of the scored tokens of each of the windows, and the cost of all.
struct WindowsMeasured {
  std::vector<double> nats;
  int64_t cost = 0;
};
using MeasureWindows = std::function<WindowsMeasured(
    const Profile& profile, const std::vector<size_t>& windows)>;

// The choice alone. `planned` has windows; `measure` is asked about windows of
// tuning works and about no others. Throws kUsage: the data have one work; what
// SearchFrontier refuses.
FrontierChoice ChooseFrontier(
    const RunRecord& planned, const FrontierSpace& space,
    const FrontierRequest& request, const MeasureWindows& measure,
    const std::function<void(int64_t done, int64_t total)>& progress);

}  // namespace plastometer
