// One window under one profile, half a mini-batch after the other, with a
// digest of every row and state on the way.
#pragma once
#include <cstdint>
#include <span>

#include "harness/golden/golden.h"
#include "model/model.h"

namespace plastometer {

Trace TraceWindow(const Model& model, const Profile& profile,
                  std::span<const int32_t> ids);

// num_tokens, nll_sum and block_digests of a window that is not traced.
WindowTrace SummariseLosses(std::span<const double> nll, int64_t loss_bytes);

}  // namespace plastometer
