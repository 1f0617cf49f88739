#include "model/mixers/ttt/layer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "model/mixers/ttt/gate_shuffle.h"

namespace plastometer {
namespace {

// As the ops take them. Convolution kernels are [4, D].
struct TttWeights {
  // [D, D]; wk transformer only, wg and convolutions mamba only.
  ops::Matrix wq, wk, wv, wo, wg;
  at::Tensor conv_q_kernel, conv_q_bias, conv_k_kernel, conv_k_bias;
  ops::Matrix lr_weight;  // D -> H, stored [H, D]
  at::Tensor lr_bias;     // [H]
  ops::InnerParameters inner;
  at::Tensor post_norm_weight, post_norm_bias;  // [D]
};

// A run of tokens whose mini-batches are all plastic, or all frozen.
struct Run {
  int64_t begin, length;  // tokens relative to the chunk
  bool plastic;
  bool reset;                   // the fast weights go back to the start first
  std::vector<double> lambdas;  // one a mini-batch touched
};

std::vector<Run> RunsOf(const MixerCall& call, int64_t num_tokens) {
  std::vector<Run> runs;
  const double sign = call.controls.eta == Eta::kFlipped ? -1 : 1;
  for (int64_t t = 0; t < num_tokens;) {
    const int64_t position = call.position + t;
    const int64_t mini_batch = position / kMiniBatchTokens;
    const int64_t n = std::min((mini_batch + 1) * kMiniBatchTokens - position,
                               num_tokens - t);
    const double lambda = call.schedule.At(mini_batch);
    const bool reset = call.controls.ResetsAt(position);
    if (runs.empty() || runs.back().plastic != (lambda > 0) || reset)
      runs.push_back({t, 0, lambda > 0, reset, {}});
    runs.back().length += n;
    runs.back().lambdas.push_back(sign * lambda);
    t += n;
  }
  return runs;
}

// One call of the layer.
class Pass {
 public:
  Pass(const TttWeights& weights, bool mamba, ops::Ops& ops, MixerState& state,
       const MixerCall& call)
      : w_(weights), mamba_(mamba), ops_(ops), state_(state), call_(call) {}

  at::Tensor Forward(const at::Tensor& x) {
    const at::Tensor u = ops_.Linear(x, w_.wq);
    const at::Tensor q = mamba_
                             ? ops_.CausalConv(u, state_.history,
                                               w_.conv_q_kernel, w_.conv_q_bias)
                             : u;
    std::vector<at::Tensor> outputs;
    for (const Run& run : RunsOf(call_, x.size(1))) {
      if (run.reset) state_.inner = {};  // on the grid: no row is open
      const at::Tensor q_run = q.narrow(1, run.begin, run.length);
      if (run.plastic) {
        outputs.push_back(Scan(x, u, q_run, run, state_.inner));
      } else {
        if (call_.virtual_gradients) CollectVirtual(x, u, q_run, run);
        outputs.push_back(ops_.FrozenInner(q_run, call_.position + run.begin,
                                           w_.inner, state_.inner));
      }
    }
    if (mamba_) state_.history = NextHistory(state_.history, u);
    const at::Tensor o = outputs.size() == 1 ? outputs[0] : at::cat(outputs, 1);
    const at::Tensor gate = mamba_ ? ops_.Linear(x, w_.wg) : at::Tensor();
    return ops_.Linear(
        ops_.GatedNorm(gate, o, w_.post_norm_weight, w_.post_norm_bias), w_.wo);
  }

 private:
  at::Tensor Scan(const at::Tensor& x, const at::Tensor& u, const at::Tensor& q,
                  const Run& run, ops::InnerState& state) {
    const int64_t position = call_.position + run.begin;
    const at::Tensor x_run = x.narrow(1, run.begin, run.length);
    at::Tensor lr = ops_.InnerLearningRate(x_run, w_.lr_weight, w_.lr_bias);
    if (run.plastic && call_.controls.eta == Eta::kShuffled)
      lr = ShuffleGates(lr, position, call_.layer, state_.gates);
    const ops::ScanInput input{.q = q,
                               .k = Keys(x_run, u, run),
                               .v = ops_.Linear(x_run, w_.wv),
                               .lr = lr,
                               .position = position,
                               .lambdas = run.lambdas};
    return ops_.InnerScan(input, w_.inner, state, call_.statistics);
  }

