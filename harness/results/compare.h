// Two finished runs on the same windows: two checkpoints, two commits, before
// and after. What changed from A to B, paired by independent work.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/results/summary.h"

namespace plastometer {

// One group of a finished run.
struct ComparedRun {
  std::string name;  // of the run, for people: its folder
  std::string suite, group, code_tree, numeric_class;
  // Canonical multipliers (CasePins::profile_lambdas), one a profile; empty:
  // not known.
  std::vector<std::string> multipliers;
  RunRecord record;
};

// What was so in A and in B; hashes in full.
struct ComparedSetting {
  std::string what, a, b;
  bool differs() const { return a != b; }
};

// One profile that both have, on one slice. Changes are B - A.
struct ComparedRow {
  std::string profile;
  std::optional<double> nll_a, nll_b;  // nats per scored token
  Measured change;                     // of it
  // (L_frozen - L_p) / (L_frozen - L_uniform), each of its own run. Missing,
  // with the reason, where the lower end of either gap L_frozen - L_uniform is
  // not above 0.
  Measured retention_a, retention_b, retention_change;
  // Of the whole run only. Two runs at different times: their ratio is no
  // statement about the program alone, and has no interval.
  Measured ms_a, ms_b;             // ms per 1,000 tokens, quartiles
  std::optional<double> ms_ratio;  // of the medians, B / A
  bool equal = false;  // every scored loss has the same value in both

  std::optional<double> perplexity_a() const;
  std::optional<double> perplexity_b() const;
};

struct ComparedSlice {
  std::string name;  // "all" or a domain
  int64_t num_windows = 0, num_works = 0, scored_tokens = 0;
  Measured gap_a, gap_b;          // L_frozen - L_uniform, nats per token
  std::vector<ComparedRow> rows;  // in A's order
};

struct RunComparison {
  std::string name_a, name_b, group, data_name, data_sha256;
  std::string started_a, started_b;  // UTC
  std::vector<ComparedSetting> settings;
  // All windows, then each domain where there are several.
  std::vector<ComparedSlice> slices;
  std::vector<std::string> notes;
};

// The groups of two runs, paired by name; a single group of each is paired
// whatever it is called. `profiles`: only these, by any name that a run knows
// them by; none: all that both have. Throws kRefused, naming both values, for
// other data or other scored tokens, and when no group has a partner; kUsage
// for a profile of `profiles` that one of the two lacks.
std::vector<RunComparison> CompareRuns(
    const std::vector<ComparedRun>& a, const std::vector<ComparedRun>& b,
    const std::vector<std::string>& profiles = {});

}  // namespace plastometer
