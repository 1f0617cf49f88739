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
  if (a.context != 0)
    RequireWithin("--context", a.context, 2, kMaxContextTokens);
  if (a.windows != kNotGiven)
    RequireWithin("--windows", a.windows, 0, kMaxWindows);
  if (a.documents != 0)
    RequireWithin("--documents", a.documents, 1, kMaxDocuments);
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
           a.sources.empty() && a.context == 0 && a.windows == kNotGiven &&
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
  if (a.windows != kNotGiven) data.windows = a.windows;
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

void AddProfilesNote(Command& command) {
  command.Note(
      "Profiles",
      "uniform (all layers learn), frozen (none), retina (first layers), "
      "cortex (last layers), early:25%, late:3, layers:0-4@2,9, random:3#7, "
      "ramp:1->0, every:1->8 (period over depth); with schedules and controls: "
      "\"uniform;until=512\", "
      "\"uniform;every=4\", \"uniform;eta=shuffle\", "
      "\"uniform;reset-every=512\", \"frozen;start=mean\".");
}

void AddProfilesOption(Command& command, GroupOptions& a) {
  command.Heading("Profiles");
  command.Add("--profiles PROFILES", a.profiles,
              "profiles, separated by commas or spaces; may be repeated; "
              "uniform and frozen are always measured");
  AddProfilesNote(command);
}

namespace {

void AddTextOptions(Command& command, GroupOptions& a) {
  command.Heading("Model and text");
  command.Add("--model MODEL", a.model,
              "model file, folder, or shipped name (default: text-3m)");
  command.Add("--data PATH", a.data,
              "text file, folder of texts, or Pile file *.jsonl.zst "
              "(default: held-out text)");
  command.Add(
      "--tokenizer FILE", a.tokenizer,
      "'bytes' or a SentencePiece model file (default: the model's own)");
  command.Add("--context N", a.context, "tokens of a window (default: 2048)");
  command.Add("--windows N", a.windows,
              "windows of each domain of the default data (0: enough for a "
              "minute or two), of each document of --data (0: all)");
  command.Add("--documents N", a.documents,
              "documents of each domain of a JSON-lines --data (default: 32), "
              "of a task (64)");
  command
      .Add("--sources NAMES", a.sources,
           "held-out text of these fetched sources (plastometer data list)")
      .Commas()
      .Excludes("--data");
  command.Add("--domains NAMES", a.domains, "only these domains").Commas();
  command
      .Add("--slice FILE", a.slice,
           "exactly the windows that this slice file pins (plastometer data "
           "slice)")
      .Excludes("--sources");
}

void AddTaskOptions(Command& command, GroupOptions& a) {
  command
      .Add("--task TASK", a.task,
           "a generated task with a known floor (docs/synthetic.md); default "
           "for a model that was trained on one: that one")
      .Excludes("--sources")
      .Excludes("--data")
      .Excludes("--slice");
  command.Add("--parameters JSON", a.parameters,
              "of --task; what is left out has defaults");
  command.Add("--task-seed N", a.task_seed, "of --task")
      .NotNegative()
      .ShowDefault();
  command
      .Add("--score WHAT", a.score,
           "of a task: the losses of all tokens, or of the answers")
      .OneOf({"all", "answers"});
  command
      .Add("--protocol NAME", a.protocol,
           "documents: windows of one document each (default); published: as "
           "in the published evaluation, documents joined and cut without "
           "regard to their borders")
      .OneOf({"documents", "published"})
      .Excludes("--slice")
      .Excludes("--task");
}

}  // namespace

void AddGroupOptions(Command& command, GroupOptions& a) {
  AddTextOptions(command, a);
  AddTaskOptions(command, a);
}

}  // namespace plastometer
