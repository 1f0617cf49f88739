// What adapting end to end cost (docs/end-to-end.md).
#pragma once
#include <cstdint>

namespace plastometer {

struct EndToEndCost {
  int64_t tokens = 0;  // read
  int64_t steps = 0;   // SGD steps, one a chunk
  int64_t forward_flops = 0, backward_flops = 0, update_flops = 0;
  double forward_seconds = 0, backward_seconds = 0, update_seconds = 0;
  // Most bytes of tensors alive at once beyond weights and carried state
  // (LibTorch's allocator, counted exactly): activations kept for the backward
  // pass, gradients, temporaries.
  int64_t peak_activation_bytes = 0;
  // fp32 bytes of the matrices that are adapted, per sequence.
  int64_t adapted_bytes = 0;
  int64_t flops() const {
    return forward_flops + backward_flops + update_flops;
  }
  EndToEndCost& operator+=(const EndToEndCost& other);
};

}  // namespace plastometer
