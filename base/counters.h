// The exact costs of a run, as integers that do not depend on lane, chunks,
// batch or threads. Definitions: docs/counters.md.
#pragma once
#include <cstdint>
#include <iterator>

namespace plastometer {

// Tokens of an inner mini-batch, b: the absolute grid on which fast weights are
// carried on and profiles change.
constexpr int64_t kMiniBatchTokens = 16;

struct Counters {
  int64_t tokens = 0;  // sequences x tokens
  // Heads x full mini-batches whose update reached the carried state, over
  // layers and sequences.
  int64_t inner_updates = 0;
  // Those that `uniform` would have applied beyond these.
  int64_t inner_updates_skipped = 0;
  // Tokens x heads x layers whose gradient entered an output.
  int64_t inner_gradient_tokens = 0;
  int64_t flops = 0;
  int64_t bytes_moved = 0;  // fp32 traffic of the inner loop, by formula
  // fp32 fast weights of layers plastic at any time, per sequence.
  int64_t adaptive_state_bytes = 0;
  // All that must be kept between two tokens, per sequence.
  int64_t carry_bytes = 0;

  // Sums the totals; the per-sequence sizes must be equal or unset.
  Counters& operator+=(const Counters& other);
  bool operator==(const Counters&) const = default;
};

// Each counter with its name in files.
struct CounterField {
  const char* name;
  int64_t Counters::*value;
};
inline constexpr CounterField kCounterFields[] = {
    {"tokens", &Counters::tokens},
    {"inner_updates", &Counters::inner_updates},
    {"inner_updates_skipped", &Counters::inner_updates_skipped},
    {"inner_gradient_tokens", &Counters::inner_gradient_tokens},
    {"flops", &Counters::flops},
    {"bytes_moved", &Counters::bytes_moved},
    {"adaptive_state_bytes", &Counters::adaptive_state_bytes},
    {"carry_bytes", &Counters::carry_bytes}};
static_assert(sizeof(Counters) == std::size(kCounterFields) * sizeof(int64_t));

}  // namespace plastometer
