// What the names and shapes of a checkpoint say about its config.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/weights/weight_source.h"

namespace plastometer {

// The config of a checkpoint: `json` (its own, JAX or Hugging Face names; null
// when there is none) completed by what the shapes say. Backbone and inner
// model are read off the keys. Throws kInvalid when both speak and disagree
// (naming both), when the backbone cannot be told, or when a field is in
// neither. `assumed`: gets the names of fields that nothing says.
ModelConfig ResolveConfig(const WeightSource& source,
                          const std::string& source_name,
                          const std::optional<nlohmann::json>& json,
                          const std::string& json_name,
                          std::vector<std::string>* assumed = nullptr);

// Every parameter present, of the right shape and a floating dtype, and none
// else. Throws kInvalid naming the key.
void CheckParameters(const WeightSource& source, const std::string& source_name,
                     const ModelConfig& config);

}  // namespace plastometer
