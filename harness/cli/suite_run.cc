#include "harness/cli/suite_run.h"

#include <chrono>
#include <filesystem>
#include <optional>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/interrupt.h"
#include "harness/cli/env_command.h"
#include "harness/cli/output.h"
#include "harness/pins/pins.h"
#include "harness/report/csv_report.h"
#include "harness/report/json_report.h"
#include "harness/report/table.h"
#include "harness/run/losses.h"
#include "harness/run/measure.h"
#include "model/probes.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxPlanBytes = uint64_t{1} << 30;

std::vector<LoadedGroup> LoadGroups(const Suite& suite,
                                    const SuiteArguments& a) {
  std::vector<LoadedGroup> groups;
  for (const SuiteGroup& group : suite.groups) {
    ThrowIfInterrupted();
    groups.push_back(LoadGroup(suite.name, group, a.threads, a.seed));
  }
  return groups;
}

void PinEnvironment(const std::vector<LoadedGroup>& groups,
                    const SuiteArguments& a) {
  std::vector<std::string> lanes = a.later_lanes;
  for (const LoadedGroup& group : groups) lanes.push_back(group.spec.lane);
  ApplyPins(PinsFor(lanes), ProgramArguments());
  PinLibTorch();
  for (const LoadedGroup& group : groups)
    RequireProbes(group.lane, static_cast<int>(group.record.num_threads));
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

// The groups that an interrupted run's plan names.
Suite SuiteOfPlan(const RunPlan& plan, const std::string& source) {
  Suite suite;
  suite.name = plan.suite;
  suite.path = plan.suite_file;
  suite.sha256 = plan.suite_sha256;
  for (const PlannedGroup& group : plan.groups)
    suite.groups.push_back(ParseGroupJson(group.spec_json, source));
  return suite;
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

Suite SuiteOf(const SuiteArguments& a) {
  const auto at_least = [](const char* option, int64_t value, int64_t least) {
    if (value < least)
      throw UsageError(std::string(option) + " is " + std::to_string(value) +
                       "; expected at least " + std::to_string(least));
  };
  if (a.batch != -1) at_least("--batch", a.batch, 1);
  at_least("--threads", a.threads, 0);
  Suite suite = LoadSuite(a.suite.empty() ? "default" : a.suite);
  for (SuiteGroup& group : suite.groups) {
    if (!a.lane.empty()) group.lane = a.lane;
    if (a.batch > 0) group.batch_size = a.batch;
  }
  return suite;
}

RunPlan PlanSuite(const Suite& suite, const SuiteArguments& a, bool traced) {
  const std::vector<LoadedGroup> groups = LoadGroups(suite, a);
  PinEnvironment(groups, a);
  return MakePlanOf(suite, groups, traced);
}

SuiteRun RunSuite(const Suite& suite, const SuiteArguments& a, bool traced) {
  const Shard shard = ParseShard(a.shard);
  std::optional<RunPlan> before;
  if (!a.resume.empty()) {
    const fs::path file = fs::path(a.resume) / kPlanFile;
    before = ParsePlan(ReadFile(file, kMaxPlanBytes), file.string());
  }
  const Suite chosen = before ? SuiteOfPlan(*before, a.resume) : suite;
  if (before) traced = before->traced;
  const std::vector<LoadedGroup> groups = LoadGroups(chosen, a);
  PinEnvironment(groups, a);  // may start anew: nothing is written before
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
  const std::string file = folder.File(kJournalFile).string();
  Collected collected =
      Collect(plan, {{file, ParseJournal(ReadFile(file), file)}});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  for (RunRecord& record : collected.records) {
    record.wall_seconds = seconds;
    record.peak_memory_bytes = PeakMemoryBytes();
  }
  return {std::move(plan), std::move(folder), std::move(collected), shard};
}

std::string WriteResults(const RunPlan& plan, const Collected& collected,
                         RunFolder& folder, bool per_domain, bool as_json) {
  const std::string shown = fs::proximate(folder.path()).string();
  std::string text;
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    const Results results = Summarise(collected.records[g]);
    fs::path into = folder.path();
    if (plan.groups.size() > 1) {
      into /= plan.groups[g].cases[0].name.substr(
          0, plan.groups[g].cases[0].name.find('.'));
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
