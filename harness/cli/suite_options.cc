#include "harness/cli/suite_options.h"

#include <cstdio>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "harness/cli/output.h"
#include "harness/report/csv_report.h"
#include "harness/report/json_report.h"
#include "harness/report/table.h"
#include "harness/results/losses.h"
#include "harness/run/continual.h"
#include "harness/run/environment.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

void WriteGroup(const Results& results, const fs::path& folder) {
  WriteFile(folder / "table.csv", TableCsv(results));
  WriteFile(folder / "windows.csv", WindowsCsv(results));
  WriteFile(folder / "position.csv", PositionCsv(results));
  WriteLosses(results.record, folder / "losses.safetensors");
  WriteFile(folder / kResultsFile, ResultsJson(results));
}

}  // namespace

void AddSuiteOptions(Command& command, SuiteArguments& a) {
  command.Add("suite", a.suite,
              "suite file, or name of a shipped suite (default: default)");
  command.Heading("Run");
  command.Add("--lane LANE", a.lane,
              "device and arithmetic (default: the suite's)");
  command.Add("--batch N", a.batch,
              "windows that advance together (default: the suite's)");
  command.Add("--threads N", a.threads, "how many; 0: all cores").ShowDefault();
  command.Add("--out FOLDER", a.out,
              "run folder; must not exist (default: runs/<UTC time>-<id>)");
  command
      .Add("--resume FOLDER", a.resume,
           "go on with an interrupted run's folder; units whose pins all match "
           "are not measured again")
      .Excludes("--out");
  command.Add("--shard I/N", a.shard,
              "measure share i of n (\"0/3\"), or \"auto\" under Slurm, "
              "MPI or torchrun; then plastometer merge");
  command.Add("--seed N", a.seed, "of the resampling behind the intervals")
      .ShowDefault();
  command.Flag("--plan", a.plan_only,
               "print every case, unit and hash; measure nothing");
}

std::string OptionsAgain(const SuiteArguments& a) {
  const SuiteArguments unsaid;
  std::string text;
  if (a.threads != unsaid.threads)
    text += " --threads " + std::to_string(a.threads);
  if (a.seed != unsaid.seed) text += " --seed " + std::to_string(a.seed);
  if (!a.shard.empty()) text += " --shard " + a.shard;
  return text;
}

void AddGoldensOption(Command& command, std::string& goldens) {
  command.Add("--goldens FOLDER", goldens,
              "the golden store (default: goldens/ of the installation)");
}

fs::path StoreRoot(const std::string& goldens) {
  return goldens.empty() ? HomeFolder() / "goldens" : fs::path(goldens);
}

Suite SuiteOf(const SuiteArguments& a) {
  if (a.batch != -1) RequireWithin("--batch", a.batch, 1, kMaxBatch);
  ResolveThreads(a.threads);  // checks it
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
  Print(PlanText(PlanOf(suite, groups, traced)));
}

std::string WriteResults(const RunPlan& plan, const Collected& collected,
                         RunFolder& folder, bool per_domain, bool as_json) {
  std::string text;
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    const Results results = ResultsOf(collected.records[g]);
    fs::path into = folder.path();
    if (plan.groups.size() > 1) {
      into /= plan.groups[g].name;
      MakeFolders(into);
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
