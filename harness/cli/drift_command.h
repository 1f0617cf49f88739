// `plastometer drift`: parse, call, print.
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddDriftCommand(CLI::App& app);

}  // namespace plastometer
