#include "model/train/fused_ops.h"

#include <vector>

#include "base/counters.h"
#include "model/mixers/ttt/spec.h"
#include "model/train/fused_functions.h"

namespace plastometer::train {
namespace {

bool IsFp32OnCpu(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat && x.device().is_cpu();
}

bool IsZeroHistory(const at::Tensor& history) {
  return !history.requires_grad() && !history.any().item<bool>();
}

}  // namespace

at::Tensor FusedOps::DoRmsNorm(const at::Tensor& x, const at::Tensor& weight) {
  if (!IsFp32OnCpu(x)) return ReferenceOps::DoRmsNorm(x, weight);
  return FusedRmsNorm(x, weight, config_.rms_norm_eps);
}

at::Tensor FusedOps::DoCausalConv(const at::Tensor& x,
                                  const at::Tensor& history,
                                  const at::Tensor& kernel,
                                  const at::Tensor& bias) {
  if (!IsFp32OnCpu(x) || !IsZeroHistory(history))
    return ReferenceOps::DoCausalConv(x, history, kernel, bias);
  return FusedCausalConv(x, kernel, bias);
}

bool FusedOps::TakesScan(const at::Tensor& q, int64_t position,
                         const ops::InnerState& state) const {
  return config_.inner_model == InnerModel::kLinear &&
         FusedSupports(config_, q) && position % kMiniBatchTokens == 0 &&
         state.num_open_rows() == 0;
}

at::Tensor FusedOps::DoInnerScan(const ops::ScanInput& input,
                                 const ops::InnerParameters& parameters,
                                 ops::InnerState& state,
                                 ops::StatisticsCollector* statistics) {
  if (statistics != nullptr || !TakesScan(input.q, input.position, state)) {
    return ReferenceOps::DoInnerScan(input, parameters, state, statistics);
  }
  const ops::FastWeights& start = state.WeightsOr(parameters.start);
  const ScanResult result = FusedScan(
      config_, std::vector<double>(input.lambdas.begin(), input.lambdas.end()),
      input.q, input.k, input.v, input.lr, parameters.token_idx,
      parameters.norm_weight, parameters.norm_bias, start[kW1], start[kB1]);
  state.weights = {result.w_final, result.b_final};
  const int64_t tail = input.q.size(1) % kMiniBatchTokens;
  if (tail > 0) {
    state.k = result.open_k;
    state.g1 = result.open_g;
    state.lr = input.lr.narrow(1, input.lr.size(1) - tail, tail)
                   .transpose(1, 2)
                   .detach();
  }
  return result.out;
}

at::Tensor FusedOps::DoFrozenInner(const at::Tensor& q, int64_t position,
                                   const ops::InnerParameters& parameters,
                                   const ops::InnerState& state) {
  if (config_.inner_model != InnerModel::kLinear ||
      !FusedSupports(config_, q) || position % kMiniBatchTokens != 0) {
    return ReferenceOps::DoFrozenInner(q, position, parameters, state);
  }
  const std::vector<double> lambdas(
      (q.size(1) + kMiniBatchTokens - 1) / kMiniBatchTokens, 0.0);
  const ops::FastWeights& weights = state.WeightsOr(parameters.start);
  return FusedScan(config_, lambdas, q, {}, {}, {}, parameters.token_idx,
                   parameters.norm_weight, parameters.norm_bias, weights[kW1],
                   weights[kB1])
      .out;
}

at::Tensor FusedOps::DoGatedNorm(const at::Tensor& gate, const at::Tensor& o,
                                 const at::Tensor& weight,
                                 const at::Tensor& bias) {
  if (!gate.defined() || !IsFp32OnCpu(o))
    return ReferenceOps::DoGatedNorm(gate, o, weight, bias);
  return FusedGatedNorm(gate, o, weight, bias);
}

at::Tensor FusedOps::DoSwiGlu(const at::Tensor& x, const ops::Matrix& w1,
                              const ops::Matrix& w3, const ops::Matrix& w2) {
  if (!IsFp32OnCpu(x)) return ReferenceOps::DoSwiGlu(x, w1, w3, w2);
  return FusedSwiGlu(x, w1.values, w3.values, w2.values);
}

at::Tensor FusedOps::DoTokenLoss(const at::Tensor& h, const ops::Matrix& table,
                                 const at::Tensor& targets) {
  if (!IsFp32OnCpu(h)) return ReferenceOps::DoTokenLoss(h, table, targets);
  return FusedTokenLoss(h, table.values, targets);
}

}  // namespace plastometer::train
