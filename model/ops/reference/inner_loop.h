// The inner loop of TTT-Linear and TTT-MLP in its dual form, mini-batch by
// mini-batch, for any dtype. Formulas: ttt-lm-jax ttt/models/ttt_layer.py and
// arXiv 2407.04620 sections 2.4-2.7; as in the code: factor 1, target v - k,
// eta/d.
#pragma once
#include <ATen/ATen.h>

#include "model/ops/ops.h"

namespace plastometer::ops {

// Rotates interleaved pairs (2i, 2i+1) of x [B, H, T, d] by (t mod 16)
// theta^(-2i/d).
at::Tensor Rope(const at::Tensor& x, int64_t position, double theta);

// q + LN(f(q)) with the current state. q [B, H, T, d] after RoPE.
at::Tensor FrozenInnerOutput(const ModelConfig& config, const at::Tensor& q,
                             const InnerParameters& parameters,
                             const InnerState& state);

// Advances one layer's state over a run of tokens.
class InnerLoop {
 public:
  InnerLoop(const ModelConfig& config, const InnerParameters& parameters,
            InnerState& state, StatisticsCollector* statistics);

  // q, k (after RoPE), v [B, H, T, d]; lr [B, H, T]; lambdas[m - position/16].
  // -> O [B, H, T, d]
  at::Tensor Run(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                 const at::Tensor& lr, int64_t position,
                 std::span<const double> lambdas);

 private:
  // Rows [row, row + n) of one mini-batch; closes it when row + n == 16.
  at::Tensor Segment(const at::Tensor& q, const at::Tensor& k,
                     const at::Tensor& target, const at::Tensor& lr,
                     int64_t row, int64_t mini_batch, double lambda);
  void AppendRows(const at::Tensor& k, const at::Tensor& target,
                  const at::Tensor& lr);
  at::Tensor Output(const at::Tensor& q, const at::Tensor& eta) const;
  void Update(const at::Tensor& eta_last, int64_t mini_batch,
              const at::Tensor& last_target);
  void CollectBefore(int64_t mini_batch, const at::Tensor& last_target);
  void CollectAfter(int64_t mini_batch, const FastWeights& before,
                    const at::Tensor& last_target);
  at::Tensor InnerLoss(const at::Tensor& prediction,
                       const at::Tensor& target) const;

  const ModelConfig& config_;
  const InnerParameters& p_;
  InnerState& s_;
  StatisticsCollector* statistics_;
  bool mlp_;
  at::Tensor norm_weight_, norm_bias_;  // [H, 1, d]
  at::Tensor token_rate_;               // [16] max(0, 1/(t+1) + token_idx[t])
};

}  // namespace plastometer::ops
