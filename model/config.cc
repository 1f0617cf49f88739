#include "model/config.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/counters.h"
#include "base/error.h"

namespace plastometer {
namespace {

using Json = nlohmann::json;

struct NamedSize {
  const char* name;
  int64_t layers, hidden, heads, intermediate;
};
constexpr NamedSize kNamedSizes[] = {{"125m", 12, 768, 12, 2048},
                                     {"350m", 24, 1024, 16, 2736},
                                     {"760m", 24, 1536, 16, 4096},
                                     {"1b", 24, 2048, 32, 5504}};

// One row a mixer. The published TTT-MLP models use a rate of 0.1, but both
// public classes default to 1.0, so a missing one is only harmless for
// TTT-Linear.
struct InnerModelName {
  InnerModel inner_model;
  const char *name, *jax_block;
  double base_lr;
  bool base_lr_may_be_missing;
};
constexpr InnerModelName kInnerModels[] = {
    {InnerModel::kLinear, "linear", "ttt_linear", 1.0, true},
    {InnerModel::kMlp, "mlp", "ttt_mlp", 0.1, false}};

const InnerModelName& NameOf(InnerModel inner_model) {
  for (const InnerModelName& row : kInnerModels)
    if (row.inner_model == inner_model) return row;
  throw InternalError("inner model without a name");
}

std::string Join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

// Typed access to one JSON object; every complaint names source and field.
class Fields {
 public:
  Fields(const Json& json, const std::string& source)
      : json_(json), source_(source) {}

  bool Has(const char* name) const { return json_.contains(name); }

  Error Bad(const std::string& name, const std::string& expected) const {
    return InvalidError(source_ + ": config field \"" + name +
                        "\" = " + json_.value(name, Json()).dump() +
                        ", expected " + expected);
  }

  int64_t Integer(const char* name) const {
    const Json& value = Required(name);
    // A huge unsigned literal would wrap when read as int64.
    const bool fits =
        !value.is_number_unsigned() ||
        value.get<uint64_t>() <=
            static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (!value.is_number_integer() || !fits) throw Bad(name, "an integer");
    return value.get<int64_t>();
  }
  int64_t Integer(const char* name, int64_t otherwise) const {
    return Has(name) ? Integer(name) : otherwise;
  }

  double Number(const char* name) const {
    const Json& value = Required(name);
    if (!value.is_number()) throw Bad(name, "a number");
    return value.get<double>();
  }
  double Number(const char* name, double otherwise) const {
    return Has(name) ? Number(name) : otherwise;
  }

  bool Flag(const char* name, bool otherwise) const {
    if (!Has(name)) return otherwise;
    if (!json_.at(name).is_boolean()) throw Bad(name, "true or false");
    return json_.at(name).get<bool>();
  }

  std::string Text(const char* name) const {
    const Json& value = Required(name);
    if (!value.is_string()) throw Bad(name, "a string");
    return value.get<std::string>();
  }

  const std::string& source() const { return source_; }
  const Json& json() const { return json_; }

 private:
  const Json& Required(const char* name) const {
    if (!Has(name)) {
      throw InvalidError(source_ + ": config field \"" + name +
                         "\" is missing");
    }
    return json_.at(name);
  }

