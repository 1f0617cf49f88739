#include "harness/cli/suite_run.h"

#include <chrono>
#include <cstdio>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "harness/cli/env_command.h"
#include "harness/cli/output.h"
#include "harness/pins/pins.h"
#include "harness/report/csv_report.h"
#include "harness/report/json_report.h"
#include "harness/report/table.h"
#include "harness/results/losses.h"
#include "harness/run/continual.h"
#include "harness/run/measure.h"
#include "model/probes.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

std::vector<LoadedGroup> LoadGroups(const Suite& suite,
                                    const SuiteArguments& a) {
  std::vector<LoadedGroup> groups;
  for (const SuiteGroup& group : suite.groups) {
    ThrowIfInterrupted();
    groups.push_back(LoadGroup(suite.name, group, a.threads, a.seed));
  }
  return groups;
}

RunPlan MakePlanOf(const Suite& suite, const std::vector<LoadedGroup>& groups,
                   bool traced) {
  std::vector<std::map<std::string, std::string>> environments;
  for (const LoadedGroup& group : groups)
    environments.push_back(
        MakeFingerprint(
            group.spec.lane,
            FactsOf(group.lane, static_cast<int>(group.record.num_threads)))
            .numeric);
  return MakePlan(suite, groups, environments, CodeTree(), traced);
}

void WriteGroup(const Results& results, const fs::path& folder) {
  WriteFile(folder / "table.csv", TableCsv(results));
  WriteFile(folder / "windows.csv", WindowsCsv(results));
  WriteFile(folder / "position.csv", PositionCsv(results));
  WriteLosses(results.record, folder / "losses.safetensors");
  WriteFile(folder / kResultsFile, ResultsJson(results));
}

// What goes to the terminal when a signal ends the run.
std::string HowToResume(const RunFolder& folder) {
  return "finished units are kept; go on with the same command and --resume " +
         fs::proximate(folder.path()).string();
}

}  // namespace

void PinEnvironment(std::span<const LoadedGroup> groups,
                    const std::vector<std::string>& later_lanes) {
  std::vector<std::string> lanes = later_lanes;
  for (const LoadedGroup& group : groups) lanes.push_back(group.spec.lane);
  ApplyPins(PinsFor(lanes), ProgramArguments());
  PinLibTorch();
  std::set<Lane> probed;
  for (const LoadedGroup& group : groups)
    if (probed.insert(group.lane).second)
      RequireProbes(group.lane, static_cast<int>(group.record.num_threads));
}

void AddSuiteOptions(CLI::App& command, SuiteArguments& a) {
  command.add_option("suite", a.suite,
                     "suite file, or name of a shipped suite (default: "
                     "default)");
  command.add_option("--lane", a.lane,
                     "device and arithmetic (default: the suite's)");
  command.add_option("--batch", a.batch,
                     "windows that advance together (default: the suite's)");
  command.add_option("--threads", a.threads, "0: all cores")
      ->capture_default_str();
  auto* out = command.add_option(
      "--out", a.out,
      "run folder; must not exist (default: runs/<UTC time>-<id>)");
  command
      .add_option("--resume", a.resume,
                  "go on with an interrupted run's folder; units whose pins "
                  "all match are not measured again")
      ->excludes(out);
  command.add_option("--shard", a.shard,
                     "measure share i of n (\"0/3\"), or \"auto\" under Slurm, "
                     "MPI or torchrun; then plastometer merge");
  command
      .add_option("--seed", a.seed, "of the resampling behind the intervals")
      ->capture_default_str();
  command.add_flag("--plan", a.plan_only,
                   "print every case, unit and hash; measure nothing");
}

void AddGoldensOption(CLI::App& command, std::string& goldens) {
  command.add_option("--goldens", goldens,
                     "the golden store (default: goldens/ of the "
                     "installation)");
}

fs::path StoreRoot(const std::string& goldens) {
  return goldens.empty() ? HomeFolder() / "goldens" : fs::path(goldens);
}

Suite SuiteOf(const SuiteArguments& a) {
  if (a.batch != -1) RequireAtLeast("--batch", a.batch, 1);
  RequireAtLeast("--threads", a.threads, 0);
  Suite suite = LoadSuite(a.suite.empty() ? "default" : a.suite);
  for (SuiteGroup& group : suite.groups) {
    if (!a.lane.empty()) group.lane = a.lane;
    if (a.batch > 0) group.batch_size = a.batch;
  }
  return suite;
}

void PrintPlan(const Suite& suite, const SuiteArguments& a, bool traced) {
  const std::vector<LoadedGroup> groups = LoadGroups(suite, a);
  PinEnvironment(groups, a.later_lanes);
  std::fputs(PlanText(MakePlanOf(suite, groups, traced)).c_str(), stdout);
}

SuiteRun RunSuite(const Suite& suite, const SuiteArguments& a, bool traced) {
  const Shard shard = ParseShard(a.shard);
  std::optional<RunPlan> before;
  if (!a.resume.empty()) before = ReadPlan(a.resume);
  const Suite chosen = before ? SuiteOfPlan(*before) : suite;
  if (before) traced = before->traced;
  std::vector<LoadedGroup> groups = LoadGroups(chosen, a);
  PinEnvironment(groups,
                 a.later_lanes);  // may start anew: nothing is written before
  RunPlan plan = MakePlanOf(chosen, groups, traced);
  if (before && before->sha256() != plan.sha256())
    throw RefusedError(a.resume + " was started with other pins: " +
                       FirstDifference(*before, plan) +
                       "; finished units are kept only when all match");
  RunFolder folder =
      before ? RunFolder::Resume(a.resume)
             : RunFolder(a.out.empty() ? DefaultRunFolder() : fs::path(a.out));
  if (!before) WriteFile(folder.File(kPlanFile), PlanToJson(plan));
  const auto start = std::chrono::steady_clock::now();
  try {
    Execute(plan, groups, folder, shard, a.threads, /*show_progress=*/true);
  } catch (Interrupted& interrupted) {
    if (folder.kept()) interrupted.left = HowToResume(folder);
    throw;
  }
  const fs::path file = folder.File(kJournalFile);
  NamedJournals journals;
  journals.emplace_back(file.string(), ReadJournal(file));
  Collected collected = Collect(plan, journals);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  for (RunRecord& record : collected.records) {
    record.wall_seconds = seconds;
    record.peak_memory_bytes = PeakMemoryBytes();
  }
  return {std::move(plan), std::move(groups), std::move(folder),
          std::move(collected), shard};
}

std::string WriteResults(const RunPlan& plan, const Collected& collected,
                         RunFolder& folder, bool per_domain, bool as_json) {
  std::string text;
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    const Results results = ResultsOf(collected.records[g]);
    fs::path into = folder.path();
    if (plan.groups.size() > 1) {
      into /= plan.groups[g].name;
      fs::create_directories(into);
    }
    WriteGroup(results, into);
    if (g > 0) text += as_json ? ",\n" : "\n";
    text += as_json ? ResultsJson(results)
                    : RunTable(results, {TerminalWidth(), per_domain,
                                         fs::proximate(into).string()});
  }
  return as_json && plan.groups.size() > 1 ? "[" + text + "]\n" : text;
}

}  // namespace plastometer
