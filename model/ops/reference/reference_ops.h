// The `reference` arithmetic: LibTorch calls, short and obvious, any dtype and
// device, differentiable.
#pragma once
#include "model/ops/ops.h"

namespace plastometer::ops {

class ReferenceOps : public Ops {
 public:
  explicit ReferenceOps(const ModelConfig& config) : Ops(config) {}

 protected:
  at::Tensor DoEmbedding(const at::Tensor& ids, const Matrix& table) override;
  at::Tensor DoRmsNorm(const at::Tensor& x, const at::Tensor& weight) override;
  at::Tensor DoLinear(const at::Tensor& x, const Matrix& kernel) override;
  at::Tensor DoCausalConv(const at::Tensor& x, const at::Tensor& history,
                          const at::Tensor& kernel,
                          const at::Tensor& bias) override;
  at::Tensor DoInnerLearningRate(const at::Tensor& x, const Matrix& weight,
                                 const at::Tensor& bias) override;
  at::Tensor DoInnerScan(const ScanInput& input,
                         const InnerParameters& parameters, InnerState& state,
                         StatisticsCollector* statistics) override;
  at::Tensor DoFrozenInner(const at::Tensor& q, int64_t position,
                           const InnerParameters& parameters,
                           const InnerState& state) override;
  at::Tensor DoGatedNorm(const at::Tensor& gate, const at::Tensor& o,
                         const at::Tensor& weight,
                         const at::Tensor& bias) override;
  at::Tensor DoSwiGlu(const at::Tensor& x, const Matrix& w1, const Matrix& w3,
                      const Matrix& w2) override;
  at::Tensor DoLogits(const at::Tensor& h, const Matrix& table) override;
  at::Tensor DoTokenLoss(const at::Tensor& h, const Matrix& table,
                         const at::Tensor& targets) override;
  at::Tensor DoLossOfLogits(const at::Tensor& logits,
                            const at::Tensor& targets) override;
  at::Tensor DoAdd(const at::Tensor& a, const at::Tensor& b) override;
};

}  // namespace plastometer::ops
