// Exact costs as integers: the counters a run reports, and the same numbers as
// formulas of config and profile. Definitions: docs/counters.md. FLOPs are
// algorithmic, 2 a multiply-add, from the dense formulas of the layer.
#pragma once
#include <cstdint>

#include "base/counters.h"
#include "model/config.h"
#include "model/mixers/spec.h"
#include "model/profile.h"

namespace plastometer {

// FLOPs of the parts of one token in one layer, the mixer's (mixers/spec.h) and
// the rest of the block; the model's ops report with the same table.
struct LayerCost {
  int64_t fixed = 0;    // whatever the profile says
  int64_t plastic = 0;  // what only a plastic token needs before the scan
  int64_t inner_plastic_token = 0;  // the scan, without the carried update
  int64_t inner_frozen_token = 0;
  int64_t inner_update = 0;  // one applied mini-batch update of all heads
};
LayerCost CostOfLayer(const ModelConfig& config);
// Final norm and tied head.
int64_t HeadFlopsPerToken(const ModelConfig& config);

// What `num_sequences` fresh sequences of num_tokens tokens cost under the
// profile. Independent of chunking and batch.
Counters CountersByFormula(const ModelConfig& config, const Profile& profile,
                           int64_t num_sequences, int64_t num_tokens);

// Element-wise constants of the table in docs/counters.md, FLOPs per element.
constexpr int64_t kRmsNormFlops = 4, kSwiGluFlops = 4;

// Per sequence.
int64_t AdaptiveStateBytesOfLayer(const ModelConfig& config);
// Per sequence. Under eta=shuffle also 16 learned rates a head, whether they
// are those of the open mini-batch or those that its rows still to come take.
int64_t CarryBytesOfLayer(const ModelConfig& config, bool plastic,
                          const Controls& controls);

}  // namespace plastometer
