// One window under one profile, half a mini-batch after the other, with a
// digest of every row and state on the way.
#pragma once
#include <cstdint>
#include <span>

#include "harness/results/case.h"
#include "model/model.h"

namespace plastometer {

Trace TraceWindow(const Model& model, const Profile& profile,
                  std::span<const int32_t> ids);

}  // namespace plastometer
