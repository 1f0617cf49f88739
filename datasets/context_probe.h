// The same text after different contexts: what of a model's gain is memory of
// this document, and what survives an interruption.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "datasets/corpus.h"

namespace plastometer {

// Of one document: A, `before` tokens, and S, the `scored` tokens that follow.
// X are `between` tokens of something else. Conditions:
//   fresh           S alone
//   own             A S
//   other           B S, B as many tokens of another work of the same domain
//   own+other       A X S, X of another work of the same domain
//   own+domain      A X S, X of another domain
//   own+noise       A X S, X drawn uniformly from the ids of all windows
//   own+repetition  A X S, X the last 16 tokens of A over and over
// The losses of S count, without its first token, which a fresh reader cannot
// score.
struct ContextProbe {
  int64_t before = 768, between = 512, scored = 512;
  std::vector<std::string> conditions;
};

// `full`: windows of at least before + scored tokens (shorter ones are left
// out and counted in a note). For each window and condition one window of the
// result. Throws kUsage (unknown or repeated condition, sizes below 2, tokens
// that are not a multiple of 16 before S), kInvalid (no window left, no other
// work).
EvaluationSet MakeContextProbe(const EvaluationSet& full,
                               const ContextProbe& probe);

}  // namespace plastometer
