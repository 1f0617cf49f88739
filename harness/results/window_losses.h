// What a trace says of the losses of a window that is not traced.
#pragma once
#include <cstdint>
#include <span>

#include "harness/results/case.h"

namespace plastometer {

// num_tokens, nll_sum and block_digests of a window that is not traced.
WindowTrace SummariseLosses(std::span<const double> nll, int64_t loss_bytes);

}  // namespace plastometer
