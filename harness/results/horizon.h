// The memory horizon: what a memory of at most n tokens brings, from a ladder
// of profiles whose fast weights go back to the start every n tokens.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/results/summary.h"

namespace plastometer {

struct HorizonPoint {
  int64_t reset_every = 0;  // tokens
  size_t profile = 0;       // of RunRecord::profiles
  // (L_frozen - L_point) / (L_frozen - L_uniform): share of uniform's gap.
  Measured share;
  Measured lost;  // L_point - L_base, nats per token
};

// A profile and its ladder.
struct HorizonCurve {
  size_t base = 0;                   // never reset
  Measured base_share;               // of uniform's gap
  std::vector<HorizonPoint> points;  // by reset_every, ascending
};

// Of the given windows; only profiles whose one control is `reset-every` and
// whose base was measured. uniform's first.
std::vector<HorizonCurve> HorizonCurves(const RunRecord& record,
                                        std::span<const size_t> windows);

// frozen - uniform in two parts, nats per token.
struct HorizonSplit {
  int64_t border = 0;    // tokens; the largest rung of uniform's ladder <= 64
  Measured short_range;  // L_frozen - L_reset: mixing within the last tokens
  Measured within;       // L_reset - L_uniform: memory of the document so far
};
inline constexpr int64_t kShortRangeTokens = 64;
// None without such a rung.
std::optional<HorizonSplit> SplitOfGain(const Results& results);
// Conditions of a context probe (docs/probes.md). Another document is compared
// with the own one only where the own one came first.
inline constexpr char kOwnDocument[] = "own", kOtherDocument[] = "other";
// What another document instead of the own one costs uniform, less what it
// costs frozen; nats per token. None without such a probe.
std::optional<Measured> OwnDocument(const Results& results);

}  // namespace plastometer
