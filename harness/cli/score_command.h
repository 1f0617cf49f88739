// `plastometer score`: parse, call, print.
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddScoreCommand(CLI::App& app);

}  // namespace plastometer
