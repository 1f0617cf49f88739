// Fingerprints of what a forward pass computed on the way: enough to say at
// which token and in which layer two runs part, without keeping activations.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "base/host_tensor.h"

namespace plastometer {

// First 4 bytes (little-endian) of SHA-256 of each row's bytes. h: [B, T, D] ->
// B * T numbers.
std::vector<uint32_t> RowDigests(const at::Tensor& h);

// Of each head's fast weights (W1, b1, W2, b2 in that order). `state`: as
// Sequences::FastWeights -> [B, L, H].
std::vector<uint32_t> StateDigests(const TensorMap& state, int64_t num_layers,
                                   int64_t num_sequences, int64_t num_heads);

}  // namespace plastometer
