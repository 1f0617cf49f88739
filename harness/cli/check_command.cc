#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "harness/check/blame_verdicts.h"
#include "harness/check/check.h"
#include "harness/check/exit_codes.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/cli/suite_options.h"
#include "harness/golden/store.h"
#include "harness/report/check_report.h"
#include "harness/report/table.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

constexpr char kOracleLane[] = "cpu-reference-fp64";

struct CheckArguments {
  SuiteArguments suite;
  std::string goldens, junit, policy;
  bool github = false, blame = false, oracle = false, table = false,
       json = false;
};

// The same suite in fp64, for the tier between lanes of one precision.
SuiteRun RunOracle(const SuiteRun& run, SuiteArguments a) {
  Suite suite = SuiteOfPlan(run.plan);
  for (SuiteGroup& group : suite.groups) group.lane = kOracleLane;
  a.resume.clear();
  a.shard.clear();
  a.goes_on.clear();
  a.out = run.folder.File("oracle").string();
  return RunSuite(suite, a, /*traced=*/true);
}

void AppendStepSummary(const std::string& text) {
  const char* file = std::getenv("GITHUB_STEP_SUMMARY");
  if (file == nullptr || *file == '\0') return;
  AppendToFile(file, text);
}

void WriteOutputs(const CheckArguments& a, const SuiteRun& run,
                  const CheckReport& report) {
  const std::string json = CheckJson(report), junit = CheckJunit(report);
  WriteFile(run.folder.File("check.json"), json);
  WriteFile(run.folder.File("junit.xml"), junit);
  if (!a.junit.empty()) WriteFile(a.junit, junit);
  if (!a.github) return;
  Print(CheckAnnotations(report));
  AppendStepSummary(CheckSummary(report));
}

std::string GoesOn(const CheckArguments& a) {
  std::string text = "plastometer check" + OptionsAgain(a.suite);
  const std::pair<const char*, const std::string&> words[] = {
      {" --goldens ", a.goldens},
      {" --junit ", a.junit},
      {" --policy ", a.policy}};
  for (const auto& [name, word] : words)
    if (!word.empty()) text += name + ShellWord(word);
  const std::pair<const char*, bool> flags[] = {{" --github", a.github},
                                                {" --blame", a.blame},
                                                {" --oracle", a.oracle},
                                                {" --table", a.table},
                                                {" --json", a.json}};
  for (const auto& [name, given] : flags)
    if (given) text += name;
  return text;
}

void Check(CheckArguments a) {
  const Policy policy = ParsePolicy(a.policy);
  const Suite suite = SuiteOf(a.suite);
  const InterruptGuard guard;
  if (a.suite.plan_only) return PrintPlan(suite, a.suite, /*traced=*/true);
  a.suite.goes_on = GoesOn(a);
  if (a.oracle) a.suite.later_lanes = {kOracleLane};
  SuiteRun run = RunSuite(suite, a.suite, /*traced=*/true);
  if (!run.collected.missing.empty()) {
    std::printf(
        "%s holds a shard; merge all of them, then plastometer check --resume "
        "the merged folder\n",
        fs::proximate(run.folder.path()).string().c_str());
    return;
  }
  const std::string tables =
      WriteResults(run.plan, run.collected, run.folder, false, false);
  if (a.table) Print(tables + "\n");
  for (const std::string& unit : run.collected.inconsistent)
    std::fprintf(stderr,
                 "plastometer: %s: in pieces it has other losses than in one "
                 "pass\n",
                 unit.c_str());
  std::optional<SuiteRun> oracle;
  if (a.oracle) oracle.emplace(RunOracle(run, a.suite));
  const GoldenStore store(StoreRoot(a.goldens));
  const std::vector<CheckedCase> all =
      CompareAll(store, run, oracle ? &*oracle : nullptr);
  WritePending(run, all);
  CheckReport report;
  report.suite = run.plan.suite;
  report.run_folder = fs::proximate(run.folder.path()).string();
  for (const CheckedCase& c : all) report.comparisons.push_back(c.comparison);
  for (Comparison& orphan : Orphans(store, run.plan.suite, all))
    report.comparisons.push_back(std::move(orphan));
  if (a.blame)
    report.notes = BlameLines({StoreRoot(a.goldens), a.suite.lane}, run, all);
  report.exit_code = ExitCodeOf(report.comparisons, run.collected);
  WriteOutputs(a, run, report);
  Print(a.json ? CheckJson(report) : CheckTable(report, TerminalWidth()));
  ExitStatus() = policy.Apply(
      report.exit_code,
      report.exit_code == ExitCode(Verdict::kInconclusive) && !a.policy.empty()
          ? NumInconclusive(run.folder.path(), report.suite)
          : 0);
}

}  // namespace

void AddCheckCommand(Command& program) {
  auto a = std::make_shared<CheckArguments>();
  Command command = program.Add(
      "check",
      "Run a suite and compare it with its goldens: exit 0 when all is as "
      "committed");
  AddSuiteOptions(command, a->suite);
  command.Heading("Comparison");
  AddGoldensOption(command, a->goldens);
  command.Flag("--oracle", a->oracle, "also in fp64, as arbiter between lanes");
  command.Flag("--blame", a->blame,
               "rebuild the code that made a failing golden and say whether "
               "code or environment moved");
  command.Heading("Output");
  command.Flag("--table", a->table, "print the Pareto tables too");
  command.Flag("--json", a->json,
               "print check.json of the run folder instead of the verdicts");
  command.Add("--junit FILE", a->junit,
              "JUnit XML, one more copy of junit.xml of the run folder");
  command.Flag("--github", a->github,
               "annotations, and the step summary that GitHub shows");
  command.Add("--policy CODES", a->policy,
              "what a pipeline makes of an exit code: \"6=fail,7=retry\"");
  command.Example("plastometer check quick", "seconds, and no fetched text");
  command.Example("plastometer check ci --out build/check --github",
                  "as a pipeline does");
  command.Callback([a] { Check(*a); });
}

}  // namespace plastometer
