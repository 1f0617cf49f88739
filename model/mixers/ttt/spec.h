// TTT-Linear and TTT-MLP: f(x) = x W1 + b1, or gelu(x W1 + b1) W2 + b2 with a
// hidden width of 4d, under both backbones. Formulas: docs/counters.md.
#pragma once
#include "model/mixers/spec.h"

namespace plastometer {

MixerSpec TttLinearSpec();
MixerSpec TttMlpSpec();

// Where a fast weight stands in the lists; TTT-MLP alone has the last two.
enum TttWeight { kW1, kB1, kW2, kB2 };

}  // namespace plastometer
