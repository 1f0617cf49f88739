// Exact costs as integers: the counters a run reports, and the same numbers as
// formulas of config and profile. Definitions: docs/counters.md. FLOPs are
// algorithmic, 2 a multiply-add, from the dense formulas of the layer.
#pragma once
#include <cstdint>

#include "base/counters.h"
#include "model/config.h"
#include "model/profile.h"

namespace plastometer {

// FLOPs of the parts of one token in one layer (ttt-facts 2.4); the model's ops
// report with the same table.
struct LayerCost {
  int64_t fixed =
      0;  // norms, pre-conv, Q and O projections, gate, SwiGLU, RoPE of Q
  int64_t plastic = 0;  // V, conv_k or K projection, lr gate, RoPE of K: what
                        // only a plastic token needs before the scan
  int64_t inner_plastic_token =
      0;                     // scan, without the update of the carried state
  int64_t inner_update = 0;  // one applied mini-batch update of all heads
  int64_t inner_frozen_token = 0;
};
LayerCost CostOfLayer(const ModelConfig& config);
int64_t HeadFlopsPerToken(
    const ModelConfig& config);  // final norm and tied head

// What `num_sequences` fresh sequences of num_tokens tokens cost under the
// profile. Independent of chunking and batch.
Counters CountersByFormula(const ModelConfig& config, const Profile& profile,
                           int64_t num_sequences, int64_t num_tokens);

// Element-wise constants of the table in docs/counters.md, FLOPs per element.
constexpr int64_t kRmsNormFlops = 4, kRopeFlops = 3, kPostGateFlops = 19,
                  kSwiGluFlops = 4;
constexpr int64_t kInnerBackwardNormFlops = 20,
                  kInnerOutputNormFlops =
                      9;  // TTT-Linear, per channel of a head
constexpr int64_t kInnerMlpPlasticFlops = 190,
                  kInnerMlpFrozenFlops = 49;  // TTT-MLP, per channel of a head

int64_t AdaptiveStateBytesOfLayer(const ModelConfig& config);  // per sequence
// `controls`: eta=shuffle keeps 16 learned rates a head, whether they are those
// of the open mini-batch or those that its rows still to come will take.
int64_t CarryBytesOfLayer(const ModelConfig& config, bool plastic,
                          const Controls& controls);

}  // namespace plastometer
