// What a TTT language model is, without its weights: sizes, backbone, inner
// model. Its parameters: model/weights/parameter_specs.h.
//
// Letters used in every header of model/: B sequences, T tokens, L layers, D
// width, H heads, d = D/H, F SwiGLU width, V vocabulary, b = 16 tokens of an
// inner mini-batch, M mini-batches.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/counters.h"

namespace plastometer {

enum class InnerModel { kLinear, kMlp };
// kMamba: pre-convolution, one Q/K projection with two convolutions, gate.
// kTransformer: separate Q and K, none of these.
enum class Backbone { kMamba, kTransformer };

struct ModelConfig {
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;                     // D
  int64_t intermediate_size = 0;               // F
  int64_t num_layers = 0;                      // L
  int64_t num_heads = 0;                       // H
  int64_t mini_batch_size = kMiniBatchTokens;  // b; no other is supported
  int64_t conv_width = 4;                      // the only value supported
  InnerModel inner_model = InnerModel::kLinear;
  Backbone backbone = Backbone::kMamba;
  // 1.0 for TTT-Linear, 0.1 for TTT-MLP in the published models.
  double ttt_base_lr = 1.0;
  double rope_theta = 10000.0;
  double rms_norm_eps = 1e-6;
  double initializer_range = 0.02;
  int64_t context_tokens = 2048;  // tokens of a training window

  int64_t head_dim() const { return hidden_size / num_heads; }
  bool operator==(const ModelConfig&) const = default;
};

// The published sizes: "125m", "350m", "760m", "1b" (TTT-Linear, mamba
// backbone, V = 32000); "-mlp" appended gives TTT-MLP. Throws kUsage that lists
// the names.
ModelConfig NamedConfig(const std::string& name);
std::vector<std::string> NamedConfigs();

// Reads our own field names, those of ttt-lm-jax, or those of a Hugging Face
// config.json (told apart by their keys). `source` (a path) is named in errors.
// Throws kInvalid: missing or mistyped field, unknown backbone or layer type,
// contradictory flags (use_gate / share_qk / pre_conv not all equal), sizes
// that do not divide, unsupported widths.
ModelConfig ConfigFromJson(const nlohmann::json& json,
                           const std::string& source);
// Our names of the fields of `json`, which ConfigFromJson takes, that it does
// not hold and that no tensor's shape says either: their values are defaults.
std::vector<std::string> AssumedFields(const nlohmann::json& json);
nlohmann::json ConfigToJson(const ModelConfig& config);  // our own field names
void ValidateConfig(const ModelConfig& config, const std::string& source);

std::string ToString(InnerModel inner_model);  // "linear", "mlp"
std::string ToString(Backbone backbone);       // "mamba", "transformer"

}  // namespace plastometer
