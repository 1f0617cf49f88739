// Collected pieces of all layers -> the named arrays of docs/statistics.md.
// What was not measured is NaN.
#pragma once
#include <ATen/ATen.h>

#include <vector>

#include "base/host_tensor.h"
#include "model/config.h"
#include "model/ops/statistics.h"

namespace plastometer {

// Of a call that advanced `num_sequences` sequences by num_tokens tokens from
// `position`: per mini-batch that ended in the call [B, L, H, M]; per token [B,
// L, H, T]; the ttt-lm-jax statistics [L, M] (means over B and H).
TensorMap StatisticsArrays(const ModelConfig& config,
                           const std::vector<ops::StatisticsCollector>& layers,
                           int64_t num_sequences, int64_t position,
                           int64_t num_tokens,
                           const at::TensorOptions& options);

}  // namespace plastometer
