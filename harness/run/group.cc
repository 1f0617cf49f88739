#include "harness/run/group.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "datasets/context_probe.h"
#include "datasets/published.h"
#include "datasets/slice.h"
#include "datasets/task_data.h"
#include "datasets/text_data.h"
#include "harness/run/planned_record.h"
#include "model/weights/mean_state.h"
#include "model/weights/model_file.h"

namespace plastometer {
namespace {

bool IsDefault(const std::vector<std::string>& held_out) {
  return held_out == std::vector<std::string>{"default"};
}

TaskData TaskOf(const SuiteData& data) {
  return {data.task,
          data.task_parameters,
          static_cast<uint64_t>(data.task_seed),
          data.documents,
          data.context_tokens,
          data.answers_only};
}

}  // namespace

EvaluationSet TaskWindows(const SuiteData& data) {
  return LoadTaskData(TaskOf(data));
}

namespace {

EvaluationSet LoadText(const SuiteData& data, const Tokenizer& tokenizer) {
  if (!data.slice.empty())
    return ReadSlice(LoadSlice(data.slice), tokenizer, {data.text, {}});
  if (data.text.empty()) {
    const int64_t windows = data.windows > 0 ? data.windows : kHeldOutWindows;
    if (data.published)
      return PublishedSources(data.held_out, tokenizer, data.context_tokens,
                              windows);
    return IsDefault(data.held_out)
               ? DefaultEvaluation(tokenizer, data.context_tokens, windows)
               : SourceEvaluation(data.held_out, tokenizer, data.context_tokens,
                                  windows);
  }
  TextDataOptions options;
  options.domains = data.domains;
  options.documents_per_domain = data.documents;
  options.min_tokens = std::min(data.context_tokens, kMinTokens);
  options.windows_per_document = data.windows;
  return data.published
             ? PublishedText(data.text, tokenizer, data.context_tokens, options)
             : LoadTextData(data.text, tokenizer, data.context_tokens, options);
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

EvaluationSet LoadWindows(const SuiteData& data, const Tokenizer& tokenizer) {
  EvaluationSet set = LoadText(data, tokenizer);
  KeepDomains(data.domains, set);
  if (data.probe_conditions.empty()) return set;
  return MakeContextProbe(set, {data.probe_before, data.probe_between,
                                data.probe_scored, data.probe_conditions});
}

std::string DataName(const SuiteData& data) {
  if (!data.task.empty()) return "task " + data.task;
  std::string name = data.text.empty()
                         ? "held-out text"
                         : std::filesystem::proximate(data.text).string();
  if (!data.slice.empty())
    name += " (slice " + std::filesystem::proximate(data.slice).string() + ")";
  if (data.published) name += " (published protocol)";
  return name;
}

EvaluationSet LoadTask(const SuiteData& data, const LoadedGroup& group) {
  const TaskData task = TaskOf(data);
  if (const int64_t vocabulary = TaskVocabulary(task);
      vocabulary > group.config.vocab_size)
    throw UsageError("task " + task.name + " has " +
                     std::to_string(vocabulary) + " ids, model " +
                     group.choice.name + " a vocabulary of " +
                     std::to_string(group.config.vocab_size));
  return LoadTaskData(task);
}

// Tokens.
size_t LongestOf(const std::vector<Window>& windows) {
  size_t longest = 0;
  for (const Window& w : windows) longest = std::max(longest, w.ids.size());
  return longest;
}

// Before it is taken: a loss a token and profile, and the hidden states of one
// batch.
void RequireMemoryOf(const LoadedGroup& g) {
  const uint64_t longest = LongestOf(g.data.windows);
  uint64_t losses = 0;
  for (const Window& w : g.data.windows) losses += w.ids.size();
  const uint64_t in_batch =
      std::min(g.data.windows.size(), static_cast<size_t>(g.spec.batch_size));
  RequireMemory(
      losses * (kBytesPerToken + g.profiles.profiles.size() * sizeof(double)) +
          BoundedProduct(
              in_batch * longest,
              static_cast<uint64_t>(g.config.hidden_size) * sizeof(float)),
      "group " + g.spec.name + ": " + std::to_string(losses) +
          " tokens under " + std::to_string(g.profiles.profiles.size()) +
          " profiles, batches of " + std::to_string(in_batch) + " x " +
          std::to_string(longest));
}

// Known, or missed, before the data is read.
void TakeMeanState(LoadedGroup& g) {
  for (const PlannedProfile& planned : g.profiles.profiles) {
    if (!planned.profile.controls().start_mean) continue;
    g.mean_state_sha256 =
        ReadMeanState(g.choice.file, g.config, Sha256OfFile(g.choice.file))
            .sha256;
    return;
  }
}

RunRecord Describe(const LoadedGroup& g, const Tokenizer* tokenizer,
                   int threads, int64_t seed) {
  RunRecord r;
  r.version = PLASTOMETER_VERSION;
  r.started_utc = UtcNow();
  r.model_name = g.choice.name;
  r.model_path = std::filesystem::proximate(g.choice.file).string();
  r.model_sha256 = Sha256OfFile(g.choice.file);
  r.model_config_json = ConfigToJson(g.config).dump();
  r.model_context_tokens = g.config.context_tokens;
  r.training = TrainingOfModel(g.choice.file);
  r.tokenizer_name =
      tokenizer == nullptr
          ? "none (ids of the task)"
          : std::filesystem::path(tokenizer->name()).filename().string();
  if (tokenizer != nullptr) r.tokenizer_sha256 = tokenizer->sha256();
  r.data_name = DataName(g.spec.data);
  r.data_sha256 = g.data.sha256;
  r.lane = ToString(g.lane);
  r.num_threads = ResolveThreads(threads);
  const bool as_asked =
      g.spec.data.slice.empty() && g.spec.data.probe_conditions.empty();
  r.context_tokens = as_asked ? g.spec.data.context_tokens
                              : static_cast<int64_t>(LongestOf(g.data.windows));
  r.batch_size = g.spec.batch_size;
  r.seed = seed;
  r.notes = g.data.notes;
  if (!g.mean_state_sha256.empty())
    r.notes.push_back("start=mean: mean state sha256 " +
                      g.mean_state_sha256.substr(0, 12));
  if (r.context_tokens > r.model_context_tokens) {
    r.notes.push_back("windows of up to " + std::to_string(r.context_tokens) +
                      " tokens are longer than the " +
                      std::to_string(r.model_context_tokens) +
                      " that the model was trained on");
  }
  return r;
}

CasePins PinsOf(const std::string& suite_name, const LoadedGroup& g,
                const PlannedProfile& planned) {
  CasePins pins;
  pins.suite = suite_name;
  pins.profile = planned.profile.name();
  pins.name = g.spec.name + "." + ProfileSlug(pins.profile);
  pins.profile_lambdas = CanonicalLambdas(planned.profile, g.mean_state_sha256);
  pins.model_name = g.record.model_name;
  pins.model_sha256 = g.record.model_sha256;
  pins.config_json = g.record.model_config_json;
  pins.tokenizer_sha256 = g.record.tokenizer_sha256;
  pins.data_sha256 = g.record.data_sha256;
  pins.num_windows = static_cast<int64_t>(g.data.windows.size());
  pins.context_tokens = g.record.context_tokens;
  pins.batch_size = g.spec.batch_size;
  pins.traced_windows = std::min(g.spec.traced_windows, pins.num_windows);
  pins.expect = g.spec.expect;
  return pins;
}

std::string Shortest(double value) {
  char text[32];
  for (int digits = 1; digits <= 17; ++digits) {
    std::snprintf(text, sizeof text, "%.*g", digits, value);
    if (std::stod(text) == value) break;
  }
  return text;
}

std::string ScheduleText(const LayerSchedule& s) {
  if (!s.explicit_lambdas.empty()) {
    std::string list;
    for (const double lambda : s.explicit_lambdas)
      list += (list.empty() ? "" : ",") + Shortest(lambda);
    return "[" + list + "]";
  }
  std::string text = Shortest(s.lambda);
  if (s.until_tokens >= 0) text += ";until=" + std::to_string(s.until_tokens);
  if (s.every != 1) text += ";every=" + std::to_string(s.every);
  return text;
}

}  // namespace

TaskRecord TaskRecordOf(const SuiteData& data) {
  return {data.task, data.task_parameters, data.task_seed};
}

std::string CanonicalLambdas(const Profile& profile,
                             const std::string& mean_state_sha256) {
  std::string text;
  for (int64_t begin = 0, end = 0; begin < profile.num_layers(); begin = end) {
    while (end < profile.num_layers() &&
           profile.layer(end) == profile.layer(begin))
      ++end;
    text += (text.empty() ? "" : " ") + std::to_string(begin);
    if (end - begin > 1) text += "-" + std::to_string(end - 1);
    text += ":" + ScheduleText(profile.layer(begin));
  }
  text += profile.controls().ToText();
  if (profile.controls().start_mean)
    text += ":" + mean_state_sha256.substr(0, 12);
  return text;
}

std::string ControlsOfLambdas(const std::string& canonical) {
  const std::string text = canonical.substr(canonical.rfind(' ') + 1);
  std::string controls;
  for (size_t begin = text.find(';'); begin < text.size();) {
    const size_t end = std::min(text.find(';', begin + 1), text.size());
    const std::string option = text.substr(begin, end - begin);
    if (!option.starts_with(";until=") && !option.starts_with(";every="))
      controls += option.substr(0, option.find(':'));
    begin = end;
  }
  return controls;
}

LoadedGroup LoadGroup(const std::string& suite_name, const SuiteGroup& group,
                      int threads, int64_t seed) {
  LoadedGroup loaded;
  loaded.spec = group;
  loaded.lane = ParseLane(group.lane);
  loaded.choice = ResolveModel(group.model);
  loaded.config = CheckModelHeader(SafetensorsFile(loaded.choice.file));
  // A wrong profile is known before the data is read.
  loaded.profiles = PlanProfiles(group.profiles, loaded.config.num_layers);
  TakeMeanState(loaded);
  std::unique_ptr<Tokenizer> tokenizer;  // none for a task: it brings ids
  if (group.data.task.empty()) {
    tokenizer =
        ResolveTokenizer(group.tokenizer, loaded.choice.file, loaded.config);
    loaded.data = LoadWindows(group.data, *tokenizer);
  } else {
    loaded.data = LoadTask(group.data, loaded);
  }
  RequireMemoryOf(loaded);
  loaded.record = Describe(loaded, tokenizer.get(), threads, seed);
  loaded.record.accuracy = group.accuracy;
  loaded.record.task = TaskRecordOf(group.data);
  PlanRecord(loaded.data.windows, loaded.profiles, group.batch_size,
             loaded.record);
  CheckNames(loaded.record, "group " + group.name);
  for (const PlannedProfile& planned : loaded.profiles.profiles)
    loaded.cases.push_back(PinsOf(suite_name, loaded, planned));
  return loaded;
}

}  // namespace plastometer
