// `plastometer replay`: a capsule's tokens once more.
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddReplayCommand(CLI::App& app);

}  // namespace plastometer
