// `plastometer data`: sources of text, tokenizers, slices.
#pragma once

namespace CLI {
class App;
}

namespace plastometer {

// Registers the subcommand; its callbacks do the work and throw
// plastometer::Error.
void AddDataCommand(CLI::App& app);

}  // namespace plastometer
