// What this machine is, as pins and probes see it.
#pragma once
#include "base/lane.h"
#include "harness/pins/pins.h"

namespace plastometer {

// What LibTorch and the kernels say about a lane here; uses LibTorch.
NumericFacts FactsOf(Lane lane, int num_threads);
// Throws kRefused naming the first probe that fails.
void RequireProbes(Lane lane, int num_threads);

}  // namespace plastometer
