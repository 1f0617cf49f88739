// The sequence-mixing part of a block with the weights of one layer, written
// once against ops. What a mixer is without tensors: spec.h.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "model/config.h"
#include "model/ops/ops.h"
#include "model/profile.h"

namespace plastometer {

// What a mixer carries from token to token. Tensors are replaced, or written
// only where nobody else holds them: a copy of the handles is a snapshot.
struct MixerState {
  ops::InnerState inner;
  // Only with MixerCall::virtual_gradients: open rows of a frozen layer.
  ops::InnerState virtual_inner;
  at::Tensor history;  // [B, 3, D] inputs of the convolutions, where it has any
  at::Tensor gates;    // eta=shuffle only: see ttt/gate_shuffle.h
};

// A run of tokens of one layer, from absolute token `position` on.
struct MixerCall {
  int64_t layer, position;
  const LayerSchedule& schedule;
  const Controls& controls;
  ops::StatisticsCollector* statistics;  // may be null
  // Statistics also of the gradient that a frozen mini-batch would have had.
  bool virtual_gradients;
};

using MatrixVisitor =
    std::function<void(ops::Matrix& matrix, bool is_transposed)>;
// A parameter by the mixer's name for it.
using ParameterGetter = std::function<at::Tensor(const std::string& name)>;

class Mixer {
 public:
  virtual ~Mixer() = default;
  // x [B, T, D] -> [B, T, D]; advances `state`.
  virtual at::Tensor Forward(const at::Tensor& x, ops::Ops& ops,
                             MixerState& state,
                             const MixerCall& call) const = 0;
  // What fast weights start from, in the spec's order: [H, ...] each.
  virtual const ops::FastWeights& start() const = 0;
  // The same mixer with another start; it shares everything else.
  virtual std::shared_ptr<Mixer> StartingFrom(ops::FastWeights start) const = 0;
  // Every dense matrix, with whether it is stored as its transpose.
  virtual void ForEachMatrix(const MatrixVisitor& visit) = 0;
};

// Views of the parameters; autograd goes through to them.
std::shared_ptr<Mixer> MakeMixer(const ModelConfig& config,
                                 const ParameterGetter& get);
MixerState FreshMixerState(const ModelConfig& config, int64_t num_sequences,
                           const at::TensorOptions& options);

// Rows that a causal convolution of width 4 looks back.
constexpr int64_t kHistoryRows = 3;
// The last three rows of history followed by x.
at::Tensor NextHistory(const at::Tensor& history, const at::Tensor& x);

}  // namespace plastometer
