#include "model/ops/ops.h"

#include <utility>

#include "base/error.h"

namespace plastometer::ops {
namespace {

constexpr int64_t kFp32Bytes = 4;
constexpr int64_t b = kMiniBatchTokens;

int64_t Rows(const at::Tensor& x) { return x.numel() / x.size(-1); }

// Full mini-batches of the absolute grid that end inside [position, position +
// n).
int64_t MiniBatchEnds(int64_t position, int64_t n) {
  return (position + n) / b - position / b;
}

}  // namespace

at::Tensor Ops::Embedding(const at::Tensor& ids, const Matrix& table) {
  return DoEmbedding(ids, table);
}

at::Tensor Ops::RmsNorm(const at::Tensor& x, const at::Tensor& weight) {
  CountFlops(kRmsNormFlops * x.numel());
  return DoRmsNorm(x, weight);
}

at::Tensor Ops::Linear(const at::Tensor& x, const Matrix& kernel) {
  CountFlops(2 * Rows(x) * kernel.num_in * kernel.num_out);
  return DoLinear(x, kernel);
}

at::Tensor Ops::CausalConv(const at::Tensor& x, const at::Tensor& history,
                           const at::Tensor& kernel, const at::Tensor& bias) {
  CountFlops(2 * kernel.size(0) * x.numel());
  return DoCausalConv(x, history, kernel, bias);
}

at::Tensor Ops::InnerLearningRate(const at::Tensor& x, const Matrix& weight,
                                  const at::Tensor& bias) {
  CountFlops(2 * x.numel() * weight.num_out);
  return DoInnerLearningRate(x, weight, bias);
}

at::Tensor Ops::InnerScan(const ScanInput& input,
                          const InnerParameters& parameters, InnerState& state,
                          StatisticsCollector* statistics) {
  const int64_t B = input.q.size(0), T = input.q.size(1), D = input.q.size(2),
                H = input.lr.size(2);
  if (input.position % b != state.num_open_rows()) {
    throw InternalError("scan at token " + std::to_string(input.position) +
                        " met " + std::to_string(state.num_open_rows()) +
                        " open rows");
  }
  if (!paused_) {
    const LayerCost& cost = layer_cost_;
    const int64_t updates = MiniBatchEnds(input.position, T);
    counters_.flops +=
        B * (T * (2 * kRopeFlops * D + cost.inner_plastic_token) +
             updates * cost.inner_update);
    counters_.inner_updates += B * H * updates;
    counters_.inner_gradient_tokens += B * H * T;
    counters_.bytes_moved += B * (kFp32Bytes * T * (4 * D + H) +
                                  updates * 2 * adaptive_state_bytes_);
  }
  return DoInnerScan(input, parameters, state, statistics);
}

at::Tensor Ops::FrozenInner(const at::Tensor& q, int64_t position,
                            const InnerParameters& parameters,
                            const InnerState& state) {
  const int64_t B = q.size(0), T = q.size(1), D = q.size(2);
  if (!paused_) {
    counters_.flops +=
        B * T * (kRopeFlops * D + layer_cost_.inner_frozen_token);
    counters_.inner_updates_skipped +=
        B * config_.num_heads * MiniBatchEnds(position, T);
    counters_.bytes_moved += B * kFp32Bytes * T * 2 * D;
  }
  return DoFrozenInner(q, position, parameters, state);
}

at::Tensor Ops::GatedNorm(const at::Tensor& gate, const at::Tensor& o,
                          const at::Tensor& weight, const at::Tensor& bias) {
  CountFlops(kPostGateFlops * o.numel());
  return DoGatedNorm(gate, o, weight, bias);
}

at::Tensor Ops::SwiGlu(const at::Tensor& x, const Matrix& w1, const Matrix& w3,
                       const Matrix& w2) {
  CountFlops(Rows(x) *
             (6 * w1.num_in * w1.num_out + kSwiGluFlops * w1.num_out));
  return DoSwiGlu(x, w1, w3, w2);
}

at::Tensor Ops::Logits(const at::Tensor& h, const Matrix& table) {
  CountFlops(2 * h.numel() * table.num_out);
  return DoLogits(h, table);
}

at::Tensor Ops::TokenLoss(const at::Tensor& h, const Matrix& table,
                          const at::Tensor& targets) {
  CountFlops(2 * h.numel() * table.num_out);
  return DoTokenLoss(h, table, targets);
}

at::Tensor Ops::LossOfLogits(const at::Tensor& logits,
                             const at::Tensor& targets) {
  if (keeps_correct_)
    correct_.push_back(
        logits.ge(logits.gather(1, targets.unsqueeze(1))).sum(1) == 1);
  return DoLossOfLogits(logits, targets);
}

at::Tensor Ops::TakeCorrect() { return at::cat(std::exchange(correct_, {})); }

}  // namespace plastometer::ops
