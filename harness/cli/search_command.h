// plastometer search
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddSearchCommand(CLI::App& app);

}  // namespace plastometer
