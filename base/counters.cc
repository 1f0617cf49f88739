#include "base/counters.h"

#include <string>

#include "base/error.h"

namespace plastometer {

namespace {

int64_t MergeSize(int64_t a, int64_t b_value) {
  if (a != 0 && b_value != 0 && a != b_value) {
    throw InternalError(
        "counters of different profiles were added: per-sequence sizes " +
        std::to_string(a) + " and " + std::to_string(b_value));
  }
  return a != 0 ? a : b_value;
}

}  // namespace

Counters& Counters::operator+=(const Counters& other) {
  tokens += other.tokens;
  inner_updates += other.inner_updates;
  inner_updates_skipped += other.inner_updates_skipped;
  inner_gradient_tokens += other.inner_gradient_tokens;
  flops += other.flops;
  bytes_moved += other.bytes_moved;
  adaptive_state_bytes =
      MergeSize(adaptive_state_bytes, other.adaptive_state_bytes);
  carry_bytes = MergeSize(carry_bytes, other.carry_bytes);
  return *this;
}

}  // namespace plastometer
