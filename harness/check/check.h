// A run held against its goldens, case by case.
#pragma once
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/golden/compare.h"
#include "harness/golden/store.h"
#include "harness/run/suite_run.h"

namespace plastometer {

struct CheckedCase {
  Golden candidate;
  std::optional<Golden> golden;
  Comparison comparison;
  size_t group_idx = 0;
};

// Every case of `run` beside its golden: of the candidate's own class, else the
// portable one, which every lane is held to. `oracle`: the same suite in
// cpu-reference-fp64, or null. Throws kInvalid: a golden that no entry of the
// ledger accepts, or that is damaged.
std::vector<CheckedCase> CompareAll(const GoldenStore& store,
                                    const SuiteRun& run,
                                    const SuiteRun* oracle);

// What the store has of `suite` and the run no longer names; contract fails.
std::vector<Comparison> Orphans(const GoldenStore& store,
                                const std::string& suite,
                                const std::vector<CheckedCase>& cases);

// Each case that did not pass, ready for review, below pending/ of the run's
// folder; and below capsules/ what reproduces it, where its window is traced.
void WritePending(const SuiteRun& run, const std::vector<CheckedCase>& cases);

// The gravest of the verdicts; units that have other losses in pieces than in
// one pass (Collected::inconsistent) are a regression.
int ExitCodeOf(const std::vector<Comparison>& comparisons,
               const Collected& collected);

// How many runs of this suite, in folders beside `run_folder`, newest first,
// ended inconclusive before one that did not.
int NumInconclusive(const std::filesystem::path& run_folder,
                    const std::string& suite);

}  // namespace plastometer
