// The language model, written once against ops: embedding, L blocks of
// (pre-conv), mixer and SwiGLU, final norm, tied head.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/mixers/mixer.h"
#include "model/model.h"
#include "model/ops/ops.h"
#include "model/profile.h"

namespace plastometer {

// One block's weights as the ops take them. Convolution kernels are [4, D].
struct LayerWeights {
  at::Tensor pre_conv_norm, pre_conv_kernel, pre_conv_bias;  // mamba only
  at::Tensor seq_norm, ffn_norm;                             // [D]
  std::shared_ptr<Mixer> mixer;
  ops::Matrix w1, w3, w2;  // SwiGLU: [D, F], [D, F], [F, D]
};

struct LanguageModelWeights {
  ops::Matrix embedding;  // stored [V, D]; as a matrix the head, D -> V
  std::vector<LayerWeights> layers;
  at::Tensor final_norm;  // [D]
};

// Views (reshape, squeeze) of tensors under their canonical names; autograd
// goes through to them.
LanguageModelWeights BindWeights(
    const ModelConfig& config,
    const std::map<std::string, at::Tensor>& tensors);

// Every dense matrix, with whether it is stored as its transpose.
void ForEachMatrix(LanguageModelWeights& weights, const MatrixVisitor& visit);

// What one block carries from token to token.
struct LayerState {
  MixerState mixer;
  // [B, 3, D] normed inputs of the pre-convolution.
  at::Tensor pre_conv_history;
};

struct SequenceState {
  int64_t num_sequences = 0;
  int64_t position = 0;
  StatisticsMode statistics_mode = StatisticsMode::kOff;  // of the last call
  std::vector<LayerState> layers;
  at::Tensor last_logits;  // [B, V] after the last token: scores the next one
};

SequenceState FreshState(const ModelConfig& config, int64_t num_sequences,
                         const at::TensorOptions& options);

// Sees the residual stream [B, T, D]: entry 0 the embedding, entry l + 1 after
// block l.
using StreamObserver = std::function<void(int64_t entry, const at::Tensor& h)>;

// ids [B, T] int64 -> hidden states after the final norm [B, T, D]; advances
// `state`. `statistics`: null, or one a layer.
at::Tensor ForwardHidden(
    const ModelConfig& config, const LanguageModelWeights& weights,
    ops::Ops& ops, const Profile& profile, SequenceState& state,
    const at::Tensor& ids,
    std::vector<ops::StatisticsCollector>* statistics = nullptr,
    StatisticsMode mode = StatisticsMode::kOff,
    const StreamObserver& observer = {});

}  // namespace plastometer
