// The operations that a layer is written in, at the level of stages. An
// arithmetic implements the Do* functions; the public functions report their
// shapes to the counters and call them. Layers are written once, against this
// table, and never ask which arithmetic runs.
//
// Letters: model/config.h. R = rows of the open mini-batch. Dense kernels are
// [in, out] as in the JAX code.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"
#include "model/cost/cost.h"
#include "model/ops/matrix.h"
#include "model/ops/statistics.h"

namespace plastometer::ops {

// In the order of the mixer's spec (model/mixers/spec.h).
using FastWeights = std::vector<at::Tensor>;

// One layer's inner-loop parameters (shared by all sequences).
struct InnerParameters {
  at::Tensor norm_weight, norm_bias;  // [H, d]
  // [16] learnable offset of 1/(t+1), before the clip at 0
  at::Tensor token_idx;
  FastWeights start;  // W0 [H, ...]
};

// Fast weights of B sequences in one layer, and the rows of the mini-batch that
// is not full yet.
struct InnerState {
  // [B, H, ...]; none: still at the start (nothing is copied for a layer that
  // never learns).
  FastWeights weights;
  // Rows i < R of the open mini-batch: key after RoPE [B, H, R, d], learned
  // rate after the sigmoid [B, H, R], gradient [B, H, R, d or 4d]; TTT-MLP:
  // hidden activation [B, H, R, 4d] and second gradient [B, H, R, d].
  at::Tensor k, lr, g1, x2, g2;
  // [B, H] summed inner loss of the open rows; only with statistics.
  at::Tensor open_loss;
  // The portable arithmetic keeps 16 rows of each, R of them filled, and the
  // gradients times their rates: h1 [B, H, 16, d or 4d], h2 [B, H, 16, d]; g1
  // and g2, `lr` (the rates f) and open_loss (by row) [B, H, 16] only with
  // statistics.
  at::Tensor h1, h2;
  int64_t num_open_rows() const { return k.defined() ? k.size(2) : 0; }
  // [B, H, ...], or the start's [H, ...] of all sequences alike.
  const FastWeights& WeightsOr(const FastWeights& start) const {
    return weights.empty() ? start : weights;
  }
};

// What the scan of a run of tokens needs. q, k, v: [B, T, D] before RoPE; lr:
// [B, T, H] after the sigmoid. The run starts at absolute token `position`;
// lambdas[m - position/16] is the multiplier of mini-batch m.
struct ScanInput {
  at::Tensor q, k, v, lr;
  int64_t position = 0;
  std::span<const double> lambdas;  // all > 0, or all < 0 (eta=flip)
};

class Ops {
 public:
  explicit Ops(const ModelConfig& config)
      : config_(config),
        layer_cost_(CostOfLayer(config)),
        adaptive_state_bytes_(AdaptiveStateBytesOfLayer(config)) {}
  virtual ~Ops() = default;

  // rows of [V, D]; ids: [B, T] int64
  at::Tensor Embedding(const at::Tensor& ids, const Matrix& table);
  // x / rms(x) * weight; x: [..., D]
  at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight);
  // x [..., in] times kernel [in, out]
  at::Tensor Linear(const at::Tensor& x, const Matrix& kernel);
  // Depthwise causal convolution of width 4 with bias: x [B, T, D], history [B,
  // 3, D] (the rows before x), kernel [4, D] (row 3 is the current token), bias
  // [D].
  at::Tensor CausalConv(const at::Tensor& x, const at::Tensor& history,
                        const at::Tensor& kernel, const at::Tensor& bias);
  // sigmoid(x . a_h + c_h): x [B, T, D], weight [H, D], bias [H] -> [B, T, H]
  at::Tensor InnerLearningRate(const at::Tensor& x, const Matrix& weight,
                               const at::Tensor& bias);
  // RoPE, inner loop over mini-batches, inner norm and residual; advances
  // `state`. -> [B, T, D]. `statistics` may be null.
  at::Tensor InnerScan(const ScanInput& input,
                       const InnerParameters& parameters, InnerState& state,
                       StatisticsCollector* statistics);
  // The skipping path of lambda = 0: q + LN(f(q)) with the current state. q:
  // [B, T, D] before RoPE -> [B, T, D]
  at::Tensor FrozenInner(const at::Tensor& q, int64_t position,
                         const InnerParameters& parameters,
                         const InnerState& state);
  // [gelu_tanh(gate) *] LayerNorm_D(o; weight, bias, eps 1e-6); gate may be
  // undefined (transformer backbone). -> [B, T, D]
  at::Tensor GatedNorm(const at::Tensor& gate, const at::Tensor& o,
                       const at::Tensor& weight, const at::Tensor& bias);
  // silu(x w1) * (x w3) times w2
  at::Tensor SwiGlu(const at::Tensor& x, const Matrix& w1, const Matrix& w3,
                    const Matrix& w2);
  // h [N, D] (after the final norm) times table^T -> [N, V]
  at::Tensor Logits(const at::Tensor& h, const Matrix& table);
  // -log softmax(h table^T)[target] in nats: h [N, D], targets [N] int64 ->
  // [N]; the [N, V] logits are never whole in memory.
  at::Tensor TokenLoss(const at::Tensor& h, const Matrix& table,
                       const at::Tensor& targets);

