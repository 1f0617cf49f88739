#include "harness/cli/run_command.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/base/error.h"
#include "harness/base/interrupt.h"
#include "harness/cli/suite_run.h"
#include "harness/run/inputs.h"
#include "harness/run/plan.h"
#include "harness/run/progress.h"
#include "harness/run/statistics_file.h"
#include "model/weights/model_file.h"

namespace plastometer {
namespace {

constexpr int64_t kTaskDocuments = 64;

struct RunArguments {
  SuiteArguments suite;
  std::string model, data, slice, tokenizer, task, score;
  std::string parameters = "{}";
  int64_t task_seed = 1;
  std::string stats;  // the profile whose inner loop is looked into
  std::vector<std::string> profiles, domains, sources;
  int64_t context = 0, windows = -1, documents = 0;
  bool per_domain = false, json = false, traces = false;
};

void CheckRanges(const RunArguments& a) {
  const auto at_least = [](const char* option, int64_t value, int64_t least,
                           int64_t unset) {
    if (value >= least || value == unset) return;
    throw UsageError(std::string(option) + " is " + std::to_string(value) +
                     "; expected at least " + std::to_string(least));
  };
  at_least("--context", a.context, 2, 0);
  at_least("--windows", a.windows, 0, -1);
  at_least("--documents", a.documents, 1, 0);
}

bool ChangesGroup(const RunArguments& a) {
  return !(a.model.empty() && a.data.empty() && a.slice.empty() &&
           a.tokenizer.empty() && a.profiles.empty() && a.domains.empty() &&
           a.sources.empty() && a.context == 0 && a.windows < 0 &&
           a.documents == 0 && a.task.empty());
}

// A task named, or the one that the model was trained on: its held-out
// documents.
void ChooseTask(const RunArguments& a, SuiteData& data) {
  TrainedTask task{a.task, a.parameters, a.task_seed, a.score == "answers"};
  const ModelChoice model = ResolveModel(a.model);
  if (a.task.empty()) {
    const bool other_data =
        !a.data.empty() || !a.slice.empty() || !a.sources.empty();
    if (other_data || a.model.empty()) return;
    task = TaskOfModel(model.file);
    if (task.name.empty()) return;
    if (!a.score.empty()) task.answers_only = a.score == "answers";
  }
  data.task = task.name;
  data.task_parameters = task.parameters_json;
  data.task_seed = task.seed;
  data.answers_only = task.answers_only;
  data.held_out.clear();
  data.windows = 0;
  data.documents = a.documents > 0 ? a.documents : kTaskDocuments;
  if (a.context == 0)
    data.context_tokens =
        CheckModelHeader(SafetensorsFile(model.file)).context_tokens;
}

// A run of the user's own making is the default suite's group, changed.
void ChangeGroup(const RunArguments& a, Suite& suite) {
  SuiteGroup& group = suite.groups.front();
  suite.name = "run";
  group.name = "run";
  if (!a.model.empty()) group.model = a.model;
  if (!a.tokenizer.empty()) group.tokenizer = a.tokenizer;
  if (!a.profiles.empty()) group.profiles = SplitProfileList(a.profiles);
  SuiteData& data = group.data;
  data.slice = a.slice;
  data.domains = a.domains;
  if (a.context > 0) data.context_tokens = a.context;
  if (a.documents > 0) data.documents = a.documents;
  if (!a.sources.empty()) data.held_out = a.sources;
  if (!a.data.empty()) {
    data.text = a.data;
    data.held_out.clear();
    data.windows = 0;
  } else if (!a.slice.empty()) {
    data.held_out.clear();
  }
  if (a.windows >= 0) data.windows = a.windows;
  ChooseTask(a, data);
}

Suite SuiteOfRun(const RunArguments& a) {
  CheckRanges(a);
  Suite suite = SuiteOf(a.suite);
  if (!ChangesGroup(a)) return suite;
  if (!a.suite.suite.empty() || !a.suite.resume.empty())
    throw UsageError(
        "a suite, or --resume, says which model, data and profiles are "
        "measured; leave those options away");
  ChangeGroup(a, suite);
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
    std::filesystem::create_directories(into);
    if (std::filesystem::exists(into / kStatisticsFile)) continue;
    Progress progress("statistics of " + group.spec.name);
    WriteStatistics(
        Model::Load(group.choice.file, {group.lane, a.suite.threads}), group,
        profile, run.collected.records[g].profiles[profile].nll,
        into / kStatisticsFile,
        [&](int64_t done, int64_t total) { progress.Update(done, total); });
  }
}

void Run(const RunArguments& a) {
  if (!a.stats.empty() && !a.suite.shard.empty())
    throw UsageError(
        "--stats looks into whole runs: leave out --shard, or merge the "
        "shards and start plastometer run --resume FOLDER --stats");
  const Suite suite = SuiteOfRun(a);
  const InterruptGuard guard;
  if (a.suite.plan_only) return PrintPlan(suite, a.suite, a.traces);
  SuiteRun run = RunSuite(suite, a.suite, a.traces);
  if (!a.stats.empty() && run.collected.missing.empty()) TakeStatistics(a, run);
  const std::string text = run.collected.missing.empty()
                               ? WriteResults(run.plan, run.collected,
                                              run.folder, a.per_domain, a.json)
                               : ShardText(run);
  std::fputs(text.c_str(), stdout);
}

}  // namespace

