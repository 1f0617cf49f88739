// `plastometer train`: makes a model from a committed config and fetched text.
#pragma once

namespace CLI {
class App;
}

namespace plastometer {

void AddTrainCommand(CLI::App& app);

}  // namespace plastometer
