// `plastometer mean-state`: parse, call, print.
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddMeanStateCommand(CLI::App& app);

}  // namespace plastometer
