// `plastometer check`: run, then compare with the goldens.
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddCheckCommand(CLI::App& app);

}  // namespace plastometer
