// The layer code of TTT-Linear and TTT-MLP: projections, convolutions, learned
// rates, the inner loop or its frozen path, gate and output projection.
#pragma once
#include <memory>

#include "model/mixers/mixer.h"

namespace plastometer {

std::shared_ptr<Mixer> MakeTttMixer(const ModelConfig& config,
                                    const ParameterGetter& get);

}  // namespace plastometer
