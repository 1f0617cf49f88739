#include "model/config.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

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
constexpr double kLinearBaseLr = 1.0, kMlpBaseLr = 0.1;

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

// The published TTT-MLP models use 0.1 but both public classes default to 1.0,
// so a missing rate is only harmless for TTT-Linear.
double BaseLr(const Fields& fields, InnerModel inner_model) {
  return inner_model == InnerModel::kLinear
             ? fields.Number("ttt_base_lr", kLinearBaseLr)
             : fields.Number("ttt_base_lr");
}

InnerModel ParseInnerModel(const Fields& fields, const char* name) {
  const std::string text = fields.Text(name);
  if (text == "linear") return InnerModel::kLinear;
  if (text == "mlp") return InnerModel::kMlp;
  throw fields.Bad(name, "\"linear\" or \"mlp\"");
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
  const bool mamba = block == "ttt_linear" || block == "ttt_mlp";
  const bool base = block == "ttt_linear_base" || block == "ttt_mlp_base";
  if (!mamba && !base) {
    throw fields.Bad("seq_modeling_block",
                     "ttt_linear, ttt_linear_base, ttt_mlp or ttt_mlp_base");
  }
  config.inner_model =
      block.starts_with("ttt_linear") ? InnerModel::kLinear : InnerModel::kMlp;
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

void RequirePositive(const std::string& source, const char* name,
                     double value) {
  if (!std::isfinite(value) || value <= 0) {
    throw InvalidError(source + ": config field \"" + name +
                       "\" = " + std::to_string(value) +
                       ", expected a finite positive number");
  }
}

void AddInnerModel(const ModelConfig& c, const std::string& block,
                   std::vector<ParameterSpec>* specs) {
  const int64_t heads = c.num_heads, d = c.head_dim();
  const bool mlp = c.inner_model == InnerModel::kMlp;
  const int64_t wide = mlp ? 4 * d : d;
  specs->push_back({block + "ttt_dense_0", {heads, d, wide}});
  specs->push_back({block + "ttt_bias_0", {heads, 1, wide}});
  if (mlp) {
    specs->push_back({block + "ttt_dense_1", {heads, wide, d}});
    specs->push_back({block + "ttt_bias_1", {heads, 1, d}});
  }
}

void AddTttLayer(const ModelConfig& c, const std::string& block,
                 std::vector<ParameterSpec>* specs) {
  const int64_t width = c.hidden_size, heads = c.num_heads;
  const bool mamba = c.backbone == Backbone::kMamba;
  for (const char* name :
       {"wq", mamba ? nullptr : "wk", "wv", "wo", mamba ? "wg" : nullptr}) {
    if (name != nullptr) {
      specs->push_back({block + name + "/kernel", {width, width}});
    }
  }
  if (mamba) {
    for (const char* name : {"conv_q", "conv_k"}) {
      specs->push_back({block + name + "/kernel", {c.conv_width, 1, width}});
      specs->push_back({block + name + "/bias", {width}});
    }
  }
  specs->push_back({block + "learnable_ttt_lr/kernel", {heads, width, 1}});
  specs->push_back({block + "learnable_ttt_lr/bias", {heads, 1}});
  specs->push_back({block + "learnable_token_idx", {c.mini_batch_size}});
  specs->push_back({block + "ttt_norm/scale", {heads, c.head_dim()}});
  specs->push_back({block + "ttt_norm/bias", {heads, c.head_dim()}});
  AddInnerModel(c, block, specs);
  specs->push_back({block + "post_norm/scale", {width}});
  specs->push_back({block + "post_norm/bias", {width}});
}

void AddLayer(const ModelConfig& c, const std::string& layer,
              std::vector<ParameterSpec>* specs) {
  const int64_t width = c.hidden_size, ffn = c.intermediate_size;
  if (c.backbone == Backbone::kMamba) {
    specs->push_back({layer + "conv/conv_norm/kernel", {width}});
    specs->push_back({layer + "conv/conv1/kernel", {c.conv_width, 1, width}});
    specs->push_back({layer + "conv/conv1/bias", {width}});
  }
  specs->push_back({layer + "seq_norm/kernel", {width}});
  specs->push_back({layer + "ffn_norm/kernel", {width}});
  AddTttLayer(c, layer + "seq_modeling_block/", specs);
  specs->push_back({layer + "feed_forward/w1/kernel", {width, ffn}});
  specs->push_back({layer + "feed_forward/w3/kernel", {width, ffn}});
  specs->push_back({layer + "feed_forward/w2/kernel", {ffn, width}});
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
    config.ttt_base_lr = mlp ? kMlpBaseLr : kLinearBaseLr;
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
  if (c.mini_batch_size != 16 || c.conv_width != 4) {
    throw InvalidError(
        source + ": mini_batch_size " + std::to_string(c.mini_batch_size) +
        " and convolution width " + std::to_string(c.conv_width) +
        ", expected 16 and 4: no other is supported");
  }
  RequirePositive(source, "ttt_base_lr", c.ttt_base_lr);
  RequirePositive(source, "rope_theta", c.rope_theta);
  RequirePositive(source, "rms_norm_eps", c.rms_norm_eps);
  RequirePositive(source, "initializer_range", c.initializer_range);
}

std::string ToString(InnerModel inner_model) {
  return inner_model == InnerModel::kLinear ? "linear" : "mlp";
}

std::string ToString(Backbone backbone) {
  return backbone == Backbone::kMamba ? "mamba" : "transformer";
}

std::vector<ParameterSpec> ParameterSpecs(const ModelConfig& config) {
  std::vector<ParameterSpec> specs;
  specs.push_back(
      {"model/wte/embedding", {config.vocab_size, config.hidden_size}});
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    AddLayer(config, "model/h/" + std::to_string(layer) + "/", &specs);
  }
  specs.push_back({"model/ln_f/kernel", {config.hidden_size}});
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

}  // namespace plastometer
