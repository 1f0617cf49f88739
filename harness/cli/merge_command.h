// `plastometer merge`: shards into the run that they are of.
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddMergeCommand(CLI::App& app);

}  // namespace plastometer
