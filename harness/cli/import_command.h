// `plastometer import`: parse, call, print.
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddImportCommand(CLI::App& app);

}  // namespace plastometer
