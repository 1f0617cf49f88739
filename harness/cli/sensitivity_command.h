// plastometer sensitivity
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddSensitivityCommand(CLI::App& app);

}  // namespace plastometer
