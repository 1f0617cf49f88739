// The reference arithmetic with its slow stages replaced by the training
// kernels wherever those apply: fp32 on the CPU, TTT-Linear, a run that starts
// on a mini-batch boundary, no statistics. Everything else is the reference's.
#pragma once
#include "model/ops/reference/reference_ops.h"

namespace plastometer::train {

class FusedOps : public ops::ReferenceOps {
 public:
  explicit FusedOps(const ModelConfig& config) : ReferenceOps(config) {}

 protected:
  at::Tensor DoRmsNorm(const at::Tensor& x, const at::Tensor& weight) override;
  at::Tensor DoCausalConv(const at::Tensor& x, const at::Tensor& history,
                          const at::Tensor& kernel,
                          const at::Tensor& bias) override;
  // The rows that a ragged end leaves open carry no gradient: training ends a
  // run where its window ends.
  at::Tensor DoInnerScan(const ops::ScanInput& input,
                         const ops::InnerParameters& parameters,
                         ops::InnerState& state,
                         ops::StatisticsCollector* statistics) override;
  at::Tensor DoFrozenInner(const at::Tensor& q, int64_t position,
                           const ops::InnerParameters& parameters,
                           const ops::InnerState& state) override;
  at::Tensor DoGatedNorm(const at::Tensor& gate, const at::Tensor& o,
                         const at::Tensor& weight,
                         const at::Tensor& bias) override;
  at::Tensor DoSwiGlu(const at::Tensor& x, const ops::Matrix& w1,
                      const ops::Matrix& w3, const ops::Matrix& w2) override;
  at::Tensor DoTokenLoss(const at::Tensor& h, const ops::Matrix& table,
                         const at::Tensor& targets) override;

 private:
  bool TakesScan(const at::Tensor& q, int64_t position,
                 const ops::InnerState& state) const;
};

}  // namespace plastometer::train
