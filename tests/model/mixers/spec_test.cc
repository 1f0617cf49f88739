#include "model/mixers/spec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "model/weights/names.h"
#include "model/weights/parameter_specs.h"

namespace plastometer {
namespace {

// Every mixer under both backbones: 2 layers, 3 heads of width 8.
std::vector<ModelConfig> Configs() {
  std::vector<ModelConfig> configs;
  for (const MixerSpec& spec : MixerSpecs()) {
    for (const Backbone backbone : {Backbone::kMamba, Backbone::kTransformer}) {
      ModelConfig config;
      config.vocab_size = 11;
      config.hidden_size = 24;
      config.intermediate_size = 40;
      config.num_layers = 2;
      config.num_heads = 3;
      config.inner_model = spec.kind;
      config.backbone = backbone;
      configs.push_back(config);
    }
  }
  return configs;
}

const ParameterSpec* Find(const std::vector<ParameterSpec>& specs,
                          const std::string& name) {
  const auto found =
      std::ranges::find(specs, name, [](const auto& s) { return s.name; });
  return found == specs.end() ? nullptr : &*found;
}

TEST(MixerSpec, FastWeightsStartFromParametersOfTheirShape) {
  for (const ModelConfig& config : Configs()) {
    SCOPED_TRACE(MixerSpecOf(config).title);
    const auto parameters = MixerSpecOf(config).parameters(config);
    std::set<std::string> names;
    for (const FastWeightSpec& weight : FastWeightsOf(config)) {
      const ParameterSpec* initial = Find(parameters, weight.initial);
      ASSERT_NE(initial, nullptr) << weight.initial;
      EXPECT_EQ(initial->shape, weight.shape) << weight.name;
      EXPECT_EQ(weight.shape.front(), config.num_heads);
      EXPECT_TRUE(names.insert(weight.name).second) << weight.name;
    }
    EXPECT_EQ(InitialFastWeights(config).size(), 2 * names.size());
  }
}

TEST(MixerSpec, EveryParameterHasATorchName) {
  for (const ModelConfig& config : Configs()) {
    for (const ParameterSpec& spec : ParameterSpecs(config)) {
      const auto torch = CanonicalToTorch(spec.name);
      ASSERT_TRUE(torch) << spec.name;
      const auto back = TorchToCanonical(torch->name);
      ASSERT_TRUE(back) << torch->name;
      EXPECT_EQ(back->name, spec.name);
    }
  }
}

// A checkpoint without config is told by it.
TEST(MixerSpec, AMarkIsOfOneMixerOnly) {
  int unmarked = 0;
  for (const MixerSpec& spec : MixerSpecs()) {
    if (spec.mark == nullptr) {
      ++unmarked;
      continue;
    }
    for (const ModelConfig& config : Configs()) {
      const auto parameters = MixerSpecOf(config).parameters(config);
      EXPECT_EQ(Find(parameters, spec.mark) != nullptr,
                config.inner_model == spec.kind)
          << spec.title << " in " << MixerSpecOf(config).title;
    }
  }
  EXPECT_EQ(unmarked, 1);
}

TEST(MixerSpec, StateAndParameterNames) {
  ModelConfig config = Configs().front();
  const FastWeightSpec first = FastWeightsOf(config).front();
  EXPECT_EQ(StateName(3, first), "final_state.3.W1");
  EXPECT_EQ(InitialFastWeights(config).front().name,
            "model/h/0/seq_modeling_block/ttt_dense_0");
}

}  // namespace
}  // namespace plastometer
