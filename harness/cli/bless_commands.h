// `plastometer review`, `accept`, `reject`, `lint` and `golden show`.
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddBlessCommands(CLI::App& app);

}  // namespace plastometer
