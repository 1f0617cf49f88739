// What a model is trained on: fetched text, or a generated task.
#pragma once
#include <functional>
#include <string>

#include "datasets/tokenizer.h"
#include "model/train/trainer.h"

namespace plastometer {

using Say = std::function<void(const std::string& line)>;

// The training split of the config's sources, tokenised once (cached below the
// data folder). Throws what ReadSource throws.
train::TrainingTokens TokensOfSources(const train::TrainConfig& config,
                                      const Tokenizer& tokenizer,
                                      const Say& say);
// Documents 0, 1, ... of the config's task, one a window, none seen twice.
// Throws kUsage (unknown task or parameter), kInvalid (ids beyond the model's
// vocabulary).
train::TrainingTokens TokensOfTask(const train::TrainConfig& config);

}  // namespace plastometer