  const Json& json_;
  const std::string& source_;
};

double BaseLr(const Fields& fields, InnerModel inner_model) {
  const InnerModelName& row = NameOf(inner_model);
  return row.base_lr_may_be_missing ? fields.Number("ttt_base_lr", row.base_lr)
                                    : fields.Number("ttt_base_lr");
}

InnerModel ParseInnerModel(const Fields& fields, const char* name) {
  const std::string text = fields.Text(name);
  std::string expected;
  for (const InnerModelName& row : kInnerModels) {
    if (text == row.name) return row.inner_model;
    expected +=
        (expected.empty() ? "\"" : " or \"") + std::string(row.name) + "\"";
  }
  throw fields.Bad(name, expected);
}

// The fields that JAX and Hugging Face spell alike.
ModelConfig SharedFields(const Fields& fields) {
  const ModelConfig defaults;
  ModelConfig config;
  config.vocab_size = fields.Integer("vocab_size");
  config.hidden_size = fields.Integer("hidden_size");
  config.intermediate_size = fields.Integer("intermediate_size");
  config.num_layers = fields.Integer("num_hidden_layers");
  config.num_heads = fields.Integer("num_attention_heads");
  config.mini_batch_size =
      fields.Integer("mini_batch_size", defaults.mini_batch_size);
  config.rope_theta = fields.Number("rope_theta", defaults.rope_theta);
  config.rms_norm_eps = fields.Number("rms_norm_eps", defaults.rms_norm_eps);
  config.initializer_range =
      fields.Number("initializer_range", defaults.initializer_range);
  return config;
}

void RequireTiedHead(const Fields& fields) {
  if (!fields.Flag("tie_word_embeddings", true)) {
    throw fields.Bad("tie_word_embeddings",
                     "true: only models with a tied head are supported");
  }
}

ModelConfig FromJax(const Fields& fields) {
  ModelConfig config = SharedFields(fields);
  const std::string block = fields.Text("seq_modeling_block");
  const auto row = std::ranges::find_if(kInnerModels, [&](const auto& r) {
    return block == r.jax_block || block == r.jax_block + std::string("_base");
  });
  if (row == std::end(kInnerModels)) {
    throw fields.Bad("seq_modeling_block",
                     "ttt_linear, ttt_linear_base, ttt_mlp or ttt_mlp_base");
  }
  const bool mamba = block == row->jax_block;
  config.inner_model = row->inner_model;
  config.backbone = mamba ? Backbone::kMamba : Backbone::kTransformer;
  if (fields.Flag("pre_conv", mamba) != mamba) {
    throw fields.Bad("pre_conv", std::string(mamba ? "true" : "false") +
                                     " because \"seq_modeling_block\" is \"" +
                                     block + "\"");
  }
  RequireTiedHead(fields);
  config.conv_width = fields.Integer("conv_width", config.conv_width);
  config.ttt_base_lr = BaseLr(fields, config.inner_model);
  config.context_tokens =
      fields.Integer("max_sequence_length", config.context_tokens);
  return config;
}

// save_pretrained leaves out fields that equal the class default: the three
// backbone flags false, the layer type "linear".
ModelConfig FromHuggingFace(const Fields& fields) {
  if (fields.Has("model_type") && fields.Text("model_type") != "ttt") {
    throw fields.Bad("model_type", "\"ttt\"");
  }
  if (fields.Has("hidden_act") && fields.Text("hidden_act") != "silu") {
    throw fields.Bad("hidden_act", "\"silu\"");
  }
  ModelConfig config = SharedFields(fields);
  config.inner_model = fields.Has("ttt_layer_type")
                           ? ParseInnerModel(fields, "ttt_layer_type")
                           : InnerModel::kLinear;
  const bool gate = fields.Flag("use_gate", false);
  const bool share = fields.Flag("share_qk", false);
  const bool conv = fields.Flag("pre_conv", false);
  if (gate != share || gate != conv) {
    const auto name = [](bool flag) { return flag ? "true" : "false"; };
    throw InvalidError(fields.source() + ": config flags contradict: " +
                       "use_gate = " + name(gate) + ", share_qk = " +
                       name(share) + ", pre_conv = " + name(conv) +
                       "; expected all true (mamba backbone) or all false "
                       "(transformer backbone)");
  }
  RequireTiedHead(fields);
  config.backbone = gate ? Backbone::kMamba : Backbone::kTransformer;
  config.conv_width = fields.Integer("conv_kernel", config.conv_width);
  config.ttt_base_lr = BaseLr(fields, config.inner_model);
  config.context_tokens =
      fields.Integer("max_position_embeddings", config.context_tokens);
  return config;
}

ModelConfig FromOwn(const Fields& fields) {
  static const std::set<std::string> kNames = [] {
    std::set<std::string> names;
    const Json example = ConfigToJson(ModelConfig{});
    for (const auto& item : example.items()) {
      names.insert(item.key());
    }
    return names;
  }();
  for (const auto& item : fields.json().items()) {
    if (kNames.count(item.key()) == 0) {
      throw fields.Bad(item.key(), "no field of that name");
    }
  }
  ModelConfig config;
  config.vocab_size = fields.Integer("vocab_size");
  config.hidden_size = fields.Integer("hidden_size");
  config.intermediate_size = fields.Integer("intermediate_size");
  config.num_layers = fields.Integer("num_layers");
  config.num_heads = fields.Integer("num_heads");
  config.mini_batch_size =
      fields.Integer("mini_batch_size", config.mini_batch_size);
  config.conv_width = fields.Integer("conv_width", config.conv_width);
  config.inner_model = ParseInnerModel(fields, "inner_model");
  const std::string backbone = fields.Text("backbone");
  if (backbone != "mamba" && backbone != "transformer") {
    throw fields.Bad("backbone", "\"mamba\" or \"transformer\"");
  }
  config.backbone =
      backbone == "mamba" ? Backbone::kMamba : Backbone::kTransformer;
  config.ttt_base_lr = BaseLr(fields, config.inner_model);
  config.rope_theta = fields.Number("rope_theta", config.rope_theta);
  config.rms_norm_eps = fields.Number("rms_norm_eps", config.rms_norm_eps);
  config.initializer_range =
      fields.Number("initializer_range", config.initializer_range);
  config.context_tokens =
      fields.Integer("context_tokens", config.context_tokens);
  return config;
}

// The limits keep every product of sizes far inside int64.
void RequireRange(const std::string& source, const char* name, int64_t value,
                  int64_t largest) {
  if (value < 1 || value > largest) {
    throw InvalidError(source + ": config field \"" + name +
                       "\" = " + std::to_string(value) + ", expected 1 to " +
                       std::to_string(largest));
  }
}

// Finite and of a use: beyond these a pass would print NaN for every token.
void RequireBetween(const std::string& source, const char* name, double value,
                    double smallest, double largest) {
  if (value >= smallest && value <= largest) return;  // no NaN is
  char text[96];
  std::snprintf(text, sizeof text, "\" = %g, expected %g to %g", value,
                smallest, largest);
  throw InvalidError(source + ": config field \"" + name + text);
}

}  // namespace

std::vector<std::string> NamedConfigs() {
  std::vector<std::string> names;
  for (const NamedSize& size : kNamedSizes) {
    names.emplace_back(size.name);
    names.push_back(std::string(size.name) + "-mlp");
  }
  return names;
}

ModelConfig NamedConfig(const std::string& name) {
  const bool mlp = name.ends_with("-mlp");
  const std::string stem = mlp ? name.substr(0, name.size() - 4) : name;
  for (const NamedSize& size : kNamedSizes) {
    if (stem != size.name) continue;
    ModelConfig config;
    config.vocab_size = 32000;
    config.hidden_size = size.hidden;
    config.intermediate_size = size.intermediate;
    config.num_layers = size.layers;
    config.num_heads = size.heads;
    config.inner_model = mlp ? InnerModel::kMlp : InnerModel::kLinear;
    config.ttt_base_lr = NameOf(config.inner_model).base_lr;
    return config;
  }
  throw UsageError("no model config is named \"" + name + "\"; there are " +
                   Join(NamedConfigs()));
}

ModelConfig ConfigFromJson(const Json& json, const std::string& source) {
  if (!json.is_object()) {
    throw InvalidError(source + ": a config must be a JSON object, met " +
                       json.type_name());
  }
  const Fields fields(json, source);
  const auto any = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (fields.Has(name)) return true;
    }
    return false;
  };
  const bool own = any({"inner_model", "backbone", "num_layers", "num_heads"});
  const bool jax = any({"seq_modeling_block"});
  const bool hugging_face =
      any({"model_type", "ttt_layer_type", "use_gate", "share_qk"});
  if (int{own} + int{jax} + int{hugging_face} != 1) {
    throw InvalidError(
        source +
        ": cannot tell whose config this is: expected either "
        "\"inner_model\" and \"backbone\" (Plastometer), "
        "\"seq_modeling_block\" (ttt-lm-jax), or \"model_type\" or "
        "\"ttt_layer_type\" (Hugging Face), met " +
        (own || jax || hugging_face ? "several of these" : "none of these"));
  }
  const ModelConfig config = own   ? FromOwn(fields)
                             : jax ? FromJax(fields)
                                   : FromHuggingFace(fields);
  ValidateConfig(config, source);
  return config;
}

