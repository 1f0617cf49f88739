// `plastometer env`: pins, probes and fingerprint of this machine.
#pragma once
#include <CLI/CLI.hpp>

namespace plastometer {

void AddEnvCommand(CLI::App& app);

}  // namespace plastometer
