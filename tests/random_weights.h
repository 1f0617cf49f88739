// A random model whose inner loop matters: norms, biases, rates and clips are
// all non-trivial.
#pragma once
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "base/host_tensor.h"
#include "base/safetensors.h"
#include "model/config.h"
#include "model/weights/parameter_specs.h"

namespace plastometer {

inline TensorMap RandomWeights(const ModelConfig& config, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  TensorMap weights;
  for (const ParameterSpec& spec : ParameterSpecs(config)) {
    int64_t n = 1;
    for (int64_t s : spec.shape) n *= s;
    const bool scale = spec.name.ends_with("norm/kernel") ||
                       spec.name.ends_with("scale") ||
                       spec.name.ends_with("ln_f/kernel");
    const bool bias = spec.name.ends_with("bias") ||
                      spec.name.find("ttt_bias") != std::string::npos;
    const int64_t fan_in =
        spec.shape.size() > 1 ? spec.shape[spec.shape.size() - 2] : 4;
    float width = 1.0f / std::sqrt(static_cast<float>(fan_in));
    if (spec.name.ends_with("embedding"))
      width = 0.3f;
    else if (spec.name.ends_with("learnable_token_idx"))
      width = 0.1f;
    else if (scale || bias)
      width = 0.2f;
    std::vector<float> values(n);
    for (float& value : values)
      value = (scale ? 1.0f : 0.0f) + width * normal(generator);
    // The clip at 0.
    if (spec.name.ends_with("learnable_token_idx")) values[5] = -1.0f;
    weights[spec.name] = HostTensor::FromF32(spec.shape, values);
  }
  return weights;
}

}  // namespace plastometer