void AddRunCommand(CLI::App& app) {
  auto a = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand(
      "run",
      "Read text under several plasticity profiles and compare quality with "
      "cost (no arguments: the shipped model)");
  AddSuiteOptions(*command, a->suite);
  command->add_option("--model", a->model,
                      "model file, folder, or shipped name (default: text-3m)");
  command->add_option("--data", a->data,
                      "text file, folder of texts, or Pile file *.jsonl.zst "
                      "(default: held-out text)");
  command->add_option(
      "--tokenizer", a->tokenizer,
      "'bytes' or a SentencePiece model file (default: the model's own)");
  command->add_option("--profiles", a->profiles,
                      "profiles, separated by commas or spaces; may be "
                      "repeated; uniform and frozen are always measured");
  command->add_option("--context", a->context,
                      "tokens of a window (default: 2048)");
  command->add_option("--windows", a->windows,
                      "windows of each domain of the default data (0: enough "
                      "for a minute or two), of each document of "
                      "--data (0: all)");
  command->add_option("--documents", a->documents,
                      "documents of each domain of a JSON-lines --data "
                      "(default: 32), of a task "
                      "(64)");
  auto* sources = command->add_option(
      "--sources", a->sources,
      "held-out text of these fetched sources (plastometer data list)");
  sources->delimiter(',')->excludes(command->get_option("--data"));
  command
      ->add_option("--slice", a->slice,
                   "exactly the windows that this slice file pins (plastometer "
                   "data slice)")
      ->excludes(sources);
  command
      ->add_option("--task", a->task,
                   "a generated task with a known floor (docs/synthetic.md); "
                   "default for a model that was trained on one: that one")
      ->excludes(sources)
      ->excludes(command->get_option("--data"))
      ->excludes(command->get_option("--slice"));
  command->add_option("--parameters", a->parameters,
                      "of --task: JSON, what is left out has defaults");
  command->add_option("--task-seed", a->task_seed, "of --task")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--score", a->score,
                   "of a task: the losses of all tokens, or of the answers")
      ->check(CLI::IsMember({"all", "answers"}));
  command->add_option("--domains", a->domains, "only these domains")
      ->delimiter(',');
  command->add_flag("--traces", a->traces,
                    "also take the traces that goldens hold, for plastometer "
                    "check --resume");
  command->add_flag("--stats{uniform}", a->stats,
                    "also write stats.safetensors: gradients, updates and "
                    "gates of every token under uniform; --stats=PROFILE: "
                    "under another profile of the run");
  command->add_flag("--per-domain", a->per_domain,
                    "one more table for each domain");
  command->add_flag("--json", a->json,
                    "print results.json instead of the table");
  command->callback([a] { Run(*a); });
}

}  // namespace plastometer
