// The environment of this process: pinned for the lanes that it computes in,
// and probed.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/lane.h"
#include "harness/pins/pins.h"
#include "harness/run/group.h"

namespace plastometer {

// argv as main got it, for a program that starts itself anew.
inline char**& ProgramArguments() {
  static char** arguments = nullptr;
  return arguments;
}

// What LibTorch and the kernels say about a lane here; uses LibTorch.
NumericFacts FactsOf(Lane lane, int num_threads);
// Throws kRefused naming the first probe that fails.
void RequireProbes(Lane lane, int num_threads);

// Pins the environment for the groups' lanes and `later_lanes`, which may start
// this program anew: nothing is written before. Throws what does not hold.
void PinEnvironment(std::span<const LoadedGroup> groups,
                    const std::vector<std::string>& later_lanes = {});

}  // namespace plastometer
