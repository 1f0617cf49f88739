// Fingerprints of what a forward pass computed on the way: enough to say at
// which token and in which layer two runs part, without keeping activations.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "base/host_tensor.h"
#include "model/config.h"

namespace plastometer {

// First 4 bytes (little-endian) of SHA-256 of each row's bytes. h: [B, T, D] ->
// B * T numbers.
std::vector<uint32_t> RowDigests(const at::Tensor& h);

// Of each head's fast weights, in the order of the mixer's spec. `state`: as
// Sequences::FastWeights -> [B, L, H].
std::vector<uint32_t> StateDigests(const TensorMap& state,
                                   const ModelConfig& config,
                                   int64_t num_sequences);

}  // namespace plastometer
