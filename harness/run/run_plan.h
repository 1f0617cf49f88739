// plan.json of a run folder: every case, window and hash, resolved before
// anything is measured. With the journals it is all that results need: merge
// touches neither model nor text.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/results/case.h"
#include "harness/results/summary.h"
#include "harness/run/group.h"

namespace plastometer {

struct PlannedGroup {
  std::string name;       // of the suite file's group; the spec holds it
  std::string spec_json;  // GroupJson: what --resume loads again
  std::string numeric_class;
  int64_t num_layers = 0, num_heads = 0, loss_bytes = 4;
  std::map<std::string, std::string> environment;  // Fingerprint::numeric
  RunRecord record;                                // no losses yet
  std::vector<CasePins> cases;  // one a profile of the record
};

struct RunPlan {
  std::string suite, suite_file, suite_sha256;
  std::string code_tree;
  bool traced = false;  // traces are taken (check)
  std::vector<PlannedGroup> groups;

  // Of what decides the results: cases, windows, batches, code, class. Not of
  // paths, times, threads.
  std::string sha256() const;
};

// `environments`: Fingerprint::numeric of each group's lane, with its
// "numeric_class".
RunPlan MakePlan(
    const Suite& suite, const std::vector<LoadedGroup>& groups,
    const std::vector<std::map<std::string, std::string>>& environments,
    const std::string& code_tree, bool traced);
std::string PlanToJson(const RunPlan& plan);
// Throws kInvalid naming `source`; also when the identity does not have the
// hash that the file says.
RunPlan ParsePlan(std::string_view text, const std::string& source);
// plan.json of a run folder.
RunPlan ReadPlan(const std::filesystem::path& run_folder);
// The suite that was measured, options laid over it: its groups can be loaded
// once more.
Suite SuiteOfPlan(const RunPlan& plan);

// SHA-256 of the case's pins, class, code and window.
std::string UnitKey(const RunPlan& plan, size_t group_idx, size_t profile_idx,
                    size_t window_idx);
// What differs, "text.uniform: model_sha256 a -> b", for a refusal.
std::string FirstDifference(const RunPlan& before, const RunPlan& now);
// `run --plan`: every case and unit with its hash, for people.
std::string PlanText(const RunPlan& plan);

}  // namespace plastometer
