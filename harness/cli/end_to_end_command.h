// plastometer end-to-end
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddEndToEndCommand(CLI::App& app);

}  // namespace plastometer
