#include "model/weights/infer.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/weights/parameter_specs.h"

namespace plastometer {
namespace {

constexpr int64_t kMaxLayerIndex = 1 << 20;

using Json = nlohmann::json;

constexpr char kEmbedding[] = "model/wte/embedding";

// A size and the tensor that says so.
struct Inferred {
  int64_t value = 0;
  std::string name;
};

class Shapes {
 public:
  Shapes(const WeightSource& source, const std::string& source_name)
      : source_(source), source_name_(source_name) {}

  Inferred Extent(const std::string& name, size_t rank, size_t axis) const {
    const auto found = source_.tensors().find(name);
    if (found == source_.tensors().end()) {
      throw InvalidError(source_name_ + ": tensor " + name +
                         " is missing: every TTT model has it");
    }
    const std::vector<int64_t>& shape = found->second.shape;
    if (shape.size() != rank) {
      throw InvalidError(source_.Where(name) + ": shape " +
                         ShapeText(found->second.stored_shape) + ", expected " +
                         std::to_string(rank) + " extents");
    }
    return {shape[axis], name};
  }

  Inferred Layers() const {
    Inferred layers;
    for (const auto& [name, tensor] : source_.tensors()) {
      if (!name.starts_with("model/h/")) continue;
      const int64_t index = std::strtoll(name.c_str() + 8, nullptr, 10);
      // An absurd index is left for the check against the parameter list.
      if (index < kMaxLayerIndex && index + 1 > layers.value)
        layers = {index + 1, name};
    }
    return layers;
  }

  bool Has(const std::string& name) const {
    return source_.tensors().contains(MixerPrefix(0) + name);
  }

  InnerModel Inner() const {
    InnerModel unmarked = InnerModel::kLinear;
    for (const MixerSpec& mixer : MixerSpecs()) {
      if (mixer.mark == nullptr) unmarked = mixer.kind;
      if (mixer.mark != nullptr && Has(mixer.mark)) return mixer.kind;
    }
    return unmarked;
  }

  Backbone ReadBackbone() const {
    // Both have it, so without it the file ends too early.
    Extent(MixerPrefix(0) + "wq/kernel", 2, 0);
    const bool mamba = Has("wg/kernel") && Has("conv_q/kernel") &&
                       Has("conv_k/kernel") && !Has("wk/kernel");
    const bool transformer = Has("wk/kernel") && !Has("wg/kernel") &&
                             !Has("conv_q/kernel") && !Has("conv_k/kernel");
    if (mamba) return Backbone::kMamba;
    if (transformer) return Backbone::kTransformer;
    std::string met;
    for (const char* name :
         {"wk/kernel", "wg/kernel", "conv_q/kernel", "conv_k/kernel"}) {
      if (Has(name)) met += (met.empty() ? "" : ", ") + std::string(name);
    }
    throw InvalidError(
        source_name_ + ": unknown backbone: layer 0 has " +
        (met.empty() ? "none of wk, wg, conv_q, conv_k" : met) +
        "; expected wg, conv_q and conv_k without wk (mamba), or wk without "
        "these (transformer)");
  }

