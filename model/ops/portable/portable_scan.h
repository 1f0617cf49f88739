// One call of the inner loop as the kernels take it: state tensors that may be
// written, work space of the open rows, outputs and statistics, for every
// (sequence, head).
#pragma once
#include <vector>

#include "model/ops/ops.h"
#include "model/ops/portable/cpu/kernels.h"

namespace plastometer::ops {

struct RopeTable {
  std::vector<float> of_even, of_odd;  // portable::RopeRows
};

class PortableScan {
 public:
  PortableScan(const ModelConfig& config, const InnerParameters& parameters,
               const RopeTable& rope);

  // Gives `state` storage of its own: what a snapshot shares is copied.
  void Prepare(const ScanInput& input, InnerState& state, bool with_statistics);
  void PrepareFrozen(const at::Tensor& q, int64_t position,
                     const InnerState& state);

  int64_t num_heads() const { return num_sequences_ * H_; }  // B * H
  portable::ScanArguments Head(int64_t head) const;
  void Collect(StatisticsCollector& statistics) const;
  // Leaves the rows of an open mini-batch in `state`, or none.
  void Close(InnerState& state) const;
  const at::Tensor& out() const { return out_; }  // [B, T, D]

 private:
  void PrepareOpenRows(InnerState& state, bool with_statistics);
  void PrepareStatistics();

  const ModelConfig& config_;
  const InnerParameters& parameters_;
  const RopeTable& rope_;
  const int64_t H_, d_, J_;  // J: 4d, or 0 for TTT-Linear
  int64_t num_sequences_ = 0, num_tokens_ = 0, position_ = 0;
  at::Tensor q_, k_, v_, lr_, out_;
  at::Tensor norm_weight_, norm_bias_, token_rate_;
  FastWeights start_;             // [H, ..]
  FastWeights state_;             // [B, H, ..]
  bool state_is_shared_ = false;  // one state for all sequences: the start
  at::Tensor k_rows_, h1_, x_, h2_, g1_, g2_, loss_, rate_;  // [B, H, 16, ..]
  std::vector<float> sigma_;          // one a mini-batch touched
  at::Tensor token_statistics_;       // [3, B, H, T]
  at::Tensor mini_batch_statistics_;  // [names, B, H, M]
  mutable std::vector<portable::HeadStatistics> heads_;
};

}  // namespace plastometer::ops
