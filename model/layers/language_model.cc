#include "model/layers/language_model.h"

#include "base/error.h"
#include "model/mixers/spec.h"

namespace plastometer {
namespace {

at::Tensor Block(const ModelConfig& config, const LayerWeights& w,
                 ops::Ops& ops, LayerState& state, at::Tensor h,
                 const MixerCall& call) {
  if (config.backbone == Backbone::kMamba) {
    const at::Tensor normed = ops.RmsNorm(h, w.pre_conv_norm);
    h = ops.Add(h, ops.CausalConv(normed, state.pre_conv_history,
                                  w.pre_conv_kernel, w.pre_conv_bias));
    state.pre_conv_history = NextHistory(state.pre_conv_history, normed);
  }
  const at::Tensor x = ops.RmsNorm(h, w.seq_norm);
  h = ops.Add(h, w.mixer->Forward(x, ops, state.mixer, call));
  return ops.Add(h, ops.SwiGlu(ops.RmsNorm(h, w.ffn_norm), w.w1, w.w3, w.w2));
}

}  // namespace

LanguageModelWeights BindWeights(
    const ModelConfig& config,
    const std::map<std::string, at::Tensor>& tensors) {
  const auto get = [&](const std::string& name) {
    const auto found = tensors.find(name);
    if (found == tensors.end())
      throw InternalError("parameter '" + name + "' is not bound");
    return found->second;
  };
  LanguageModelWeights weights;
  weights.embedding = ops::Matrix::Transposed(get("model/wte/embedding"));
  weights.final_norm = get("model/ln_f/kernel");
  for (int64_t l = 0; l < config.num_layers; ++l) {
    const std::string block = "model/h/" + std::to_string(l) + "/";
    LayerWeights w;
    if (config.backbone == Backbone::kMamba) {
      w.pre_conv_norm = get(block + "conv/conv_norm/kernel");
      w.pre_conv_kernel = get(block + "conv/conv1/kernel").squeeze(1);
      w.pre_conv_bias = get(block + "conv/conv1/bias");
    }
    w.seq_norm = get(block + "seq_norm/kernel");
    w.ffn_norm = get(block + "ffn_norm/kernel");
    w.mixer = MakeMixer(config, [&](const std::string& name) {
      return get(MixerPrefix(l) + name);
    });
    w.w1 = get(block + "feed_forward/w1/kernel");
    w.w3 = get(block + "feed_forward/w3/kernel");
    w.w2 = get(block + "feed_forward/w2/kernel");
    weights.layers.push_back(std::move(w));
  }
  return weights;
}

void ForEachMatrix(LanguageModelWeights& weights, const MatrixVisitor& visit) {
  visit(weights.embedding, true);
  for (LayerWeights& layer : weights.layers) {
    layer.mixer->ForEachMatrix(visit);
    for (ops::Matrix* matrix : {&layer.w1, &layer.w3, &layer.w2})
      visit(*matrix, false);
  }
}

SequenceState FreshState(const ModelConfig& config, int64_t num_sequences,
                         const at::TensorOptions& options) {
  SequenceState state;
  state.num_sequences = num_sequences;
  // The layers share what is zero: it is replaced, never written in place.
  LayerState fresh;
  fresh.mixer = FreshMixerState(config, num_sequences, options);
  if (config.backbone == Backbone::kMamba)
    fresh.pre_conv_history =
        at::zeros({num_sequences, kHistoryRows, config.hidden_size}, options);
  state.layers.assign(config.num_layers, fresh);
  return state;
}

at::Tensor ForwardHidden(const ModelConfig& config,
                         const LanguageModelWeights& weights, ops::Ops& ops,
                         const Profile& profile, SequenceState& state,
                         const at::Tensor& ids,
                         std::vector<ops::StatisticsCollector>* statistics,
                         StatisticsMode mode, const StreamObserver& observer) {
  at::Tensor h = ops.Embedding(ids, weights.embedding);
  if (observer) observer(0, h);
  for (int64_t l = 0; l < config.num_layers; ++l) {
    const MixerCall call{
        .layer = l,
        .position = state.position,
        .schedule = profile.layer(l),
        .controls = profile.controls(),
        .statistics = statistics == nullptr ? nullptr : &(*statistics)[l],
        .virtual_gradients = mode == StatisticsMode::kVirtual};
    h = Block(config, weights.layers[l], ops, state.layers[l], h, call);
    if (observer) observer(l + 1, h);
  }
  state.position += ids.size(1);
  return ops.RmsNorm(h, weights.final_norm);
}

}  // namespace plastometer
