#include "base/end_to_end_cost.h"

#include <algorithm>

namespace plastometer {

EndToEndCost& EndToEndCost::operator+=(const EndToEndCost& o) {
  tokens += o.tokens;
  steps += o.steps;
  forward_flops += o.forward_flops;
  backward_flops += o.backward_flops;
  update_flops += o.update_flops;
  forward_seconds += o.forward_seconds;
  backward_seconds += o.backward_seconds;
  update_seconds += o.update_seconds;
  peak_activation_bytes =
      std::max(peak_activation_bytes, o.peak_activation_bytes);
  adapted_bytes = std::max(adapted_bytes, o.adapted_bytes);
  return *this;
}

}  // namespace plastometer
