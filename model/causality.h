// Does anything that a model says depend on what it has not read yet?
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "model/model.h"

namespace plastometer {

// ids [2, T] of two fresh sequences -> losses and logits.
using ScoreTwoRows = std::function<ForwardResult(std::span<const int32_t> ids)>;

// Reads `ids` (one window) twice: beside itself, and beside a copy with the
// middle token changed. Nothing before that token may change by a bit: not the
// logits (a model that sees the token which it is about to predict shows only
// there), not the losses; nor anything in the row beside it. Shorter than 4
// tokens: not checked. Throws kInternal that names the first token, and `what`.
void CheckCausality(const ScoreTwoRows& score, std::span<const int32_t> ids,
                    int64_t vocab_size, const std::string& what);

}  // namespace plastometer
