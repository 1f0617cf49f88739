// The same scored text after different contexts, compared.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/results/summary.h"

namespace plastometer {

// Conditions in order of appearance; the first is what the others are compared
// with. Empty when no window has a condition. Throws kInvalid when the
// conditions do not score the same tokens of the same works.
std::vector<ConditionResult> SummariseConditions(const RunRecord& record);

// Change against the first condition by place in the scored text, counted from
// its first scored token: octaves [0, 16), [16, 32), [32, 64), ...
struct PlaceChange {
  int64_t from = 0, to = 0;
  std::vector<Measured> change;  // nats per token, one a profile; by work
  // (L_frozen - L_p after this condition) / (L_frozen - L_uniform after the
  // first): what is left of the gap, one a profile. After another document, at
  // a place n tokens into this one, the share that a memory of the last n
  // tokens brings.
  std::vector<Measured> share = {};
};
struct ConditionChange {
  std::string name;
  std::vector<PlaceChange> places;
};
// Of all conditions but the first, in order. Throws as SummariseConditions.
std::vector<ConditionChange> ChangesByPlace(const RunRecord& record);

// How soon a profile recovers: the first octave from which on, to the end of
// the scored text, no interval of the change lies above 0.
struct Recovery {
  bool known = false;             // false: an octave has no interval
  std::optional<int64_t> tokens;  // where that octave begins; none: not reached
};
Recovery RecoveryOf(const ConditionChange& condition, size_t profile);

}  // namespace plastometer
