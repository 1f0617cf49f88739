#include "model/cost/cost.h"

#include <algorithm>

#include "base/error.h"

namespace plastometer {
namespace {

constexpr int64_t kFp32Bytes = 4;
constexpr int64_t b = kMiniBatchTokens;

int64_t FastWeightElements(const ModelConfig& config) {
  int64_t total = 0;
  for (const FastWeightSpec& weight : FastWeightsOf(config)) {
    int64_t elements = 1;
    for (const int64_t extent : weight.shape) elements *= extent;
    total += elements;
  }
  return total;
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
  const int64_t D = c.hidden_size, F = c.intermediate_size;
  const MixerCost mixer = MixerSpecOf(c).cost(c);
  LayerCost cost;
  // RMS norms and SwiGLU; mamba: pre-conv with its norm.
  cost.fixed =
      mixer.fixed + 2 * kRmsNormFlops * D + 6 * D * F + kSwiGluFlops * F;
  if (c.backbone == Backbone::kMamba) cost.fixed += kRmsNormFlops * D + 8 * D;
  cost.plastic = mixer.plastic;
  cost.inner_plastic_token = mixer.scan_token;
  cost.inner_update = mixer.update;
  cost.inner_frozen_token = mixer.frozen_token;
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
  const MixerCost mixer = MixerSpecOf(c).cost(c);
  int64_t elements = mixer.history;
  if (c.backbone == Backbone::kMamba)
    elements += (c.conv_width - 1) * c.hidden_size;  // of the pre-convolution
  if (plastic) {
    elements += FastWeightElements(c) + mixer.open_rows;
    if (controls.eta == Eta::kShuffled) elements += b * c.num_heads;
  }
  return kFp32Bytes * elements;
}

Counters CountersByFormula(const ModelConfig& c, const Profile& profile,
                           int64_t num_sequences, int64_t num_tokens) {
  const LayerCost cost = CostOfLayer(c);
  const MixerCost mixer = MixerSpecOf(c).cost(c);
  const int64_t H = c.num_heads, elements = FastWeightElements(c);
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
    // Each update reads and writes the fast weights once.
    total.bytes_moved += kFp32Bytes * (n.plastic * mixer.plastic_traffic +
                                       n.frozen * mixer.frozen_traffic +
                                       n.updates * 2 * elements);
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
