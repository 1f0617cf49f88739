// plastometer arms
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddArmsCommand(CLI::App& app);

}  // namespace plastometer
