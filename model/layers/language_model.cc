#include "model/layers/language_model.h"

#include "base/error.h"
#include "model/layers/gate_shuffle.h"

namespace plastometer {
namespace {

constexpr int64_t kHistoryRows = 3;  // conv_width - 1

// The last three rows of history followed by x.
at::Tensor NextHistory(const at::Tensor& history, const at::Tensor& x) {
  const int64_t T = x.size(1);
  // A copy: a view would keep the whole activation alive.
  if (T >= kHistoryRows)
    return x.narrow(1, T - kHistoryRows, kHistoryRows).clone();
  return at::cat({history.narrow(1, T, kHistoryRows - T), x}, 1);
}

// What a layer is told by the profile, beside its schedule.
struct LayerControls {
  const Controls& controls;
  int64_t layer;
};

// A run of tokens whose mini-batches are all plastic, or all frozen.
struct Run {
  int64_t begin, length;  // tokens relative to the chunk
  bool plastic;
  bool reset;                   // the fast weights go back to the start first
  std::vector<double> lambdas;  // one a mini-batch touched
};

std::vector<Run> RunsOf(const LayerSchedule& schedule, const Controls& controls,
                        int64_t position, int64_t num_tokens) {
  std::vector<Run> runs;
  const double sign = controls.eta == Eta::kFlipped ? -1 : 1;
  for (int64_t t = 0; t < num_tokens;) {
    const int64_t mini_batch = (position + t) / kMiniBatchTokens;
    const int64_t n =
        std::min((mini_batch + 1) * kMiniBatchTokens - position, num_tokens) -
        t;
    const double lambda = schedule.At(mini_batch);
    const bool reset = controls.ResetsAt(position + t);
    if (runs.empty() || runs.back().plastic != (lambda > 0) || reset)
      runs.push_back({t, 0, lambda > 0, reset, {}});
    runs.back().length += n;
    runs.back().lambdas.push_back(sign * lambda);
    t += n;
  }
  return runs;
}

// One TTT layer over a chunk: projections, the inner loop or its frozen path,
// gate and output projection.
class TttLayer {
 public:
  TttLayer(const ModelConfig& config, const LayerWeights& weights,
           ops::Ops& ops, LayerState& state, const LayerControls& controls)
      : config_(config),
        w_(weights),
        ops_(ops),
        state_(state),
        controls_(controls),
        mamba_(config.backbone == Backbone::kMamba) {}

  at::Tensor Forward(const at::Tensor& x, const LayerSchedule& schedule,
                     int64_t position, ops::StatisticsCollector* statistics,
                     StatisticsMode mode) {
    const at::Tensor u = ops_.Linear(x, w_.wq);
    const at::Tensor q = mamba_
                             ? ops_.CausalConv(u, state_.qk_history,
                                               w_.conv_q_kernel, w_.conv_q_bias)
                             : u;
    std::vector<at::Tensor> outputs;
    for (const Run& run :
         RunsOf(schedule, controls_.controls, position, x.size(1))) {
      if (run.reset) state_.inner = {};  // on the grid: no row is open
      const at::Tensor q_run = q.narrow(1, run.begin, run.length);
      if (run.plastic) {
        outputs.push_back(
            Scan(x, u, q_run, run, position, state_.inner, statistics));
      } else {
        if (mode == StatisticsMode::kVirtual)
          CollectVirtual(x, u, q_run, run, position, statistics);
        outputs.push_back(ops_.FrozenInner(q_run, position + run.begin,
                                           w_.inner, state_.inner));
      }
    }
    if (mamba_) state_.qk_history = NextHistory(state_.qk_history, u);
    const at::Tensor o = outputs.size() == 1 ? outputs[0] : at::cat(outputs, 1);
    const at::Tensor gate = mamba_ ? ops_.Linear(x, w_.wg) : at::Tensor();
    return ops_.Linear(
        ops_.GatedNorm(gate, o, w_.post_norm_weight, w_.post_norm_bias), w_.wo);
  }

 private:
  at::Tensor Scan(const at::Tensor& x, const at::Tensor& u, const at::Tensor& q,
                  const Run& run, int64_t position, ops::InnerState& state,
                  ops::StatisticsCollector* statistics) {
    const at::Tensor x_run = x.narrow(1, run.begin, run.length);
    at::Tensor lr = ops_.InnerLearningRate(x_run, w_.lr_weight, w_.lr_bias);
    if (run.plastic && controls_.controls.eta == Eta::kShuffled)
      lr =
          ShuffleGates(lr, position + run.begin, controls_.layer, state_.gates);
    const ops::ScanInput input{.q = q,
                               .k = Keys(x_run, u, run),
                               .v = ops_.Linear(x_run, w_.wv),
                               .lr = lr,
                               .position = position + run.begin,
                               .lambdas = run.lambdas};
    return ops_.InnerScan(input, w_.inner, state, statistics);
  }

  at::Tensor Keys(const at::Tensor& x_run, const at::Tensor& u,
                  const Run& run) {
    if (!mamba_) return ops_.Linear(x_run, w_.wk);
    const at::Tensor history =
        run.begin == 0
            ? state_.qk_history
            : NextHistory(state_.qk_history, u.narrow(1, 0, run.begin));
    return ops_.CausalConv(u.narrow(1, run.begin, run.length), history,
                           w_.conv_k_kernel, w_.conv_k_bias);
  }

