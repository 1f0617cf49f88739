// `plastometer run`: parse, call, print.
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddRunCommand(CLI::App& app);

}  // namespace plastometer
