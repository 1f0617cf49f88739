#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "datasets/text_data.h"
#include "harness/cli/commands.h"
#include "harness/cli/group_options.h"
#include "harness/cli/output.h"
#include "harness/cli/suite_options.h"
#include "harness/report/drift_report.h"
#include "harness/report/table.h"
#include "harness/run/group.h"
#include "harness/run/progress.h"
#include "harness/run/run_folder.h"
#include "harness/studies/drift.h"

namespace plastometer {
namespace {

constexpr int64_t kContextWindows = 4, kProbeWindows = 2;

struct DriftArguments {
  std::string model = "text-3m", data, tokenizer, probe_text, out;
  std::string lane = "cpu-portable";
  std::vector<std::string> sources, probe_sources, domains;
  std::vector<std::string> profiles = {"uniform", "retina", "cortex",
                                       "early:25%", "late:25%"};
  std::vector<int64_t> positions = {128, 256, 512, 1024, 2048};
  int64_t windows = 0, documents = 32, probe_windows = kProbeWindows,
          probe_tokens = 128, batch = 8, seed = 1;
  int threads = 0;
  bool per_layer = false, json = false;
};

void CheckRanges(const DriftArguments& a) {
  CheckPositions(a.positions);
  RequireWithin("--at, the last of it,", a.positions.back(), kMiniBatchTokens,
                kMaxContextTokens);
  RequireWithin("--batch", a.batch, 1, kMaxBatch);
  RequireWithin("--documents", a.documents, 1, kMaxDocuments);
  RequireWithin("--probe-windows", a.probe_windows, 1, kMaxWindows);
  RequireWithin("--probe-tokens", a.probe_tokens, 2, kMaxContextTokens);
  RequireWithin("--windows", a.windows, 0, kMaxWindows);
  ResolveThreads(a.threads);  // checks it
}

SuiteGroup GroupOf(const DriftArguments& a) {
  SuiteGroup group;
  group.name = "drift";
  group.model = a.model;
  group.tokenizer = a.tokenizer;
  group.lane = a.lane;
  group.profiles = SplitProfileList(a.profiles);
  group.batch_size = a.batch;
  group.data.context_tokens = a.positions.back();
  group.data.domains = a.domains;
  group.data.documents = a.documents;
  if (a.data.empty()) {
    group.data.held_out =
        a.sources.empty() ? std::vector<std::string>{"default"} : a.sources;
    group.data.windows = a.windows > 0 ? a.windows : kContextWindows;
  } else {
    group.data.text = a.data;
    group.data.windows = a.windows > 0 ? a.windows : 0;
  }
  return group;
}

// Held-out text is cut for contexts and probes alike, works in one order: the
// works that follow the contexts' are there when there are enough.
std::vector<Window> ProbeWindows(const DriftArguments& a,
                                 const LoadedGroup& group,
                                 const std::vector<Window>& contexts) {
  const auto tokenizer =
      ResolveTokenizer(a.tokenizer, group.choice.file, group.config);
  if (!a.probe_text.empty()) {
    TextDataOptions options;
    options.min_tokens = a.probe_tokens;
    options.windows_per_document = a.probe_windows;
    return OtherWorks(
        LoadTextData(a.probe_text, *tokenizer, a.probe_tokens, options).windows,
        contexts, 0);
  }
  const int64_t enough =
      a.probe_windows + static_cast<int64_t>(contexts.size());
  const EvaluationSet held_out =
      a.probe_sources.empty()
          ? DefaultEvaluation(*tokenizer, a.probe_tokens, enough)
          : SourceEvaluation(a.probe_sources, *tokenizer, a.probe_tokens,
                             enough);
  return OtherWorks(held_out.windows, contexts, a.probe_windows);
}

std::string ProbeName(const DriftArguments& a) {
  return a.probe_text.empty()
             ? "held-out text of other works"
             : std::filesystem::proximate(a.probe_text).string();
}

DriftRecord Measure(const DriftArguments& a, const LoadedGroup& group) {
  std::vector<std::string> notes = group.record.notes;
  const std::vector<Window> contexts = WindowsThatReach(
      group.data.windows, a.positions.back(), "context", notes);
  const std::vector<Window> probes = WindowsThatReach(
      ProbeWindows(a, group, contexts), a.probe_tokens, "probe", notes);
  DriftRequest request{{}, a.positions, a.batch};
  for (const PlannedProfile& planned : group.profiles.profiles)
    if (planned.asked) request.profiles.push_back(planned);
  const Model model = Model::Load(group.choice.file, {group.lane, a.threads});
  Progress progress("drift");
  DriftRecord record = MeasureDrift(
      model, request, contexts, probes,
      [&](int64_t done, int64_t total) { progress.Update(done, total); });
  record.model_name = group.record.model_name;
  record.model_sha256 = group.record.model_sha256;
  record.tokenizer_sha256 = group.record.tokenizer_sha256;
  record.lane = group.record.lane;
  record.data_name = group.record.data_name;
  record.data_sha256 = WindowsSha256(contexts);
  record.probe_name = ProbeName(a);
  record.probe_sha256 = WindowsSha256(probes);
  record.seed = a.seed;
  record.notes = notes;
  return record;
}

void Drift(const DriftArguments& a) {
  CheckRanges(a);
  const InterruptGuard guard;
  const LoadedGroup group = LoadGroup("drift", GroupOf(a), a.threads, a.seed);
  PinEnvironment({&group, 1});  // may start anew: nothing is written before
  RunFolder folder(a.out.empty() ? DefaultRunFolder()
                                 : std::filesystem::path(a.out));
  const DriftRecord record = Measure(a, group);
  const auto points = folder.File("drift.safetensors");
  WriteSafetensors(points, DriftTensors(record),
                   {{"model_sha256", record.model_sha256},
                    {"context_sha256", record.data_sha256},
                    {"probe_sha256", record.probe_sha256},
                    {"lane", record.lane}});
  const std::string json = DriftJson(record, Sha256OfFile(points));
  WriteFile(folder.File("drift.csv"), DriftCsv(record));
  WriteFile(folder.File("drift.json"), json);
  folder.Keep();
  if (a.json) {
    Print(json);
    return;
  }
  std::printf("%sRun folder: %s\n",
              DriftTable(record, TerminalWidth(), a.per_layer).c_str(),
              std::filesystem::proximate(folder.path()).string().c_str());
}

void AddContextOptions(Command& command, DriftArguments& a) {
  command.Heading("Model and context text");
  command.Add("--model MODEL", a.model, "model file, folder, or shipped name")
      .ShowDefault();
  command.Add("--tokenizer FILE", a.tokenizer,
              "'bytes' or a SentencePiece model file (default: the model's "
              "own)");
  command.Add("--data PATH", a.data,
              "text file, folder of texts, or Pile file *.jsonl.zst (default: "
              "held-out text)");
  command
      .Add("--sources NAMES", a.sources,
           "held-out text of these fetched sources (plastometer data list)")
      .Commas()
      .Excludes("--data");
  command.Add("--domains NAMES", a.domains, "only these domains").Commas();
  command.Add("--windows N", a.windows,
              "windows of each domain (default: 4), or of each document of "
              "--data (default: all)");
  command.Add("--documents N", a.documents, "of each domain of JSON lines")
      .ShowDefault();
}

void AddProbeOptions(Command& command, DriftArguments& a) {
  command.Heading("Probe text");
  command
      .Add("--probe-data PATH", a.probe_text,
           "text file, folder or Pile file (default: held-out text of works "
           "that are not among the contexts)")
      .Formerly("--probe-text");
  command
      .Add("--probe-sources NAMES", a.probe_sources,
           "held-out text of these fetched sources")
      .Commas()
      .Excludes("--probe-data")
      .Formerly("--probe-held-out");
  command
      .Add("--probe-windows N", a.probe_windows,
           "windows of each domain, or of each document")
      .ShowDefault();
  command.Add("--probe-tokens N", a.probe_tokens, "of a window").ShowDefault();
}

void AddMeasureOptions(Command& command, DriftArguments& a) {
  command.Heading("Measurement");
  command
      .Add("--at N", a.positions,
           "tokens read when the state is taken: rising multiples of 16; "
           "windows shorter than the last are left out")
      .Commas()
      .ShowDefault();
  command
      .Add("--profiles PROFILES", a.profiles,
           "profiles, separated by commas or spaces; the first is what the "
           "others are compared with")
      .ShowDefault();
  command.Add("--lane LANE", a.lane, "device and arithmetic").ShowDefault();
  command.Add("--batch N", a.batch, "windows that advance together")
      .ShowDefault();
  command.Add("--threads N", a.threads, "how many; 0: all cores").ShowDefault();
  command.Add("--seed N", a.seed, "of the resampling behind the intervals")
      .ShowDefault();
}

}  // namespace

void AddDriftCommand(Command& program) {
  auto a = std::make_shared<DriftArguments>();
  Command command = program.Add(
      "drift",
      "Read text under several profiles and measure how far the model has "
      "moved on other text");
  AddMeasureOptions(command, *a);
  AddContextOptions(command, *a);
  AddProbeOptions(command, *a);
  command.Heading("Output");
  command.Add("--out FOLDER", a->out,
              "run folder; must not exist (default: "
              "runs/<UTC time>-<id>)");
  command.Flag("--per-layer", a->per_layer,
               "also print the weights' distance by layer");
  command.Flag("--json", a->json, "print drift.json instead of tables")
      .Formerly("--format");
  AddProfilesNote(command);
  command.Example(
      "plastometer drift --data book.txt --probe-data other.txt --at 128,512",
      "how far one book moves the model on another");
  command.Callback([a] { Drift(*a); });
}

}  // namespace plastometer
