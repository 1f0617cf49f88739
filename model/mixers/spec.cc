#include "model/mixers/spec.h"

#include "base/error.h"
#include "model/mixers/ttt/spec.h"

namespace plastometer {

// The list of mixers: one line each.
std::span<const MixerSpec> MixerSpecs() {
  static const MixerSpec specs[] = {TttLinearSpec(), TttMlpSpec()};
  return specs;
}

const MixerSpec& MixerSpecOf(const ModelConfig& config) {
  for (const MixerSpec& spec : MixerSpecs())
    if (spec.kind == config.inner_model) return spec;
  throw InternalError("mixer without a spec: " + ToString(config.inner_model));
}

std::vector<FastWeightSpec> FastWeightsOf(const ModelConfig& config) {
  return MixerSpecOf(config).fast_weights(config);
}

std::string MixerPrefix(int64_t layer) {
  return "model/h/" + std::to_string(layer) + "/seq_modeling_block/";
}

std::string StateName(int64_t layer, const FastWeightSpec& weight) {
  return "final_state." + std::to_string(layer) + "." + weight.name;
}

}  // namespace plastometer
