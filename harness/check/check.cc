#include "harness/check/check.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "harness/check/capsule.h"
#include "harness/check/exit_codes.h"
#include "harness/golden/ledger.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// The golden of the candidate's own class, else the portable one: that is what
// every lane is held to.
std::optional<Golden> FindGolden(const GoldenStore& store,
                                 const Golden& candidate) {
  const CasePins& pins = candidate.pins;
  auto golden =
      store.Read(pins.suite, pins.name, candidate.metrics.numeric_class);
  if (!golden) golden = store.Read(pins.suite, pins.name, kPortableClass);
  return golden;
}

fs::path CaseFolder(const fs::path& folder, const CasePins& pins) {
  return folder / pins.suite / pins.name;
}

// What the store has of this suite and the suite no longer names.
Comparison OrphanOf(const GoldenStore& store, const std::string& suite,
                    const std::string& name) {
  Comparison orphan;
  if (const auto pins = store.Pins(suite, name)) orphan.pins = *pins;
  orphan.chosen_tier = 0;
  orphan.chosen_because = "a golden without a case";
  orphan.tiers.push_back(
      {0, "contract", TierResult::kFailed,
       "the store has a golden of case " + name + ", suite " + suite +
           " has no such case: plastometer accept --remove " + suite + "/" +
           name});
  orphan.verdict = Verdict::kInvalid;
  return orphan;
}

}  // namespace

std::vector<CheckedCase> CompareAll(const GoldenStore& store,
                                    const SuiteRun& run,
                                    const SuiteRun* oracle) {
  const Ledger ledger = Ledger::Read(store.root());
  std::vector<CheckedCase> all;
  for (const UnitId& id : AskedCases(run.plan)) {
    CheckedCase c;
    c.group_idx = id.group_idx;
    c.candidate =
        MakeCandidate(run.plan, run.collected, id.group_idx, id.profile_idx);
    c.golden = FindGolden(store, c.candidate);
    if (c.golden) ledger.RequireBlessed(*c.golden);
    std::optional<Golden> exact;
    if (oracle != nullptr)
      exact = MakeCandidate(oracle->plan, oracle->collected, id.group_idx,
                            id.profile_idx);
    c.comparison = Compare(c.candidate, c.golden ? &*c.golden : nullptr,
                           exact ? &*exact : nullptr);
    all.push_back(std::move(c));
  }
  return all;
}

std::vector<Comparison> Orphans(const GoldenStore& store,
                                const std::string& suite,
                                const std::vector<CheckedCase>& cases) {
  std::vector<Comparison> orphans;
  for (const std::string& name : store.Cases(suite)) {
    const auto has_name = [&](const CheckedCase& c) {
      return c.candidate.pins.name == name;
    };
    if (std::none_of(cases.begin(), cases.end(), has_name))
      orphans.push_back(OrphanOf(store, suite, name));
  }
  return orphans;
}

// A mismatch leaves what came, ready for review, and what reproduces it.
void WritePending(const SuiteRun& run, const std::vector<CheckedCase>& all) {
  for (const CheckedCase& c : all) {
    if (c.comparison.verdict == Verdict::kPass) continue;
    WriteGolden(c.candidate,
                CaseFolder(run.folder.File("pending"), c.candidate.pins));
    if (!c.golden || !c.comparison.divergence) continue;
    const LoadedGroup& group = run.groups[c.group_idx];
    const Divergence& d = *c.comparison.divergence;
    if (d.window_idx < 0) continue;
    const auto capsule =
        MakeCapsule(*c.golden, c.candidate, d,
                    group.data.windows[static_cast<size_t>(d.window_idx)].ids,
                    fs::absolute(group.choice.file).string());
    if (!capsule) continue;
    const fs::path folder =
        CaseFolder(run.folder.File("capsules"), c.candidate.pins);
    MakeFolders(folder);
    WriteFile(folder / "capsule.json", CapsuleJson(*capsule));
  }
}

int ExitCodeOf(const std::vector<Comparison>& comparisons,
               const Collected& collected) {
  std::vector<int> codes = {0};
  for (const Comparison& c : comparisons) codes.push_back(ExitCode(c.verdict));
  if (!collected.inconsistent.empty())
    codes.push_back(ExitCode(Verdict::kRegression));
  return CombineExitCodes(codes);
}

// Runs of this suite beside this one's folder, newest first, until one that
// was not inconclusive.
int NumInconclusive(const fs::path& run_folder, const std::string& suite) {
  std::map<fs::file_time_type, bool> inconclusive;
  for (const auto& entry : fs::directory_iterator(run_folder.parent_path())) {
    const fs::path file = entry.path() / "check.json";
    if (entry.path() == run_folder || !fs::is_regular_file(file)) continue;
    const nlohmann::json report = ReadJsonFile(file);
    if (!report.is_object())
      throw InvalidError(file.string() + ": not an object; expected what " +
                         "'plastometer check' writes");
    const auto is = [&](const char* key, const nlohmann::json& value) {
      return report.contains(key) && report[key] == value;
    };
    if (is("suite", suite))
      inconclusive[fs::last_write_time(file)] =
          is("exit_code", ExitCode(Verdict::kInconclusive));
  }
  int count = 0;
  for (auto run = inconclusive.rbegin();
       run != inconclusive.rend() && run->second; ++run)
    ++count;
  return count;
}

}  // namespace plastometer
