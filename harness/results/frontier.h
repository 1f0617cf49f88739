// The front of loss and cost over when each layer learns
// (harness/studies/frontier_search.h): chosen on tuning works, judged here on
// the others.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/counters.h"
#include "harness/results/record.h"
#include "harness/results/search_results.h"
#include "harness/results/summary.h"
#include "harness/stats/contrast.h"

namespace plastometer {

// A candidate: layer l learns in mini-batches m with m % periods[l] == 0, at
// `scale` times its rate.
struct Pace {
  std::vector<int64_t> periods;  // of each layer, >= 1; 0: never
  double scale = 1;
  auto operator<=>(const Pace&) const = default;
};
// A character a layer, first to last: its period, "." for never, "x" for 16
// ("?": another one beyond 9); then "@0.5" where the rate is scaled.
std::string PaceText(const Pace& pace);

// A cost that a front is asked for; an integer.
struct FrontierCost {
  const char* name;   // on the command line and in files
  const char* title;  // in sentences
  int64_t Counters::*value;
};
inline constexpr FrontierCost kFrontierCosts[] = {
    {"inner_updates", "inner updates", &Counters::inner_updates},
    {"flops", "FLOPs", &Counters::flops}};

// Share of uniform's cost that must be saved and of the gap frozen - uniform
// that must be kept for "fewer updates achieve similar perplexity".
inline constexpr double kSavedShare = 0.5, kKeptShare = 0.95;
// So much of uniform's cost a default profile may cost more than the half asked
// for and still be what the half is decided against: uniform;every=2 applies
// one update more than half in a window with an odd number of mini-batches.
inline constexpr double kCostSlack = 0.01;

// What a search knows of a profile: nothing of it is from evaluation works.
struct TuningPoint {
  std::string profile;
  double nats = 0;   // per scored token of the tuning windows
  int64_t cost = 0;  // of the tuning windows
};

struct FrontierMember {
  TuningPoint tuning;  // profile: "front-01" ...
  Pace pace;
};

struct FrontierChoice {
  FrontierCost cost = kFrontierCosts[0];
  SearchMethod method = SearchMethod::kGreedy;  // what auto came to
  int64_t num_candidates = 0;                   // all there are; -1: over 10^18
  int64_t num_tried = 0;
  size_t num_windows = 0, num_works = 0;  // tuning
  size_t front_size = 0;  // before it was thinned to these members
  std::vector<FrontierMember> members;  // the dearest first
  std::vector<TuningPoint> defaults;    // those that differ
  // Among members: the lowest tuning loss with kSavedShare saved; the largest
  // saving whose contrast on tuning works has an interval below 0.
  std::optional<size_t> half, furthest;
};

// A default profile against the member that tuning works would take at no
// higher cost (of the evaluation windows): one comparison, whatever the number
// of members.
struct FrontierComparison {
  std::string profile;
  std::optional<size_t> member;  // none costs so little
  bool same = false;             // the member is this very profile
  Measured difference;           // member's loss less the profile's
  stats::Judged better;
};

// Does a member keep kKeptShare of the gap: L - (1 - k) L_frozen - k L_uniform
// below 0?
struct FrontierCriterion {
  std::optional<size_t> member;
  Measured contrast;  // nats per token
  stats::Judged kept;
  // The default of lowest tuning loss at no higher cost (of `half`: within the
  // half and kCostSlack), and the member's loss less its loss.
  std::string against;
  bool same = false;  // they are one profile
  Measured difference;
};

struct FrontierRow {
  size_t profile_idx = 0;  // in FrontierRun::record
  int64_t cost = 0;        // of the evaluation windows
  double saved = 0;        // share of uniform's
  Measured nll, lost, retention;
};

struct FrontierJudgement {
  std::vector<FrontierRow> members, defaults;  // as in FrontierChoice
  Measured gap_nats;                           // L_frozen - L_uniform
  std::string no_gap;       // GapReason of it; empty: retention says something
  double frozen_saved = 0;  // the most that any profile saves
  std::vector<FrontierComparison> comparisons;  // one a default
  int64_t num_better = 0;                       // of them
  int64_t num_below = 0;  // by each interval alone, without Holm
  FrontierCriterion half, furthest;
  int64_t num_verdicts = 0;  // read together: Holm
  // Nats gained over frozen by the best member within a budget, averaged over
  // budgets from frozen's cost to uniform's: the area between the front and
  // (uniform's cost, frozen's loss), by that cost's width.
  Measured front_area, default_area, area_difference;
};

struct FrontierRun {
  FrontierChoice choice;
  RunRecord record;  // of evaluation works: defaults and members
};

// Index of `cost`'s name in kFrontierCosts; throws kUsage that lists them.
FrontierCost FrontierCostNamed(const std::string& name);

// Throws kInternal when the record lacks a member or a default.
FrontierJudgement Judge(const FrontierRun& run);

}  // namespace plastometer
