#include "harness/cli/run_command.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "datasets/corpus.h"
#include "datasets/slice.h"
#include "datasets/text_data.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/interrupt.h"
#include "harness/report/csv_report.h"
#include "harness/report/json_report.h"
#include "harness/report/table.h"
#include "harness/run/inputs.h"
#include "harness/run/losses.h"
#include "harness/run/measure.h"
#include "harness/run/plan.h"
#include "harness/run/progress.h"
#include "harness/run/run_folder.h"

namespace plastometer {
namespace {

struct RunArguments {
  std::string model, data, slice, tokenizer, out;
  std::vector<std::string> profiles = {"uniform",   "retina",   "cortex",
                                       "early:25%", "late:25%", "frozen"};
  std::vector<std::string> domains, sources;
  std::string lane = "cpu-portable";
  int64_t context = 2048, windows = 0, documents = 32, batch = 8, seed = 1;
  int threads = 0;
  bool per_domain = false, json = false;
};

// Measured on 2 cores: six profiles over all default windows take between one
// and two minutes.
constexpr int64_t kDefaultWindowsPerDomain = 16;

void CheckRanges(const RunArguments& a) {
  const auto at_least = [](const char* option, int64_t value, int64_t least) {
    if (value >= least) return;
    throw UsageError(std::string(option) + " is " + std::to_string(value) +
                     "; expected at least " + std::to_string(least));
  };
  at_least("--context", a.context, 2);
  at_least("--batch", a.batch, 1);
  at_least("--windows", a.windows, 0);
  at_least("--documents", a.documents, 1);
  at_least("--threads", a.threads, 0);
}

EvaluationSet LoadData(const RunArguments& a, const Tokenizer& tokenizer) {
  if (!a.slice.empty())
    return ReadSlice(LoadSlice(a.slice), tokenizer, {a.data, {}});
  if (a.data.empty()) {
    const int64_t windows =
        a.windows > 0 ? a.windows : kDefaultWindowsPerDomain;
    return a.sources.empty()
               ? DefaultEvaluation(tokenizer, a.context, windows)
               : SourceEvaluation(a.sources, tokenizer, a.context, windows);
  }
  TextDataOptions options;
  options.domains = a.domains;
  options.documents_per_domain = a.documents;
  options.min_tokens = std::min(a.context, kMinTokens);
  options.windows_per_document = a.windows;
  return LoadTextData(a.data, tokenizer, a.context, options);
}

void KeepDomains(const std::vector<std::string>& domains, EvaluationSet& data) {
  if (domains.empty()) return;
  std::string known;
  std::vector<Window> kept;
  for (const Window& w : data.windows) {
    if (known.find("'" + w.domain + "'") == std::string::npos)
      known += (known.empty() ? "'" : ", '") + w.domain + "'";
    if (std::find(domains.begin(), domains.end(), w.domain) != domains.end())
      kept.push_back(w);
  }
  for (const std::string& d : domains) {
    if (known.find("'" + d + "'") == std::string::npos)
      throw UsageError("the data has no domain '" + d + "'; it has " + known);
  }
  data.windows = std::move(kept);
  data.sha256 = WindowsSha256(data.windows);
}

RunRecord Describe(const RunArguments& a, const ModelChoice& choice,
                   const Model& model, const Tokenizer& tokenizer,
                   const EvaluationSet& data) {
  RunRecord r;
  r.version = PLASTOMETER_VERSION;
  r.started_utc = UtcNow();
  r.model_name = choice.name;
  r.model_path = std::filesystem::proximate(choice.file).string();
  r.model_sha256 = model.sha256();
  r.model_config_json = ConfigToJson(model.config()).dump();
  r.model_context_tokens = model.config().context_tokens;
  r.tokenizer_name =
      std::filesystem::path(tokenizer.name()).filename().string();
  r.tokenizer_sha256 = tokenizer.sha256();
  r.data_name = a.data.empty() ? "held-out text" : a.data;
  if (!a.slice.empty()) r.data_name += " (slice " + a.slice + ")";
  r.data_sha256 = data.sha256;
  r.lane = ToString(model.lane());
  r.num_threads = model.num_threads();
  int64_t longest = 0;
  for (const Window& w : data.windows)
    longest = std::max(longest, static_cast<int64_t>(w.ids.size()));
  r.context_tokens = a.slice.empty() ? a.context : longest;
  r.batch_size = a.batch;
  r.seed = a.seed;
  r.notes = data.notes;
  if (r.context_tokens > r.model_context_tokens) {
    r.notes.push_back("windows of up to " + std::to_string(r.context_tokens) +
                      " tokens are longer than the " +
                      std::to_string(r.model_context_tokens) +
                      " that the model was trained on");
  }
  return r;
}

void WriteRunFolder(const Results& results, RunFolder& folder) {
  WriteFile(folder.File("results.json"), ResultsJson(results));
  WriteFile(folder.File("table.csv"), TableCsv(results));
  WriteFile(folder.File("windows.csv"), WindowsCsv(results));
  WriteFile(folder.File("position.csv"), PositionCsv(results));
  WriteLosses(results.record, folder.File("losses.safetensors"));
  folder.Commit();
}

Results MeasureAll(const RunArguments& a, const Model& model,
                   const ProfilePlan& plan, const EvaluationSet& data,
                   RunRecord record) {
  const auto start = std::chrono::steady_clock::now();
  {
    Progress progress("measuring");
    Measure(model, data.windows, plan,
            {a.batch, [&](int64_t done,
                          int64_t total) { progress.Update(done, total); }},
            record);
  }
  record.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return Summarise(std::move(record));
}

void Run(const RunArguments& a) {
  CheckRanges(a);
  const Lane lane = ParseLane(a.lane);
  const std::vector<std::string> names = SplitProfileList(a.profiles);
  const ModelChoice choice = ResolveModel(a.model);
  const InterruptGuard guard;
  RunFolder folder(a.out.empty() ? DefaultRunFolder()
                                 : std::filesystem::path(a.out));
  const Model model = Model::Load(choice.file, {lane, a.threads});
  // A wrong profile is known before the data is read.
  const ProfilePlan plan = PlanProfiles(names, model.config().num_layers);
  const auto tokenizer =
      ResolveTokenizer(a.tokenizer, choice.file, model.config());
  EvaluationSet data = LoadData(a, *tokenizer);
  KeepDomains(a.domains, data);
  ThrowIfInterrupted();
  const Results results = MeasureAll(
      a, model, plan, data, Describe(a, choice, model, *tokenizer, data));
  WriteRunFolder(results, folder);
  if (a.json) {
    std::fputs(ResultsJson(results).c_str(), stdout);
  } else {
    std::fputs(
        RunTable(results, {TerminalWidth(), a.per_domain,
                           std::filesystem::proximate(folder.path()).string()})
            .c_str(),
        stdout);
  }
}

}  // namespace

void AddRunCommand(CLI::App& app) {
  auto a = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand(
      "run",
      "Read text under several plasticity profiles and compare quality with "
      "cost (no arguments: the shipped model)");
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
  command->add_option("--lane", a->lane, "device and arithmetic")
      ->capture_default_str();
  command->add_option("--context", a->context, "tokens of a window")
      ->capture_default_str();
  command->add_option("--windows", a->windows,
                      "windows of each domain of the default data (0: enough "
                      "for a minute or two), of each document of "
                      "--data (0: all)");
  command
      ->add_option("--documents", a->documents,
                   "documents of each domain of a JSON-lines --data")
      ->capture_default_str();
  auto* sources = command->add_option(
      "--sources", a->sources,
      "held-out text of these fetched sources (plastometer data list)");
  sources->delimiter(',')->excludes(command->get_option("--data"));
  command
      ->add_option("--slice", a->slice,
                   "exactly the windows that this slice file pins (plastometer "
                   "data slice)")
      ->excludes(sources);
  command->add_option("--domains", a->domains, "only these domains")
      ->delimiter(',');
  command->add_option("--batch", a->batch, "windows that advance together")
      ->capture_default_str();
  command->add_option("--threads", a->threads, "0: all cores")
      ->capture_default_str();
  command->add_option(
      "--out", a->out,
      "run folder; must not exist (default: runs/<UTC time>-<id>)");
  command
      ->add_option("--seed", a->seed, "of the resampling behind the intervals")
      ->capture_default_str();
  command->add_flag("--per-domain", a->per_domain,
                    "one more table for each domain");
  command->add_flag("--json", a->json,
                    "print results.json instead of the table");
  command->callback([a] { Run(*a); });
}

}  // namespace plastometer