std::vector<std::string> AssumedFields(const Json& json) {
  constexpr const char* kContextNames[] = {
      "context_tokens", "max_sequence_length", "max_position_embeddings"};
  std::vector<std::string> assumed;
  for (const char* name :
       {"ttt_base_lr", "rope_theta", "rms_norm_eps", "initializer_range"})
    if (!json.contains(name)) assumed.emplace_back(name);
  if (std::ranges::none_of(
          kContextNames, [&](const char* name) { return json.contains(name); }))
    assumed.emplace_back(kContextNames[0]);
  return assumed;
}

Json ConfigToJson(const ModelConfig& c) {
  return Json{{"vocab_size", c.vocab_size},
              {"hidden_size", c.hidden_size},
              {"intermediate_size", c.intermediate_size},
              {"num_layers", c.num_layers},
              {"num_heads", c.num_heads},
              {"mini_batch_size", c.mini_batch_size},
              {"conv_width", c.conv_width},
              {"inner_model", ToString(c.inner_model)},
              {"backbone", ToString(c.backbone)},
              {"ttt_base_lr", c.ttt_base_lr},
              {"rope_theta", c.rope_theta},
              {"rms_norm_eps", c.rms_norm_eps},
              {"initializer_range", c.initializer_range},
              {"context_tokens", c.context_tokens}};
}

