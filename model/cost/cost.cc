#include "model/cost/cost.h"

#include <algorithm>

#include "base/error.h"

namespace plastometer {
namespace {

constexpr int64_t kFp32Bytes = 4;
constexpr int64_t b = kMiniBatchTokens;

// Elements of W and b of all heads.
int64_t FastWeightElements(const ModelConfig& c) {
  const int64_t d = c.head_dim();
  if (c.inner_model == InnerModel::kLinear) return c.num_heads * (d * d + d);
  return c.num_heads * (8 * d * d + 5 * d);
}

struct LayerTokens {
  int64_t plastic = 0, frozen = 0, updates = 0, uniform_updates = 0;
};

// Walks the mini-batches of one sequence.
LayerTokens TokensOfLayer(const LayerSchedule& schedule, int64_t num_tokens) {
  LayerTokens result;
  for (int64_t begin = 0; begin < num_tokens; begin += b) {
    const int64_t n = std::min(b, num_tokens - begin);
    const bool plastic = schedule.At(begin / b) > 0;
    (plastic ? result.plastic : result.frozen) += n;
    if (n == b) {
      result.uniform_updates += 1;
      result.updates += plastic ? 1 : 0;
    }
  }
  return result;
}

}  // namespace

LayerCost CostOfLayer(const ModelConfig& c) {
  const int64_t D = c.hidden_size, F = c.intermediate_size, H = c.num_heads,
                d = c.head_dim();
  const bool mamba = c.backbone == Backbone::kMamba;
  LayerCost cost;
  // RMS norms, Q and O (and gate), SwiGLU, post-norm and gate, RoPE of Q;
  // mamba: pre-conv with its norm and conv_q.
  cost.fixed = 2 * kRmsNormFlops * D + 2 * 2 * D * D + 6 * D * F +
               kSwiGluFlops * F + kPostGateFlops * D + kRopeFlops * D;
  if (mamba) cost.fixed += kRmsNormFlops * D + 2 * 8 * D + 2 * D * D;
  cost.plastic =
      2 * D * D + (mamba ? 8 * D : 2 * D * D) + 2 * D * H + kRopeFlops * D;
  if (c.inner_model == InnerModel::kLinear) {
    cost.inner_frozen_token = H * (2 * d * d + kInnerOutputNormFlops * d);
    cost.inner_plastic_token =
        H * (2 * 2 * d * d + 2 * 2 * b * d +
             (kInnerBackwardNormFlops + kInnerOutputNormFlops) * d);
    cost.inner_update = H * 2 * d * d * b;
  } else {
    cost.inner_frozen_token = H * (16 * d * d + kInnerMlpFrozenFlops * d);
    cost.inner_plastic_token =
        H * (3 * 8 * d * d + 2 * 8 * d * d + 2 * (2 * b * d + 8 * b * d) +
             kInnerMlpPlasticFlops * d);
    cost.inner_update = H * 2 * 8 * d * d * b;
  }
  return cost;
}

int64_t HeadFlopsPerToken(const ModelConfig& c) {
  return 2 * c.hidden_size * c.vocab_size + kRmsNormFlops * c.hidden_size;
}

int64_t AdaptiveStateBytesOfLayer(const ModelConfig& config) {
  return kFp32Bytes * FastWeightElements(config);
}

int64_t CarryBytesOfLayer(const ModelConfig& c, bool plastic,
                          const Controls& controls) {
  int64_t elements = 0;
  if (c.backbone == Backbone::kMamba)
    elements += 2 * (c.conv_width - 1) * c.hidden_size;
  if (plastic) {
    const int64_t d = c.head_dim();
    // Open rows: key, gradient(s), hidden activation (MLP) and learned rate of
    // at most b - 1 tokens.
    const int64_t row =
        c.inner_model == InnerModel::kLinear ? 2 * d + 1 : 10 * d + 1;
    elements += FastWeightElements(c) + (b - 1) * c.num_heads * row;
    if (controls.eta == Eta::kShuffled) elements += b * c.num_heads;
  }
  return kFp32Bytes * elements;
}

Counters CountersByFormula(const ModelConfig& c, const Profile& profile,
                           int64_t num_sequences, int64_t num_tokens) {
  const LayerCost cost = CostOfLayer(c);
  const int64_t D = c.hidden_size, H = c.num_heads;
  Counters total;
  total.tokens = num_sequences * num_tokens;
  total.flops = num_tokens * HeadFlopsPerToken(c);
  for (int64_t l = 0; l < c.num_layers; ++l) {
    const LayerSchedule& schedule = profile.layer(l);
    const LayerTokens n = TokensOfLayer(schedule, num_tokens);
    total.flops += num_tokens * cost.fixed +
                   n.plastic * (cost.plastic + cost.inner_plastic_token) +
                   n.frozen * cost.inner_frozen_token +
                   n.updates * cost.inner_update;
    total.inner_updates += H * n.updates;
    total.inner_updates_skipped += H * (n.uniform_updates - n.updates);
    total.inner_gradient_tokens += H * n.plastic;
    // Q, K, V in and O out (frozen: Q in, O out), learned rates; each update
    // reads and writes the fast weights once.
    total.bytes_moved +=
        kFp32Bytes * (n.plastic * (4 * D + H) + n.frozen * 2 * D +
                      n.updates * 2 * FastWeightElements(c));
    if (schedule.EverPlastic())
      total.adaptive_state_bytes += AdaptiveStateBytesOfLayer(c);
    total.carry_bytes +=
        CarryBytesOfLayer(c, schedule.EverPlastic(), profile.controls());
  }
  total.flops *= num_sequences;
  total.inner_updates *= num_sequences;
  total.inner_updates_skipped *= num_sequences;
  total.inner_gradient_tokens *= num_sequences;
  total.bytes_moved *= num_sequences;
  return total;
}

}  // namespace plastometer
