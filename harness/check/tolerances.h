// How far a lane is from the portable goldens: over threads, batch size and
// instruction set.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "harness/results/case.h"

namespace plastometer {

struct LaneVariant {
  std::string lane, isa;  // isa empty: no cap
  int threads = 1;
  int64_t batch = -1;
};
// "1 threads, batch 1, at most avx2"
std::string NameOf(const LaneVariant& variant);
// One thread and all, the suite's batch and 1; each instruction set where the
// lane can be told.
std::vector<LaneVariant> VariantsOf(const std::string& lane);

struct LaneDifference {
  double max_abs = 0, mean = 0;  // nats
};
using LaneDifferences = std::map<std::string, LaneDifference>;  // by case

struct ToleranceRequest {
  std::string suite;
  std::filesystem::path goldens;  // the store; absolute
};

// Largest differences of the lane by case, each variant of it in a process of
// its own; `measured` hears of each. Throws kInvalid: the lane is not to be had
// here, or a case cannot be compared; kInfrastructure: device, disk or memory
// failed a variant; Interrupted.
LaneDifferences MeasureLane(
    const ToleranceRequest& request, const std::string& lane,
    const std::filesystem::path& work,
    const std::function<void(const LaneVariant&, const LaneDifference&)>&
        measured);

// kToleranceMargin times what was measured of this case, for each lane.
inline constexpr double kToleranceMargin = 2;
void SetTolerances(const std::string& case_name,
                   const std::map<std::string, LaneDifferences>& by_lane,
                   CaseMetrics& metrics);

}  // namespace plastometer