void ValidateConfig(const ModelConfig& c, const std::string& source) {
  RequireRange(source, "vocab_size", c.vocab_size, int64_t{1} << 24);
  RequireRange(source, "hidden_size", c.hidden_size, int64_t{1} << 16);
  RequireRange(source, "intermediate_size", c.intermediate_size,
               int64_t{1} << 18);
  RequireRange(source, "num_layers", c.num_layers, 1024);
  RequireRange(source, "num_heads", c.num_heads, 4096);
  RequireRange(source, "context_tokens", c.context_tokens, int64_t{1} << 31);
  // An even head width, because RoPE turns pairs of channels.
  if (c.hidden_size % c.num_heads != 0 || c.head_dim() % 2 != 0) {
    throw InvalidError(source + ": hidden_size " +
                       std::to_string(c.hidden_size) + " over num_heads " +
                       std::to_string(c.num_heads) +
                       " must be a whole, even head width");
  }
  if (c.mini_batch_size != kMiniBatchTokens || c.conv_width != 4) {
    throw InvalidError(
        source + ": mini_batch_size " + std::to_string(c.mini_batch_size) +
        " and convolution width " + std::to_string(c.conv_width) +
        ", expected 16 and 4: no other is supported");
  }
  RequireBetween(source, "ttt_base_lr", c.ttt_base_lr, 1e-9, 1e4);
  // Below 1 the angles of RoPE would grow along the channels.
  RequireBetween(source, "rope_theta", c.rope_theta, 1, 1e12);
  // Fp32 loses one below 1e-38, and a row of zeros would be 0 / 0.
  RequireBetween(source, "rms_norm_eps", c.rms_norm_eps, 1e-30, 1);
  RequireBetween(source, "initializer_range", c.initializer_range, 1e-9, 10);
}

std::string ToString(InnerModel inner_model) {
  return NameOf(inner_model).name;
}

std::string ToString(Backbone backbone) {
  return backbone == Backbone::kMamba ? "mamba" : "transformer";
}

}  // namespace plastometer