  at::Tensor Keys(const at::Tensor& x_run, const at::Tensor& u,
                  const Run& run) {
    if (!mamba_) return ops_.Linear(x_run, w_.wk);
    const at::Tensor history =
        run.begin == 0 ? state_.history
                       : NextHistory(state_.history, u.narrow(1, 0, run.begin));
    return ops_.CausalConv(u.narrow(1, run.begin, run.length), history,
                           w_.conv_k_kernel, w_.conv_k_bias);
  }

  // The scan with lambda 0 on a state of its own, uncounted.
  void CollectVirtual(const at::Tensor& x, const at::Tensor& u,
                      const at::Tensor& q, const Run& run) {
    ops_.PauseCounting(true);
    state_.virtual_inner.weights = state_.inner.weights;
    Scan(x, u, q, run, state_.virtual_inner);
    ops_.PauseCounting(false);
  }

  const TttWeights& w_;
  const bool mamba_;
  ops::Ops& ops_;
  MixerState& state_;
  const MixerCall& call_;
};

class TttMixer : public Mixer {
 public:
  TttMixer(const ModelConfig& config, const ParameterGetter& get)
      : mamba_(config.backbone == Backbone::kMamba) {
    if (mamba_) {
      w_.conv_q_kernel = get("conv_q/kernel").squeeze(1);
      w_.conv_q_bias = get("conv_q/bias");
      w_.conv_k_kernel = get("conv_k/kernel").squeeze(1);
      w_.conv_k_bias = get("conv_k/bias");
      w_.wg = get("wg/kernel");
    } else {
      w_.wk = get("wk/kernel");
    }
    w_.wq = get("wq/kernel");
    w_.wv = get("wv/kernel");
    w_.wo = get("wo/kernel");
    w_.lr_weight =
        ops::Matrix::Transposed(get("learnable_ttt_lr/kernel").squeeze(2));
    w_.lr_bias = get("learnable_ttt_lr/bias").squeeze(1);
    w_.inner.token_idx = get("learnable_token_idx");
    w_.inner.norm_weight = get("ttt_norm/scale");
    w_.inner.norm_bias = get("ttt_norm/bias");
    for (const FastWeightSpec& weight : FastWeightsOf(config))
      w_.inner.start.push_back(get(weight.initial));
    w_.post_norm_weight = get("post_norm/scale");
    w_.post_norm_bias = get("post_norm/bias");
  }

  at::Tensor Forward(const at::Tensor& x, ops::Ops& ops, MixerState& state,
                     const MixerCall& call) const override {
    return Pass(w_, mamba_, ops, state, call).Forward(x);
  }
  const ops::FastWeights& start() const override { return w_.inner.start; }
  std::shared_ptr<Mixer> StartingFrom(ops::FastWeights start) const override {
    auto other = std::make_shared<TttMixer>(*this);
    other->w_.inner.start = std::move(start);
    return other;
  }
  void ForEachMatrix(const MatrixVisitor& visit) override {
    for (ops::Matrix* matrix : {&w_.wq, &w_.wk, &w_.wv, &w_.wo, &w_.wg})
      if (matrix->values.defined()) visit(*matrix, false);
    visit(w_.lr_weight, true);
  }

 private:
  TttWeights w_;
  bool mamba_;
};

}  // namespace

std::shared_ptr<Mixer> MakeTttMixer(const ModelConfig& config,
                                    const ParameterGetter& get) {
  return std::make_shared<TttMixer>(config, get);
}

}  // namespace plastometer
