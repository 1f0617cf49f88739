// Candidate against golden: the tiers of docs/goldens.md in order, all of them
// reported, and where the two first part.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/results/case.h"

namespace plastometer {

enum class Verdict {
  kPass,
  kRegression,   // exit 1: quality, counts, or bits
  kInvalid,      // 4: cannot be compared (contract)
  kImprovement,  // 6: better beyond tolerance, not blessed
  kInconclusive  // 7
};
std::string ToString(Verdict verdict);
int ExitCode(Verdict verdict);

struct TierResult {
  int tier = 0;      // 0..5
  std::string name;  // "contract", "finite", "counts", "bits", "near", "far"
  enum { kPassed, kFailed, kNotApplicable } outcome = kNotApplicable;
  std::string detail;  // numbers met and expected; never empty
};

// The first place, in the order of computation (token, then layer), where a
// traced window differs. Fields that are not known are -1.
struct Divergence {
  int64_t window_idx = -1;
  int64_t token = -1;  // first differing token (its row, or its loss)
  // Of the block, where only a block's digest is known; else == token.
  int64_t last_token = -1;
  // "embedding", "block" (layer says which), "state" (a layer's update of its
  // fast weights), "head" (rows equal, loss differs), "loss" (rows not traced)
  std::string where;
  int64_t layer = -1, mini_batch = -1, head = -1;
  std::string text;  // one sentence for people
  // |difference of the loss| in nats, root mean square over the tokens at
  // distance [1,2), [2,4), [4,8) ... from `token`; empty when unknown.
  std::vector<double> growth_nats;
};

struct Comparison {
  CasePins pins;
  std::string candidate_class, golden_class;
  int chosen_tier = 3;
  std::string chosen_because;
  std::vector<TierResult> tiers;
  Verdict verdict = Verdict::kInvalid;
  std::optional<Divergence> divergence;
  // nats; of what both have.
  std::optional<double> mean_nll_change, max_abs_nll_change;
  // Of one window's mean loss, traced or not: what cancels in the mean of all.
  std::optional<double> max_window_nll_change;
  // 95 % interval of the mean change, by window, paired bootstrap.
  std::optional<double> change_low, change_high;
  std::optional<double> probe_kl;  // over the probe tokens and one rest bucket
};

// `oracle`: the same case in cpu-reference-fp64, for tier 4; may be null.
// `golden` null: contract fails (no golden).
Comparison Compare(const Golden& candidate, const Golden* golden,
                   const Golden* oracle = nullptr);

// Bits, not values: a NaN equals itself, 0 is not -0.
bool SameBits(double a, double b);
bool SameProbe(const ProbeLogits& a, const ProbeLogits& b);

std::optional<Divergence> FirstDivergence(const Golden& candidate,
                                          const Golden& golden);

}  // namespace plastometer
