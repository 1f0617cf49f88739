#include "harness/run/environment.h"

#include <set>

#include "base/error.h"
#include "base/parallel.h"
#include "model/probes.h"

namespace plastometer {

NumericFacts FactsOf(Lane lane, int num_threads) {
  const MachineFacts facts = DescribeMachine();
  return {facts.libtorch_version, facts.aten_capability, facts.portable_isa,
          facts.blas, ResolveThreads(num_threads)};
}

void RequireProbes(Lane lane, int num_threads) {
  for (const MachineProbe& probe : RunProbes(lane, num_threads))
    if (!probe.passed)
      throw RefusedError(
          "this process does not compute as pinned: " + probe.name + ": " +
          probe.detail + " (plastometer env)");
}

void PinEnvironment(std::span<const LoadedGroup> groups,
                    const std::vector<std::string>& later_lanes) {
  std::vector<std::string> lanes = later_lanes;
  for (const LoadedGroup& group : groups) lanes.push_back(group.spec.lane);
  ApplyPins(PinsFor(lanes), ProgramArguments());
  PinLibTorch();
  std::set<Lane> probed;
  for (const LoadedGroup& group : groups)
    if (probed.insert(group.lane).second)
      RequireProbes(group.lane, static_cast<int>(group.record.num_threads));
}

}  // namespace plastometer
