// `plastometer env`: pins, probes and fingerprint of this machine.
#pragma once
#include <CLI/CLI.hpp>

#include "base/lane.h"
#include "harness/pins/pins.h"

namespace plastometer {

void AddEnvCommand(CLI::App& app);

// What LibTorch and the kernels say about a lane here; uses LibTorch.
NumericFacts FactsOf(Lane lane, int num_threads);
// Throws kRefused naming the first probe that fails.
void RequireProbes(Lane lane, int num_threads);

}  // namespace plastometer
