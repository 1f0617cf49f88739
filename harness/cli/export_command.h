// `plastometer export`: parse, call, print.
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddExportCommand(CLI::App& app);

}  // namespace plastometer