 private:
  const WeightSource& source_;
  const std::string& source_name_;
};

// Where a size stands in our config, in ours and in the foreign JSON names.
struct SizeField {
  const char* own;
  const char* foreign;
  int64_t ModelConfig::*member;
  std::function<Inferred(const Shapes&)> infer;
};

const std::vector<SizeField>& SizeFields() {
  static const std::vector<SizeField> kFields = {
      {"vocab_size", "vocab_size", &ModelConfig::vocab_size,
       [](const Shapes& s) { return s.Extent(kEmbedding, 2, 0); }},
      {"hidden_size", "hidden_size", &ModelConfig::hidden_size,
       [](const Shapes& s) { return s.Extent(kEmbedding, 2, 1); }},
      {"intermediate_size", "intermediate_size",
       &ModelConfig::intermediate_size,
       [](const Shapes& s) {
         return s.Extent("model/h/0/feed_forward/w1/kernel", 2, 1);
       }},
      {"num_layers", "num_hidden_layers", &ModelConfig::num_layers,
       [](const Shapes& s) { return s.Layers(); }},
      {"num_heads", "num_attention_heads", &ModelConfig::num_heads,
       [](const Shapes& s) {
         return s.Extent(MixerPrefix(0) + "ttt_norm/scale", 2, 0);
       }},
  };
  return kFields;
}

// Without a config: our own JSON with nothing but what the keys say. The rates
// and epsilons are the defaults of every published model; the rate of TTT-MLP
// is not, and ConfigFromJson asks for it.
Json JsonFromKeys(const Shapes& shapes) {
  return {{"inner_model", ToString(shapes.Inner())},
          {"backbone", ToString(shapes.ReadBackbone())}};
}

void FillSizes(const Shapes& shapes, Json* json) {
  const bool own = json->contains("inner_model") || json->contains("backbone");
  for (const SizeField& field : SizeFields()) {
    const char* name = own ? field.own : field.foreign;
    if (!json->contains(name)) (*json)[name] = field.infer(shapes).value;
  }
}

template <typename T>
void RequireEqual(const std::string& json_name, const std::string& field,
                  const T& config_says, const std::string& where,
                  const T& keys_say) {
  if (config_says == keys_say) return;
  Json config = config_says, keys = keys_say;
  throw InvalidError("the config and the checkpoint disagree: " + json_name +
                     " says " + field + " = " + config.dump() + ", but " +
                     where + " says " + keys.dump());
}

}  // namespace

ModelConfig ResolveConfig(const WeightSource& source,
                          const std::string& source_name,
                          const std::optional<Json>& json,
                          const std::string& json_name,
                          std::vector<std::string>* assumed) {
  const Shapes shapes(source, source_name);
  const std::string inner = ToString(shapes.Inner());
  const std::string backbone = ToString(shapes.ReadBackbone());
  const std::string name =
      json ? json_name : source_name + " (no config given)";
  Json complete = json ? *json : JsonFromKeys(shapes);
  if (complete.is_object()) FillSizes(shapes, &complete);
  const ModelConfig config = ConfigFromJson(complete, name);
  if (assumed != nullptr) *assumed = AssumedFields(complete);
  RequireEqual(name, "backbone", ToString(config.backbone),
               source_name + " by its keys in layer 0", backbone);
  RequireEqual(name, "inner model", ToString(config.inner_model),
               source_name + " by its keys in layer 0", inner);
  for (const SizeField& field : SizeFields()) {
    const Inferred inferred = field.infer(shapes);
    RequireEqual(name, field.own, config.*field.member,
                 source.Where(inferred.name) + " " +
                     ShapeText(source.tensors().at(inferred.name).stored_shape),
                 inferred.value);
  }
  return config;
}

void CheckParameters(const WeightSource& source, const std::string& source_name,
                     const ModelConfig& config) {
  const std::vector<ParameterSpec> specs = ParameterSpecs(config);
  std::map<std::string, const ParameterSpec*> expected;
  for (const ParameterSpec& spec : specs) expected.emplace(spec.name, &spec);
  for (const auto& [name, tensor] : source.tensors()) {
    const auto spec = expected.find(name);
    if (spec == expected.end()) {
      throw InvalidError(source.Where(name) + ": unexpected tensor " +
                         ShapeText(tensor.stored_shape) +
                         ": a model of this config has none of that name");
    }
    if (tensor.shape != spec->second->shape) {
      throw InvalidError(
          source.Where(name) + ": shape " + ShapeText(tensor.stored_shape) +
          " is " + ShapeText(tensor.shape) + " in canonical layout, expected " +
          ShapeText(spec->second->shape) + " for " + name);
    }
    if (!IsFloating(tensor.dtype)) {
      throw InvalidError(source.Where(name) + ": dtype " +
                         DTypeName(tensor.dtype) +
                         ", expected a floating dtype");
    }
    expected.erase(spec);
  }
  if (!expected.empty()) {
    throw InvalidError(source_name + ": tensor " + expected.begin()->first +
                       " is missing, and " +
                       std::to_string(expected.size() - 1) +
                       " more (a truncated checkpoint?)");
  }
}

}  // namespace plastometer
