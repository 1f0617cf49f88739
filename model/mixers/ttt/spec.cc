#include "model/mixers/ttt/spec.h"

#include "base/counters.h"

namespace plastometer {
namespace {

using enum ParameterRole;

constexpr int64_t b = kMiniBatchTokens;
// Rows of docs/counters.md, FLOPs per channel of a head.
constexpr int64_t kBackwardNormFlops = 20, kOutputNormFlops = 9;  // TTT-Linear
constexpr int64_t kMlpPlasticFlops = 190, kMlpFrozenFlops = 49;

constexpr TorchName kTorchNames[] = {
    {"wq/kernel", "q_proj.weight", Transform::kSwapLastTwo},
    {"wk/kernel", "k_proj.weight", Transform::kSwapLastTwo},
    {"wv/kernel", "v_proj.weight", Transform::kSwapLastTwo},
    {"wo/kernel", "o_proj.weight", Transform::kSwapLastTwo},
    {"wg/kernel", "g_proj.weight", Transform::kSwapLastTwo},
    {"conv_q/kernel", "conv_q.weight", Transform::kReverse},
    {"conv_q/bias", "conv_q.bias", Transform::kCopy},
    {"conv_k/kernel", "conv_k.weight", Transform::kReverse},
    {"conv_k/bias", "conv_k.bias", Transform::kCopy},
    {"learnable_ttt_lr/kernel", "learnable_ttt_lr_weight",
     Transform::kSwapLastTwo},
    {"learnable_ttt_lr/bias", "learnable_ttt_lr_bias", Transform::kCopy},
    {"learnable_token_idx", "learnable_token_idx", Transform::kCopy},
    {"ttt_norm/scale", "ttt_norm_weight", Transform::kCopy},
    {"ttt_norm/bias", "ttt_norm_bias", Transform::kCopy},
    {"ttt_dense_0", "W1", Transform::kCopy},
    {"ttt_bias_0", "b1", Transform::kCopy},
    {"ttt_dense_1", "W2", Transform::kCopy},
    {"ttt_bias_1", "b2", Transform::kCopy},
    {"post_norm/scale", "post_norm.weight", Transform::kCopy},
    {"post_norm/bias", "post_norm.bias", Transform::kCopy},
};

std::vector<FastWeightSpec> LinearWeights(const ModelConfig& c) {
  const int64_t H = c.num_heads, d = c.head_dim();
  return {{"W1", "ttt_dense_0", {H, d, d}, true},
          {"b1", "ttt_bias_0", {H, 1, d}}};
}

std::vector<FastWeightSpec> MlpWeights(const ModelConfig& c) {
  const int64_t H = c.num_heads, d = c.head_dim(), J = 4 * d;
  return {{"W1", "ttt_dense_0", {H, d, J}, true},
          {"b1", "ttt_bias_0", {H, 1, J}},
          {"W2", "ttt_dense_1", {H, J, d}, true},
          {"b2", "ttt_bias_1", {H, 1, d}}};
}

std::vector<ParameterSpec> Parameters(const ModelConfig& c) {
  const int64_t D = c.hidden_size, H = c.num_heads, d = c.head_dim();
  const std::vector<int64_t> square = {D, D}, taps = {c.conv_width, 1, D};
  std::vector<ParameterSpec> specs = {{"wq/kernel", square, kMatrix}};
  const auto add = [&](std::vector<ParameterSpec> more) {
    specs.insert(specs.end(), more.begin(), more.end());
  };
  if (c.backbone == Backbone::kTransformer)
    add({{"wk/kernel", square, kMatrix}});
  add({{"wv/kernel", square, kMatrix}, {"wo/kernel", square, kMatrix}});
  if (c.backbone == Backbone::kMamba)
    add({{"wg/kernel", square, kMatrix},
         {"conv_q/kernel", taps, kConvolution},
         {"conv_q/bias", {D}},
         {"conv_k/kernel", taps, kConvolution},
         {"conv_k/bias", {D}}});
  add({{"learnable_ttt_lr/kernel", {H, D, 1}, kUndecayedMatrix},
       {"learnable_ttt_lr/bias", {H, 1}},
       {"learnable_token_idx", {c.mini_batch_size}},
       {"ttt_norm/scale", {H, d}, kNormScale},
       {"ttt_norm/bias", {H, d}}});
  for (const FastWeightSpec& weight : FastWeightsOf(c))
    add({{weight.initial, weight.shape, weight.is_matrix ? kMatrix : kZero}});
  add({{"post_norm/scale", {D}, kNormScale}, {"post_norm/bias", {D}}});
  return specs;
}

// What does not depend on the inner model.
MixerCost CommonCost(const ModelConfig& c) {
  const int64_t D = c.hidden_size, H = c.num_heads;
  const bool mamba = c.backbone == Backbone::kMamba;
  MixerCost cost;
  // Q and O, post-norm and gate, RoPE of Q; mamba: gate and conv_q.
  cost.fixed = 2 * 2 * D * D + kPostGateFlops * D + kRopeFlops * D;
  if (mamba) cost.fixed += 2 * D * D + 8 * D;
  // V, conv_k or K, learned rates, RoPE of K.
  cost.plastic =
      2 * D * D + (mamba ? 8 * D : 2 * D * D) + 2 * D * H + kRopeFlops * D;
  // Q, K, V in and O out, learned rates; frozen: Q in, O out.
  cost.plastic_traffic = 4 * D + H;
  cost.frozen_traffic = 2 * D;
  if (mamba) cost.history = (c.conv_width - 1) * D;
  return cost;
}

MixerCost LinearCost(const ModelConfig& c) {
  const int64_t H = c.num_heads, d = c.head_dim();
  MixerCost cost = CommonCost(c);
  cost.frozen_token = H * (2 * d * d + kOutputNormFlops * d);
  cost.scan_token = H * (2 * 2 * d * d + 2 * 2 * b * d +
                         (kBackwardNormFlops + kOutputNormFlops) * d);
  cost.update = H * 2 * d * d * b;
  // Key, gradient and learned rate of at most b - 1 tokens.
  cost.open_rows = (b - 1) * H * (2 * d + 1);
  return cost;
}

MixerCost MlpCost(const ModelConfig& c) {
  const int64_t H = c.num_heads, d = c.head_dim();
  MixerCost cost = CommonCost(c);
  cost.frozen_token = H * (16 * d * d + kMlpFrozenFlops * d);
  cost.scan_token = H * (3 * 8 * d * d + 2 * 8 * d * d +
                         2 * (2 * b * d + 8 * b * d) + kMlpPlasticFlops * d);
  cost.update = H * 2 * 8 * d * d * b;
  // Also the hidden activation and its gradient, 4d each.
  cost.open_rows = (b - 1) * H * (10 * d + 1);
  return cost;
}

}  // namespace

MixerSpec TttLinearSpec() {
  return {.kind = InnerModel::kLinear,
          .title = "TTT-Linear",
          .mark = nullptr,
          .torch_names = kTorchNames,
          .parameters = Parameters,
          .fast_weights = LinearWeights,
          .cost = LinearCost,
          .has_kernels = true};
}

MixerSpec TttMlpSpec() {
  return {.kind = InnerModel::kMlp,
          .title = "TTT-MLP",
          .mark = "ttt_dense_1",
          .torch_names = kTorchNames,
          .parameters = Parameters,
          .fast_weights = MlpWeights,
          .cost = MlpCost,
          .has_kernels = true};
}

}  // namespace plastometer
