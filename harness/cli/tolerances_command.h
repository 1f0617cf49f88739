// `plastometer tolerances`: the invariance matrix, measured.
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddTolerancesCommand(CLI::App& app);

}  // namespace plastometer
