#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "harness/cli/commands.h"
#include "harness/cli/group_options.h"
#include "harness/cli/output.h"
#include "harness/cli/suite_options.h"
#include "harness/report/format.h"
#include "harness/results/statistics_file.h"
#include "harness/run/plan.h"
#include "harness/run/progress.h"
#include "harness/run/write_statistics.h"

namespace plastometer {
namespace {

struct RunArguments {
  SuiteArguments suite;
  GroupOptions group;
  std::string stats;  // the profile whose inner loop is looked into
  bool per_domain = false, json = false, traces = false, accuracy = false;
};

Suite SuiteOfRun(const RunArguments& a) {
  Suite suite = SuiteOf(a.suite);
  if (a.accuracy && (!a.suite.suite.empty() || !a.suite.resume.empty()))
    throw UsageError(
        "--accuracy is for a run of your own; a suite's groups have the key "
        "\"accuracy\"");
  suite.groups.front().accuracy |= a.accuracy;
  if (!a.group.any()) return suite;
  if (!a.suite.suite.empty() || !a.suite.resume.empty())
    throw UsageError(
        "a suite, or --resume, says which model, data and profiles are "
        "measured; leave those options away");
  suite.name = "run";
  SuiteGroup& group = suite.groups.front();
  ChangeGroup(a.group, group);
  group.accuracy |= group.data.answers_only;
  return suite;
}

// A shard alone is not a result.
std::string ShardText(const SuiteRun& run) {
  size_t num_units = 0;
  for (const PlannedGroup& group : run.plan.groups)
    num_units += group.cases.size() * group.record.windows.size();
  const std::string of = std::to_string(run.shard.num);
  return "shard " + std::to_string(run.shard.idx) + " of " + of + ": " +
         std::to_string(num_units - run.collected.missing.size()) + " of " +
         std::to_string(num_units) + " units are in " +
         std::filesystem::proximate(run.folder.path()).string() +
         "\nWhen all " + of +
         " are done: plastometer merge FOLDER... --out FOLDER\n";
}

size_t StatisticsProfile(const LoadedGroup& group, const std::string& name) {
  const auto& profiles = group.profiles.profiles;
  std::string known;
  for (size_t p = 0; p < profiles.size(); ++p) {
    const auto& same = profiles[p].same_as;
    if (profiles[p].profile.name() == name ||
        std::find(same.begin(), same.end(), name) != same.end())
      return p;
    known += (p == 0 ? "" : ", ") + profiles[p].profile.name();
  }
  throw UsageError("--stats=" + name + ": group " + group.spec.name +
                   " does not measure that profile; it has " + known);
}

// One more pass over the text, after the timed ones.
void TakeStatistics(const RunArguments& a, SuiteRun& run) {
  for (size_t g = 0; g < run.groups.size(); ++g) {
    const LoadedGroup& group = run.groups[g];
    const size_t profile = StatisticsProfile(group, a.stats);
    std::filesystem::path into = run.folder.path();
    if (run.groups.size() > 1) into /= group.spec.name;
    MakeFolders(into);
    if (std::filesystem::exists(into / kStatisticsFile)) continue;
    Progress progress("statistics of " + group.spec.name);
    WriteStatistics(
        Model::Load(group.choice.file, {group.lane, a.suite.threads}), group,
        profile, run.collected.records[g].profiles[profile].nll,
        into / kStatisticsFile,
        [&](int64_t done, int64_t total) { progress.Update(done, total); });
  }
}

// The model, the text and the profiles stand in the run folder.
std::string GoesOn(const RunArguments& a) {
  std::string text = "plastometer run" + OptionsAgain(a.suite);
  if (!a.stats.empty()) text += " --stats=" + ShellWord(a.stats);
  if (a.per_domain) text += " --per-domain";
  if (a.json) text += " --json";
  return text;
}

void Run(RunArguments a) {
  if (!a.stats.empty() && !a.suite.shard.empty())
    throw UsageError(
        "--stats looks into whole runs: leave out --shard, or merge the "
        "shards and start plastometer run --resume FOLDER --stats");
  const Suite suite = SuiteOfRun(a);
  const InterruptGuard guard;
  if (a.suite.plan_only) return PrintPlan(suite, a.suite, a.traces);
  a.suite.goes_on = GoesOn(a);
  SuiteRun run = RunSuite(suite, a.suite, a.traces);
  const bool complete = run.collected.missing.empty();
  std::string text;
  TellHowToResume(run.folder, a.suite, [&] {
    if (!a.stats.empty() && complete) TakeStatistics(a, run);
    text = complete ? WriteResults(run.plan, run.collected, run.folder,
                                   a.per_domain, a.json)
                    : ShardText(run);
  });
  Print(text);
  if (const int64_t peak = run.collected.records.front().peak_memory_bytes;
      complete && peak >= 0)
    std::fprintf(stderr,
                 "peak memory %s: of this whole process, all profiles and "
                 "groups together\n",
                 Bytes(peak).c_str());
}

}  // namespace

void AddRunCommand(Command& program) {
  auto a = std::make_shared<RunArguments>();
  Command command = program.Add(
      "run",
      "Read text under several plasticity profiles and compare quality with "
      "cost (no arguments: the shipped model)");
  AddSuiteOptions(command, a->suite);
  AddGroupOptions(command, a->group);
  AddProfilesOption(command, a->group);
  command.Heading("Output");
  command.Flag("--per-domain", a->per_domain, "one more table for each domain");
  command.Flag("--json", a->json, "print results.json instead of the table");
  command.Flag("--accuracy", a->accuracy,
               "also the share of scored tokens that were the most probable "
               "ones; always where answers alone are scored");
  command.Flag("--stats", "uniform", a->stats,
               "also write stats.safetensors: gradients, updates and gates of "
               "every token under uniform; --stats=PROFILE: under another "
               "profile of the run");
  command.Flag("--traces", a->traces,
               "also take the traces that goldens hold, for plastometer check "
               "--resume");
  command.Example("plastometer run --per-domain",
                  "the shipped model on held-out text");
  command.Example(
      "plastometer run --model M --data book.txt --profiles \"early:25% "
      "late:25%\"",
      "your model and text");
  command.Example("plastometer run --resume runs/20261125T085601Z-60a4",
                  "go on after a kill");
  command.Callback([a] { Run(*a); });
}

}  // namespace plastometer
