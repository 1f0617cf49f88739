#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/process.h"
#include "harness/check/blame.h"
#include "harness/check/capsule.h"
#include "harness/check/exit_codes.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/cli/suite_run.h"
#include "harness/golden/compare.h"
#include "harness/golden/ledger.h"
#include "harness/golden/store.h"
#include "harness/pins/pins.h"
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

// The same suite in fp64, for the tier between lanes of one precision.
SuiteRun RunOracle(const SuiteRun& run, SuiteArguments a) {
  Suite suite = SuiteOfPlan(run.plan);
  for (SuiteGroup& group : suite.groups) group.lane = kOracleLane;
  a.resume.clear();
  a.shard.clear();
  a.out = run.folder.File("oracle").string();
  return RunSuite(suite, a, /*traced=*/true);
}

struct Checked {
  Golden candidate;
  std::optional<Golden> golden;
  Comparison comparison;
  size_t group_idx = 0;
};

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

std::vector<Checked> CompareAll(const GoldenStore& store, const SuiteRun& run,
                                const SuiteRun* oracle) {
  const Ledger ledger = Ledger::Read(store.root());
  std::vector<Checked> all;
  for (const UnitId& id : AskedCases(run.plan)) {
    Checked c;
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

fs::path CaseFolder(const fs::path& folder, const CasePins& pins) {
  return folder / pins.suite / pins.name;
}

// A mismatch leaves what came, ready for review, and what reproduces it.
void WritePending(const SuiteRun& run, const std::vector<Checked>& all) {
  for (const Checked& c : all) {
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
    fs::create_directories(folder);
    WriteFile(folder / "capsule.json", CapsuleJson(*capsule));
  }
}

// "libtorch: 2.11.0 -> 2.12.0", what moved since the golden was made.
std::string MovedText(const Golden& golden, const Golden& candidate) {
  Fingerprint before, now;
  before.numeric = golden.metrics.environment;
  now.numeric = candidate.metrics.environment;
  std::string text;
  for (const std::string& pin : MovedPins(before, now))
    text += (text.empty() ? " (" : ", ") + pin;
  return text.empty() ? " (no recorded pin moved)" : text + ")";
}

// The report of the code that made a golden, rebuilt here, on the same suite.
struct OldCode {
  std::string commit;
  nlohmann::json report;  // check.json
};

OldCode CheckWithOldCode(const CheckArguments& a, const SuiteRun& run,
                         const std::string& code_tree) {
  const fs::path home = HomeFolder(), work = run.folder.File("blame");
  OldCode old;
  old.commit = FindCommitOfCode(home, code_tree).substr(0, 12);
  try {
    const fs::path program = BuildCommit(home, old.commit, work);
    setenv("PLASTOMETER_DATA", DataFolder().c_str(), /*overwrite=*/0);
    const fs::path json = work / old.commit / "check.json";
    std::vector<std::string> command = {
        program.string(),
        "check",
        fs::absolute(run.plan.suite_file).string(),
        "--goldens",
        fs::absolute(StoreRoot(a.goldens)).string(),
        "--out",
        (work / old.commit).string()};
    if (!a.suite.lane.empty()) {
      command.push_back("--lane");
      command.push_back(a.suite.lane);
    }
    const ProcessResult result = RunProcess(command, home);
    if (!fs::exists(json))
      throw InfrastructureError("blame: the old program ended with " +
                                std::to_string(result.exit_code) + ": " +
                                result.output.substr(0, 500));
    old.report = ReadJsonFile(json);
  } catch (...) {
    RemoveCheckout(home, work);
    throw;
  }
  RemoveCheckout(home, work);
  return old;
}

// Does the code that made the golden disagree with it in the same way here?
std::string BlameVerdict(const OldCode& old, const Checked& c) {
  const std::string who = "commit " + old.commit + ", which made the golden, ";
  for (const auto& entry : old.report.at("cases")) {
    if (entry.at("case") != c.candidate.pins.name) continue;
    return entry.at("verdict") == "pass"
               ? "CODE-CHANGE: " + who + "still gives it here"
               : "ENV-DRIFT: " + who + "no longer gives it here" +
                     MovedText(*c.golden, c.candidate);
  }
  return "blame: the report of commit " + old.commit + " has no such case";
}

// A line for each case that did not pass; every code is built once.
std::vector<std::string> BlameLines(const CheckArguments& a,
                                    const SuiteRun& run,
                                    const std::vector<Checked>& all) {
  std::map<std::string, std::vector<const Checked*>> by_code;
  for (const Checked& c : all)
    if (c.golden && c.comparison.verdict != Verdict::kPass)
      by_code[c.golden->metrics.code_tree].push_back(&c);
  std::vector<std::string> lines;
  for (const auto& [code_tree, cases] : by_code) {
    std::optional<OldCode> old;
    std::string problem;
    try {
      if (code_tree != run.plan.code_tree)
        old = CheckWithOldCode(a, run, code_tree);
    } catch (const Error& error) {
      problem = error.what();
    }
    for (const Checked* c : cases) {
      const std::string name =
          c->candidate.pins.suite + "/" + c->candidate.pins.name + ": ";
      lines.push_back(name + (old ? BlameVerdict(*old, *c)
                              : !problem.empty()
                                  ? problem
                                  : "ENV-DRIFT: this is the code that made "
                                    "the golden; what differs is the "
                                    "machine or its libraries" +
                                        MovedText(*c->golden, c->candidate)));
    }
  }
  return lines;
}

void AppendStepSummary(const std::string& text) {
  const char* file = std::getenv("GITHUB_STEP_SUMMARY");
  if (file == nullptr || *file == '\0') return;
  std::ofstream(file, std::ios::app) << text;
}

void WriteOutputs(const CheckArguments& a, const SuiteRun& run,
                  const CheckReport& report) {
  const std::string json = CheckJson(report), junit = CheckJunit(report);
  WriteFile(run.folder.File("check.json"), json);
  WriteFile(run.folder.File("junit.xml"), junit);
  if (!a.junit.empty()) WriteFile(a.junit, junit);
  if (!a.github) return;
  std::fputs(CheckAnnotations(report).c_str(), stdout);
  AppendStepSummary(CheckSummary(report));
}

// Runs of this suite beside this one's folder, newest first, until one that
// was not inconclusive.
int NumInconclusive(const fs::path& run_folder, const std::string& suite) {
  std::map<fs::file_time_type, bool> inconclusive;
  for (const auto& entry : fs::directory_iterator(run_folder.parent_path())) {
    const fs::path file = entry.path() / "check.json";
    if (entry.path() == run_folder || !fs::is_regular_file(file)) continue;
    const nlohmann::json report = ReadJsonFile(file);
    if (report.value("suite", "") == suite)
      inconclusive[fs::last_write_time(file)] =
          report.value("exit_code", -1) == ExitCode(Verdict::kInconclusive);
  }
  int count = 0;
  for (auto run = inconclusive.rbegin();
       run != inconclusive.rend() && run->second; ++run)
    ++count;
  return count;
}

void Check(CheckArguments a) {
  const Policy policy = ParsePolicy(a.policy);
  const Suite suite = SuiteOf(a.suite);
  const InterruptGuard guard;
  if (a.suite.plan_only) return PrintPlan(suite, a.suite, /*traced=*/true);
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
  if (a.table) std::fputs((tables + "\n").c_str(), stdout);
  for (const std::string& unit : run.collected.inconsistent)
    std::fprintf(stderr,
                 "plastometer: %s: in pieces it has other losses than in one "
                 "pass\n",
                 unit.c_str());
  std::optional<SuiteRun> oracle;
  if (a.oracle) oracle.emplace(RunOracle(run, a.suite));
  const GoldenStore store(StoreRoot(a.goldens));
  const std::vector<Checked> all =
      CompareAll(store, run, oracle ? &*oracle : nullptr);
  WritePending(run, all);
  CheckReport report;
  report.suite = run.plan.suite;
  report.run_folder = fs::proximate(run.folder.path()).string();
  std::vector<std::string> names;
  for (const Checked& c : all) {
    report.comparisons.push_back(c.comparison);
    names.push_back(c.candidate.pins.name);
  }
  for (const std::string& name : store.Cases(run.plan.suite))
    if (std::find(names.begin(), names.end(), name) == names.end())
      report.comparisons.push_back(OrphanOf(store, run.plan.suite, name));
  if (a.blame) report.notes = BlameLines(a, run, all);
  std::vector<int> codes = {0};
  for (const Comparison& c : report.comparisons)
    codes.push_back(ExitCode(c.verdict));
  if (!run.collected.inconsistent.empty())
    codes.push_back(ExitCode(Verdict::kRegression));
  report.exit_code = CombineExitCodes(codes);
  WriteOutputs(a, run, report);
  std::fputs((a.json ? CheckJson(report) : CheckTable(report, TerminalWidth()))
                 .c_str(),
             stdout);
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
