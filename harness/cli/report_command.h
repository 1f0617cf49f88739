#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddReportCommand(CLI::App& app);

}  // namespace plastometer
