// The control eta=shuffle: a token learns with the learned rate of another
// token. Shuffled within the mini-batch, token t would use a rate that a later
// token decides; so mini-batch m takes the rates of the mini-batch that the
// layer learned from before it, in a pseudo-random order that is fixed by layer
// and m (Philox, pinned seed). The first one keeps its own.
#pragma once
#include <ATen/ATen.h>

#include <array>
#include <cstdint>

#include "model/profile.h"

namespace plastometer {

// Row i of the mini-batch takes row GateOrder()[i] of the one before.
std::array<int64_t, kMiniBatchTokens> GateOrder(int64_t layer,
                                                int64_t mini_batch);

// lr [B, T, H] of a run that starts at token `position` -> the rates to learn
// with. `held` is carried from run to run, undefined at first: the rates [B, R,
// H] of the last full mini-batch and of the open one.
at::Tensor ShuffleGates(const at::Tensor& lr, int64_t position, int64_t layer,
                        at::Tensor& held);

}  // namespace plastometer
