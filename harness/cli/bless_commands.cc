#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/cli/suite_options.h"
#include "harness/golden/bless.h"
#include "harness/golden/store.h"
#include "harness/pins/pins.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

struct BlessArguments {
  std::vector<std::string> cases;  // "quick/prose.uniform" or "prose.uniform"
  std::string run, goldens, reason, numeric_class = kPortableClass, remove,
                                    file;
  bool all = false, fresh_start = false, accept_shift = false;
  int64_t count = -1;
};

// Folders of pending cases, "<suite>/<case>", sorted.
std::vector<std::string> PendingCases(const fs::path& run) {
  if (!fs::is_regular_file(run / kPlanFile))
    throw InvalidError(run.string() +
                       " holds no plan.json; expected the run folder of a "
                       "check");
  std::vector<std::string> names;
  const fs::path pending = run / "pending";
  if (!fs::is_directory(pending)) return names;
  for (const auto& suite : fs::directory_iterator(pending))
    for (const auto& entry : fs::directory_iterator(suite.path()))
      names.push_back(suite.path().filename().string() + "/" +
                      entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// Those that were named, or all of them.
std::vector<std::string> Chosen(const BlessArguments& a) {
  const std::vector<std::string> pending = PendingCases(a.run);
  if (a.cases.empty()) return pending;
  std::set<std::string> chosen;
  for (const std::string& wanted : a.cases) {
    const auto found = std::find_if(
        pending.begin(), pending.end(), [&](const std::string& name) {
          return name == wanted || name.substr(name.find('/') + 1) == wanted;
        });
    if (found == pending.end())
      throw UsageError(a.run + " has no pending case " + wanted + "; it has " +
                       std::to_string(pending.size()) +
                       " (plastometer review " + a.run + ")");
    chosen.insert(*found);
  }
  return {chosen.begin(), chosen.end()};
}

Golden ReadPending(const BlessArguments& a, const std::string& name) {
  const fs::path folder = fs::path(a.run) / "pending" / name;
  std::vector<std::string> classes;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory())
      classes.push_back(entry.path().filename().string());
  if (classes.size() != 1)
    throw InvalidError(folder.string() + " holds " +
                       std::to_string(classes.size()) +
                       " numeric classes; expected one");
  return ReadGolden(folder, classes[0]);
}

void Review(const BlessArguments& a) {
  const GoldenStore store(StoreRoot(a.goldens));
  std::vector<ReviewFinding> findings;
  for (const std::string& name : Chosen(a)) {
    const Golden pending = ReadPending(a, name);
    const auto golden = store.Read(pending.pins.suite, pending.pins.name,
                                   pending.metrics.numeric_class);
    findings.push_back(FindingOf(pending, golden ? &*golden : nullptr));
  }
  const size_t num_pending = PendingCases(a.run).size();
  Print(ReviewText(findings, a.run, num_pending));
  std::printf("%zu of %zu pending cases\n", findings.size(), num_pending);
}

// The cases of the run's plan, measured once more into a folder of its own.
SuiteRun RunAgain(const fs::path& run, const fs::path& into,
                  const std::set<std::string>& names) {
  Suite suite = SuiteOfPlan(ReadPlan(run));
  for (SuiteGroup& group : suite.groups)
    std::erase_if(group.profiles, [&](const std::string& profile) {
      return !names.contains(suite.name + "/" + group.name + "." +
                             ProfileSlug(profile));
    });
  std::erase_if(suite.groups,
                [](const SuiteGroup& group) { return group.profiles.empty(); });
  SuiteArguments arguments;
  arguments.out = into.string();
  return RunSuite(suite, arguments, /*traced=*/true);
}

const Golden* FindCase(const std::vector<Golden>& all, const CasePins& pins) {
  const auto found = std::find_if(
      all.begin(), all.end(),
      [&](const Golden& golden) { return golden.pins.name == pins.name; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<Golden> Candidates(const SuiteRun& run) {
  std::vector<Golden> all;
  for (const UnitId& id : AskedCases(run.plan))
    all.push_back(
        MakeCandidate(run.plan, run.collected, id.group_idx, id.profile_idx));
  return all;
}

BlessEnvironment Environment(const BlessArguments& a) {
  BlessEnvironment e =
      DetectBlessEnvironment(fs::absolute(StoreRoot(a.goldens)).parent_path());
  e.code_tree = CodeTree();
  e.built_from_commit = BuiltFromCommit();
  return e;
}

void PrintEntry(const LedgerEntry& entry) {
  for (const LedgerCase& c : entry.cases)
    std::printf("%s/%s: %s\n", c.suite.c_str(), c.name.c_str(),
                c.new_sha256.empty()   ? "removed"
                : c.old_sha256.empty() ? "first golden"
                                       : "golden replaced");
  std::printf("ledger entry %s; commit goldens/ to make it so\n",
              entry.id.c_str());
}

void Accept(const BlessArguments& a) {
  const BlessEnvironment environment = Environment(a);
  if (!a.remove.empty()) {
    const size_t slash = a.remove.find('/');
    if (slash == std::string::npos)
      throw UsageError("--remove is '" + a.remove + "'; expected SUITE/CASE");
    PrintEntry(Remove(StoreRoot(a.goldens), a.remove.substr(0, slash),
                      a.remove.substr(slash + 1), a.reason, environment));
    return;
  }
  if (a.run.empty() || (a.cases.empty() && !a.all))
    throw UsageError("accept: expected cases, or --all, and --from RUN");
  const InterruptGuard guard;
  BlessRequest request;
  request.reason = a.reason;
  request.numeric_class = a.numeric_class;
  request.all = a.all;
  request.expected_count = a.count;
  request.accept_shift = a.accept_shift;
  request.fresh_start = a.fresh_start;
  const std::vector<std::string> names = Chosen(a);
  for (const std::string& name : names)
    request.cases.push_back({ReadPending(a, name), {}, true});
  CheckAllowed(request, environment);  // before minutes of measuring
  const TemporaryFolder again;
  const SuiteRun run =
      RunAgain(a.run, again.path() / "run", {names.begin(), names.end()});
  if (!run.collected.inconsistent.empty())
    throw RefusedError(run.collected.inconsistent.front() +
                       ": in pieces it has other losses than in one pass");
  const std::vector<Golden> candidates = Candidates(run);
  for (BlessRequest::Case& c : request.cases) {
    const Golden* golden = FindCase(candidates, c.pending.pins);
    if (golden == nullptr)
      throw InvalidError(a.run + ": its plan has no case " +
                         c.pending.pins.name);
    c.again = *golden;
    c.complete = run.collected.missing.empty();
    c.again.metrics.tolerances = c.pending.metrics.tolerances;
  }
  PrintEntry(plastometer::Accept(StoreRoot(a.goldens), request, environment));
}

void Reject(const BlessArguments& a) {
  if (a.cases.empty()) throw UsageError("reject: expected cases");
  for (const std::string& name : Chosen(a)) {
    fs::remove_all(fs::path(a.run) / "pending" / name);
    std::printf("%s: the pending golden is gone; the committed one stands\n",
                name.c_str());
  }
}

void Lint(const BlessArguments& a) {
  const std::vector<std::string> findings = LintStore(StoreRoot(a.goldens));
  for (const std::string& finding : findings) Print(finding + "\n");
  if (!findings.empty())
    throw InvalidError(std::to_string(findings.size()) +
                       " findings in the golden store");
}

Command AddCommand(Command& program, const std::string& name,
                   const std::string& what,
                   const std::shared_ptr<BlessArguments>& a,
                   void (*run)(const BlessArguments&)) {
  Command command = program.Add(name, what);
  AddGoldensOption(command, a->goldens);
  command.Callback([a, run] { run(*a); });
  return command;
}

void AddAccept(Command& program) {
  auto a = std::make_shared<BlessArguments>();
  Command command = AddCommand(program, "accept",
                               "Make pending goldens the committed ones, with "
                               "a reason, after measuring them once more",
                               a, Accept);
  command.Add("cases", a->cases, "SUITE/CASE");
  command.Add("--from FOLDER", a->run, "run folder of a check");
  command.Add("--reason TEXT", a->reason, "why the numbers moved").Required();
  command.Flag("--all", a->all, "every pending case; needs --count");
  command.Add("--count N", a->count, "how many cases --all is");
  command.Flag("--accept-shift", a->accept_shift,
               "counts or pins change, or ln perplexity by more than 0.001");
  command.Flag("--fresh-start", a->fresh_start, "cumulative drift begins anew");
  command.Add("--class CLASS", a->numeric_class, "numeric class").ShowDefault();
  command.Add("--remove CASE", a->remove,
              "SUITE/CASE that its suite no longer names");
  command.Example(
      "plastometer accept quick/prose.uniform --from RUN --reason \"...\"",
      "then commit goldens/");
}

void AddGolden(Command& program) {
  auto a = std::make_shared<BlessArguments>();
  Command command = program.Add("golden", "Look into golden files");
  command.RequireCommand();
  command.Example("plastometer golden show trace.zst", "one golden as text");
  Command show =
      command.Add("show", "A trace.zst as text, for people and git's textconv");
  show.Add("file", a->file, "trace.zst").Required();
  show.Example("git config diff.golden.textconv \"plastometer golden show\"",
               "git diff then shows goldens as text");
  show.Callback([a] { Print(GoldenText(a->file)); });
}

}  // namespace

void AddBlessCommands(Command& program) {
  auto review = std::make_shared<BlessArguments>();
  Command command = AddCommand(program, "review",
                               "Show what a check left pending, and how far "
                               "it is from the goldens; cases that moved alike "
                               "together",
                               review, Review);
  command.Add("run", review->run, "run folder of a check").Required();
  command.Add("cases", review->cases, "SUITE/CASE (default: all)");
  command.Example("plastometer review build/check", "all that is pending");

  AddAccept(program);

  auto reject = std::make_shared<BlessArguments>();
  command = AddCommand(program, "reject", "Throw pending goldens away", reject,
                       Reject);
  command.Add("cases", reject->cases, "SUITE/CASE");
  command.Add("--from FOLDER", reject->run, "run folder of a check").Required();
  command.Example("plastometer reject quick/prose.uniform --from RUN",
                  "the committed golden stands");

  command = AddCommand(program, "lint",
                       "Check the golden store: hashes, ledger, sizes; prints "
                       "one line a finding",
                       std::make_shared<BlessArguments>(), Lint);
  command.Example("plastometer lint", "silent, exit 0: nothing was found");
  AddGolden(program);
}

}  // namespace plastometer