  // The gradient that a frozen mini-batch would have had: the scan with lambda
  // 0 on a state of its own, uncounted.
  void CollectVirtual(const at::Tensor& x, const at::Tensor& u,
                      const at::Tensor& q, const Run& run, int64_t position,
                      ops::StatisticsCollector* statistics) {
    ops_.PauseCounting(true);
    ops::InnerState& state = state_.virtual_inner;
    state.w1 = state_.inner.w1;
    state.b1 = state_.inner.b1;
    state.w2 = state_.inner.w2;
    state.b2 = state_.inner.b2;
    Scan(x, u, q, run, position, state, statistics);
    ops_.PauseCounting(false);
  }

  const ModelConfig& config_;
  const LayerWeights& w_;
  ops::Ops& ops_;
  LayerState& state_;
  const LayerControls& controls_;
  const bool mamba_;
};

at::Tensor Block(const ModelConfig& config, const LayerWeights& w,
                 ops::Ops& ops, LayerState& state, at::Tensor h,
                 const LayerSchedule& schedule, int64_t position,
                 const LayerControls& controls,
                 ops::StatisticsCollector* statistics, StatisticsMode mode) {
  if (config.backbone == Backbone::kMamba) {
    const at::Tensor normed = ops.RmsNorm(h, w.pre_conv_norm);
    h = ops.Add(h, ops.CausalConv(normed, state.pre_conv_history,
                                  w.pre_conv_kernel, w.pre_conv_bias));
    state.pre_conv_history = NextHistory(state.pre_conv_history, normed);
  }
  const at::Tensor x = ops.RmsNorm(h, w.seq_norm);
  h = ops.Add(h, TttLayer(config, w, ops, state, controls)
                     .Forward(x, schedule, position, statistics, mode));
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
    const std::string block = "model/h/" + std::to_string(l) + "/",
                      ttt = block + "seq_modeling_block/";
    LayerWeights w;
    if (config.backbone == Backbone::kMamba) {
      w.pre_conv_norm = get(block + "conv/conv_norm/kernel");
      w.pre_conv_kernel = get(block + "conv/conv1/kernel").squeeze(1);
      w.pre_conv_bias = get(block + "conv/conv1/bias");
      w.conv_q_kernel = get(ttt + "conv_q/kernel").squeeze(1);
      w.conv_q_bias = get(ttt + "conv_q/bias");
      w.conv_k_kernel = get(ttt + "conv_k/kernel").squeeze(1);
      w.conv_k_bias = get(ttt + "conv_k/bias");
      w.wg = get(ttt + "wg/kernel");
    } else {
      w.wk = get(ttt + "wk/kernel");
    }
    w.seq_norm = get(block + "seq_norm/kernel");
    w.ffn_norm = get(block + "ffn_norm/kernel");
    w.wq = get(ttt + "wq/kernel");
    w.wv = get(ttt + "wv/kernel");
    w.wo = get(ttt + "wo/kernel");
    w.lr_weight = ops::Matrix::Transposed(
        get(ttt + "learnable_ttt_lr/kernel").squeeze(2));
    w.lr_bias = get(ttt + "learnable_ttt_lr/bias").squeeze(1);
    w.inner.token_idx = get(ttt + "learnable_token_idx");
    w.inner.norm_weight = get(ttt + "ttt_norm/scale");
    w.inner.norm_bias = get(ttt + "ttt_norm/bias");
    w.inner.w1 = get(ttt + "ttt_dense_0");
    w.inner.b1 = get(ttt + "ttt_bias_0");
    if (config.inner_model == InnerModel::kMlp) {
      w.inner.w2 = get(ttt + "ttt_dense_1");
      w.inner.b2 = get(ttt + "ttt_bias_1");
    }
    w.post_norm_weight = get(ttt + "post_norm/scale");
    w.post_norm_bias = get(ttt + "post_norm/bias");
    w.w1 = get(block + "feed_forward/w1/kernel");
    w.w3 = get(block + "feed_forward/w3/kernel");
    w.w2 = get(block + "feed_forward/w2/kernel");
    weights.layers.push_back(std::move(w));
  }
  return weights;
}

void ForEachMatrix(
    LanguageModelWeights& weights,
    const std::function<void(ops::Matrix& matrix, bool transposed)>& visit) {
  visit(weights.embedding, true);
  for (LayerWeights& layer : weights.layers) {
    for (ops::Matrix* matrix : {&layer.wq, &layer.wk, &layer.wv, &layer.wo,
                                &layer.wg, &layer.w1, &layer.w3, &layer.w2}) {
      if (matrix->values.defined()) visit(*matrix, false);
    }
    visit(layer.lr_weight, true);
  }
}

SequenceState FreshState(const ModelConfig& config, int64_t num_sequences,
                         const at::TensorOptions& options) {
  SequenceState state;
  state.num_sequences = num_sequences;
  state.layers.resize(config.num_layers);
  if (config.backbone == Backbone::kMamba) {
    // Shared: histories are replaced, never written in place.
    const at::Tensor zeros =
        at::zeros({num_sequences, kHistoryRows, config.hidden_size}, options);
    for (LayerState& layer : state.layers)
      layer.pre_conv_history = layer.qk_history = zeros;
  }
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
    h = Block(config, weights.layers[l], ops, state.layers[l], h,
              profile.layer(l), state.position, {profile.controls(), l},
              statistics == nullptr ? nullptr : &(*statistics)[l], mode);
    if (observer) observer(l + 1, h);
  }
  state.position += ids.size(1);
  return ops.RmsNorm(h, weights.final_norm);
}

}  // namespace plastometer
