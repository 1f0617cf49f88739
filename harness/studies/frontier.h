// Which paces (each layer's period, one rate multiplier) no other candidate
// beats in both loss and cost. Of losses it knows the tuning works' alone. No
// LibTorch: what measures is passed in.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/results/frontier.h"
#include "harness/stats/bootstrap.h"
#include "model/profile.h"

namespace plastometer {

// Slower from left to right; 0: never. And multipliers of the rate.
struct FrontierSpace {
  int64_t num_layers = 0;
  std::vector<int64_t> periods = {1, 2, 4, 8, 16, 0};
  std::vector<double> scales = {0.5, 1, 2};
};

// Exhaustive up to here: 4 layers have 3 (6^4 - 1) + 1 = 3,886 candidates.
inline constexpr int64_t kMaxExhaustivePaces = 4096;
// Of a greedy search: text-3m, a few minutes on two cores.
inline constexpr int64_t kFrontierEvaluations = 240;
// Members kept of a larger front: those that its area needs most.
inline constexpr size_t kMaxFrontierMembers = 16;

struct FrontierOptions {
  SearchMethod method = SearchMethod::kAuto;
  int64_t evaluations = 0;  // 0: kFrontierEvaluations, or all candidates
  uint64_t seed = 1;        // of restarts and local moves
};

// Tuning loss by work and cost of one profile; `total` that the search will
// measure at most.
struct ProfileMeasured {
  std::vector<stats::WorkTotals> works;
  int64_t cost = 0;
};
using MeasureProfile =
    std::function<ProfileMeasured(const Profile& profile, int64_t total)>;

// uniform, retina, cortex, early:25%, late:25%, frozen, uniform;every=2, 4, 8,
// uniform;until=512.
const std::vector<std::string>& DefaultProfiles();

// Never more than `limit`; frozen is one candidate at any scale.
int64_t CountPaces(const FrontierSpace& space, int64_t limit);
// Layers that never learn have no period, whatever the scale.
Profile ProfileOf(const Pace& pace, const std::string& name);
// Missing when the profile is no candidate of the space.
std::optional<Pace> PaceOf(const Profile& profile, const FrontierSpace& space);

// Exhaustive where there are at most kMaxExhaustivePaces candidates. Else, on a
// budget: the default profiles; greedy from uniform, which slows down the layer
// that loses least per cost saved; the front at other scales; greedy from a
// random pace; random moves of one or two layers from the front. Ties go to
// what was tried first. Throws kUsage: exhaustive asked for with more
// candidates, or with a budget below them; a budget below 1.
FrontierChoice SearchFrontier(const FrontierSpace& space,
                              const FrontierCost& cost,
                              const FrontierOptions& options,
                              const MeasureProfile& measure);

// Windows to tune on, as indices into record.windows: of DivideByWork's tuning
// works. `most` > 0: one window a work in turn, then second ones, and of those
// `most` spread evenly over the works; 0: all.
std::vector<size_t> TuningWindows(const RunRecord& record, int64_t most);

}  // namespace plastometer
