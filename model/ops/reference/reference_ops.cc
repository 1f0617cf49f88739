#include "model/ops/reference/reference_ops.h"

#include <algorithm>

#include "model/ops/reference/inner_loop.h"

namespace plastometer::ops {
namespace {

// Flax LayerNorm's default, whatever rms_norm_eps is.
constexpr double kPostNormEps = 1e-6;
// [1024, 32000] fp32 logits are 131 MB.
constexpr int64_t kHeadChunkRows = 1024;

// [B, T, D] -> [B, H, T, d]
at::Tensor SplitHeads(const at::Tensor& x, int64_t num_heads) {
  return x.reshape({x.size(0), x.size(1), num_heads, -1}).transpose(1, 2);
}

at::Tensor MergeHeads(const at::Tensor& x) {
  return x.transpose(1, 2).reshape(
      {x.size(0), x.size(2), x.size(1) * x.size(3)});
}

}  // namespace

at::Tensor ReferenceOps::DoEmbedding(const at::Tensor& ids,
                                     const Matrix& table) {
  return at::embedding(table.values, ids);
}

at::Tensor ReferenceOps::DoRmsNorm(const at::Tensor& x,
                                   const at::Tensor& weight) {
  return x *
         at::rsqrt(x.square().mean(-1, /*keepdim=*/true) +
                   config_.rms_norm_eps) *
         weight;
}

at::Tensor ReferenceOps::DoLinear(const at::Tensor& x, const Matrix& kernel) {
  return at::matmul(x, kernel.values);
}

at::Tensor ReferenceOps::DoCausalConv(const at::Tensor& x,
                                      const at::Tensor& history,
                                      const at::Tensor& kernel,
                                      const at::Tensor& bias) {
  const int64_t T = x.size(1);
  const at::Tensor padded = at::cat({history, x}, 1);
  at::Tensor y = bias + padded.narrow(1, 0, T) * kernel[0];
  for (int64_t tap = 1; tap < kernel.size(0); ++tap)
    y = y + padded.narrow(1, tap, T) * kernel[tap];
  return y;
}

at::Tensor ReferenceOps::DoInnerLearningRate(const at::Tensor& x,
                                             const Matrix& weight,
                                             const at::Tensor& bias) {
  return at::sigmoid(at::matmul(x, weight.values.t()) + bias);
}

at::Tensor ReferenceOps::DoInnerScan(const ScanInput& input,
                                     const InnerParameters& parameters,
                                     InnerState& state,
                                     StatisticsCollector* statistics) {
  const int64_t H = config_.num_heads;
  InnerLoop loop(config_, parameters, state, statistics);
  const at::Tensor q =
      Rope(SplitHeads(input.q, H), input.position, config_.rope_theta);
  const at::Tensor k_plain = SplitHeads(input.k, H);
  const at::Tensor v = SplitHeads(input.v, H);
  if (statistics != nullptr)
    statistics->AddTokens(input.position, "ssl_target", v - k_plain);
  const at::Tensor k = Rope(k_plain, input.position, config_.rope_theta);
  return MergeHeads(loop.Run(q, k, v, input.lr.transpose(1, 2), input.position,
                             input.lambdas));
}

at::Tensor ReferenceOps::DoFrozenInner(const at::Tensor& q, int64_t position,
                                       const InnerParameters& parameters,
                                       const InnerState& state) {
  const at::Tensor rotated =
      Rope(SplitHeads(q, config_.num_heads), position, config_.rope_theta);
  return MergeHeads(FrozenInnerOutput(config_, rotated, parameters, state));
}

at::Tensor ReferenceOps::DoGatedNorm(const at::Tensor& gate,
                                     const at::Tensor& o,
                                     const at::Tensor& weight,
                                     const at::Tensor& bias) {
  const at::Tensor normed =
      at::layer_norm(o, {o.size(-1)}, weight, bias, kPostNormEps);
  return gate.defined() ? at::gelu(gate, "tanh") * normed : normed;
}

at::Tensor ReferenceOps::DoSwiGlu(const at::Tensor& x, const Matrix& w1,
                                  const Matrix& w3, const Matrix& w2) {
  return at::matmul(
      at::silu(at::matmul(x, w1.values)) * at::matmul(x, w3.values), w2.values);
}

at::Tensor ReferenceOps::DoLogits(const at::Tensor& h, const Matrix& table) {
  return at::matmul(h, table.values.t());
}

at::Tensor ReferenceOps::DoTokenLoss(const at::Tensor& h, const Matrix& table,
                                     const at::Tensor& targets) {
  std::vector<at::Tensor> losses;
  for (int64_t row = 0; row < h.size(0); row += kHeadChunkRows) {
    const int64_t n = std::min(kHeadChunkRows, h.size(0) - row);
    const at::Tensor logits = DoLogits(h.narrow(0, row, n), table);
    losses.push_back(LossOfLogits(logits, targets.narrow(0, row, n)));
  }
  return losses.size() == 1 ? losses[0] : at::cat(losses);
}

at::Tensor ReferenceOps::DoLossOfLogits(const at::Tensor& logits,
                                        const at::Tensor& targets) {
  return at::logsumexp(logits, 1) -
         logits.gather(1, targets.unsqueeze(1)).squeeze(1);
}

at::Tensor ReferenceOps::DoAdd(const at::Tensor& a, const at::Tensor& b) {
  return a + b;
}

}  // namespace plastometer::ops