  // -log softmax(logits)[target] in nats: logits [N, V], targets [N] int64 ->
  // [N]. Not counted: `Logits` was.
  at::Tensor LossOfLogits(const at::Tensor& logits, const at::Tensor& targets);
  // For every loss from now on, in order, whether the target's logit is above
  // all others: decided on the logits that the loss is made of. Where two are
  // equally high no token is the most probable one. [N] bool; empties the list.
  void KeepCorrect() { keeps_correct_ = true; }
  at::Tensor TakeCorrect();
  // The residual stream: a + b, same shapes. Not counted.
  at::Tensor Add(const at::Tensor& a, const at::Tensor& b) {
    return DoAdd(a, b);
  }

  Counters& counters() { return counters_; }
  // Work inside (statistics that were asked for) is not counted.
  void PauseCounting(bool paused) { paused_ = paused; }

 protected:
  virtual at::Tensor DoEmbedding(const at::Tensor& ids,
                                 const Matrix& table) = 0;
  virtual at::Tensor DoRmsNorm(const at::Tensor& x,
                               const at::Tensor& weight) = 0;
  virtual at::Tensor DoLinear(const at::Tensor& x, const Matrix& kernel) = 0;
  virtual at::Tensor DoCausalConv(const at::Tensor& x,
                                  const at::Tensor& history,
                                  const at::Tensor& kernel,
                                  const at::Tensor& bias) = 0;
  virtual at::Tensor DoInnerLearningRate(const at::Tensor& x,
                                         const Matrix& weight,
                                         const at::Tensor& bias) = 0;
  virtual at::Tensor DoInnerScan(const ScanInput& input,
                                 const InnerParameters& parameters,
                                 InnerState& state,
                                 StatisticsCollector* statistics) = 0;
  virtual at::Tensor DoFrozenInner(const at::Tensor& q, int64_t position,
                                   const InnerParameters& parameters,
                                   const InnerState& state) = 0;
  virtual at::Tensor DoGatedNorm(const at::Tensor& gate, const at::Tensor& o,
                                 const at::Tensor& weight,
                                 const at::Tensor& bias) = 0;
  virtual at::Tensor DoSwiGlu(const at::Tensor& x, const Matrix& w1,
                              const Matrix& w3, const Matrix& w2) = 0;
  virtual at::Tensor DoLogits(const at::Tensor& h, const Matrix& table) = 0;
  virtual at::Tensor DoTokenLoss(const at::Tensor& h, const Matrix& table,
                                 const at::Tensor& targets) = 0;
  virtual at::Tensor DoLossOfLogits(const at::Tensor& logits,
                                    const at::Tensor& targets) = 0;
  virtual at::Tensor DoAdd(const at::Tensor& a, const at::Tensor& b) = 0;

  const ModelConfig config_;

 private:
  void CountFlops(int64_t flops) {
    if (!paused_) counters_.flops += flops;
  }
  const LayerCost layer_cost_;
  const int64_t adaptive_state_bytes_;  // of a layer
  Counters counters_;
  bool paused_ = false;
  bool keeps_correct_ = false;
  std::vector<at::Tensor> correct_;
};

}  // namespace plastometer::ops
