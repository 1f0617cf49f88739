#include "harness/cli/group_options.h"

#include "base/error.h"
#include "harness/cli/output.h"
#include "harness/run/inputs.h"
#include "harness/run/plan.h"
#include "model/weights/model_file.h"

namespace plastometer {
namespace {

constexpr int64_t kTaskDocuments = 64;

void CheckRanges(const GroupOptions& a) {
  if (a.context != 0) RequireAtLeast("--context", a.context, 2);
  if (a.windows != -1) RequireAtLeast("--windows", a.windows, 0);
  if (a.documents != 0) RequireAtLeast("--documents", a.documents, 1);
}

// A task named, or the one that the model was trained on: its held-out
// documents.
void ChooseTask(const GroupOptions& a, SuiteData& data) {
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

}  // namespace

bool GroupOptions::any() const {
  const GroupOptions& a = *this;
  return !(a.model.empty() && a.data.empty() && a.slice.empty() &&
           a.tokenizer.empty() && a.profiles.empty() && a.domains.empty() &&
           a.sources.empty() && a.context == 0 && a.windows < 0 &&
           a.documents == 0 && a.task.empty() && a.protocol.empty());
}

void ChangeGroup(const GroupOptions& a, SuiteGroup& group) {
  CheckRanges(a);
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
  data.published = a.protocol == "published";
  if (data.published && !data.task.empty())
    throw UsageError(
        "--protocol published joins documents of text, and the model was "
        "trained on the task " +
        data.task + "; name --data or --sources");
}

SuiteGroup GroupOf(const GroupOptions& options) {
  SuiteGroup group = LoadSuite("default").groups.front();
  ChangeGroup(options, group);
  return group;
}

void AddProfilesOption(CLI::App& command, GroupOptions& a) {
  command.add_option("--profiles", a.profiles,
                     "profiles, separated by commas or spaces; may be "
                     "repeated; uniform and frozen are always measured");
}

void AddGroupOptions(CLI::App& command, GroupOptions& a) {
  command.add_option("--model", a.model,
                     "model file, folder, or shipped name (default: text-3m)");
  command.add_option("--data", a.data,
                     "text file, folder of texts, or Pile file *.jsonl.zst "
                     "(default: held-out text)");
  command.add_option(
      "--tokenizer", a.tokenizer,
      "'bytes' or a SentencePiece model file (default: the model's own)");
  command.add_option("--context", a.context,
                     "tokens of a window (default: 2048)");
  command.add_option("--windows", a.windows,
                     "windows of each domain of the default data (0: enough "
                     "for a minute or two), of each document of "
                     "--data (0: all)");
  command.add_option("--documents", a.documents,
                     "documents of each domain of a JSON-lines --data "
                     "(default: 32), of a task "
                     "(64)");
  auto* sources = command.add_option(
      "--sources", a.sources,
      "held-out text of these fetched sources (plastometer data list)");
  sources->delimiter(',')->excludes(command.get_option("--data"));
  command
      .add_option("--slice", a.slice,
                  "exactly the windows that this slice file pins (plastometer "
                  "data slice)")
      ->excludes(sources);
  command
      .add_option("--task", a.task,
                  "a generated task with a known floor (docs/synthetic.md); "
                  "default for a model that was trained on one: that one")
      ->excludes(sources)
      ->excludes(command.get_option("--data"))
      ->excludes(command.get_option("--slice"));
  command.add_option("--parameters", a.parameters,
                     "of --task: JSON, what is left out has defaults");
  command.add_option("--task-seed", a.task_seed, "of --task")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("--score", a.score,
                  "of a task: the losses of all tokens, or of the answers")
      ->check(CLI::IsMember({"all", "answers"}));
  command
      .add_option("--protocol", a.protocol,
                  "documents: windows of one document each (default); "
                  "published: as in the published evaluation, documents "
                  "joined and cut without regard to their borders")
      ->check(CLI::IsMember({"documents", "published"}))
      ->excludes(command.get_option("--slice"))
      ->excludes(command.get_option("--task"));
  command.add_option("--domains", a.domains, "only these domains")
      ->delimiter(',');
}

}  // namespace plastometer
