#include "model/weights/parameter_specs.h"

#include <string>

namespace plastometer {
namespace {

using enum ParameterRole;

void AddLayer(const ModelConfig& c, int64_t layer,
              std::vector<ParameterSpec>& specs) {
  const std::string block = "model/h/" + std::to_string(layer) + "/";
  const int64_t D = c.hidden_size, F = c.intermediate_size;
  const auto add = [&](const char* name, std::vector<int64_t> shape,
                       ParameterRole role = kZero) {
    specs.push_back({block + name, std::move(shape), role});
  };
  if (c.backbone == Backbone::kMamba) {
    add("conv/conv_norm/kernel", {D}, kNormScale);
    add("conv/conv1/kernel", {c.conv_width, 1, D}, kConvolution);
    add("conv/conv1/bias", {D});
  }
  add("seq_norm/kernel", {D}, kNormScale);
  add("ffn_norm/kernel", {D}, kNormScale);
  for (ParameterSpec& spec : MixerSpecOf(c).parameters(c)) {
    spec.name = MixerPrefix(layer) + spec.name;
    specs.push_back(std::move(spec));
  }
  add("feed_forward/w1/kernel", {D, F}, kMatrix);
  add("feed_forward/w3/kernel", {D, F}, kMatrix);
  add("feed_forward/w2/kernel", {F, D}, kMatrix);
}

}  // namespace

std::vector<ParameterSpec> ParameterSpecs(const ModelConfig& config) {
  std::vector<ParameterSpec> specs = {{"model/wte/embedding",
                                       {config.vocab_size, config.hidden_size},
                                       kMatrix}};
  for (int64_t l = 0; l < config.num_layers; ++l) AddLayer(config, l, specs);
  specs.push_back({"model/ln_f/kernel", {config.hidden_size}, kNormScale});
  return specs;
}

int64_t NumParameters(const ModelConfig& config) {
  int64_t total = 0;
  for (const ParameterSpec& spec : ParameterSpecs(config)) {
    int64_t elements = 1;
    for (const int64_t extent : spec.shape) elements *= extent;
    total += elements;
  }
  return total;
}

std::vector<ParameterSpec> InitialFastWeights(const ModelConfig& config) {
  std::vector<ParameterSpec> specs;
  for (int64_t l = 0; l < config.num_layers; ++l)
    for (const FastWeightSpec& weight : FastWeightsOf(config))
      specs.push_back({MixerPrefix(l) + weight.initial, weight.shape});
  return specs;
}

}  // namespace plastometer
