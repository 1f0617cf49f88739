// A small random model and windows over it.
#pragma once
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "datasets/corpus.h"
#include "model/model.h"
#include "model/weights/parameter_specs.h"

namespace plastometer {

// `change` may replace a tensor before it is loaded.
inline Model TinyModel(
    const std::function<void(const std::string&, HostTensor&)>& change = {},
    const ModelOptions& options = {Lane::kCpuReferenceFp64, 1}) {
  ModelConfig config;
  config.vocab_size = 64;
  config.hidden_size = 32;
  config.intermediate_size = 48;
  config.num_layers = 4;
  config.num_heads = 2;
  std::mt19937 generator(3);
  std::normal_distribution<float> normal(0, 0.1F);
  TensorMap tensors;
  for (const ParameterSpec& spec : ParameterSpecs(config)) {
    int64_t n = 1;
    for (int64_t size : spec.shape) n *= size;
    std::vector<float> values(static_cast<size_t>(n));
    const bool is_scale =
        spec.name.size() > 5 &&
        spec.name.compare(spec.name.size() - 5, 5, "scale") == 0;
    for (float& v : values) v = is_scale ? 1.0F : normal(generator);
    tensors[spec.name] = HostTensor::FromF32(spec.shape, values);
    if (change) change(spec.name, tensors[spec.name]);
  }
  return Model::FromTensors(config, tensors, options);
}

inline Window TinyWindow(const std::string& work, int64_t num_tokens,
                         int32_t salt) {
  Window window;
  window.source = "test";
  window.domain = "prose";
  window.work = work;
  window.document = work;
  for (int64_t t = 0; t < num_tokens; ++t)
    window.ids.push_back(static_cast<int32_t>((t * 7 + salt * t * t) % 64));
  window.token_bytes.assign(static_cast<size_t>(num_tokens), 3);
  return window;
}

}  // namespace plastometer
