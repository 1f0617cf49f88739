// The task `forgetting` (docs/synthetic.md): chain A, chain B, A again. What a
// reader still knows of A when it comes back, beside the exact losses of a
// reader that remembers A and of one that begins anew at each border.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/run/results.h"

namespace plastometer {

// Tokens before and after a border over which a mean is taken; of a bin of the
// recovery curve. A mini-batch.
inline constexpr int64_t kContinualSpan = 16;
// Recovered: the excess over the remembering reader is at most so much above
// what it was at the end of A, nats per token.
inline constexpr double kRecoveryMargin = 0.05;

// Empty where the run has another task, its windows were made by other code
// (their floors differ), a segment is shorter than kContinualSpan, or the
// documents end before that many tokens of A' are there.
std::optional<ContinualResult> SummariseContinual(const RunRecord& record);

}  // namespace plastometer
