// The canonical parameter list of a whole model: embedding, blocks with their
// mixers, final norm.
#pragma once
#include <cstdint>
#include <vector>

#include "model/config.h"
#include "model/mixers/spec.h"

namespace plastometer {

// Every parameter of the model, in file order, e.g. "model/wte/embedding" [V,
// D], "model/h/0/seq_modeling_block/wq/kernel" [D, D].
std::vector<ParameterSpec> ParameterSpecs(const ModelConfig& config);
int64_t NumParameters(const ModelConfig& config);

// The parameters that fast weights start from, in all layers: canonical names.
std::vector<ParameterSpec> InitialFastWeights(const ModelConfig& config);

}  // namespace plastometer
