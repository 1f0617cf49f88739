#include "tests/fuzz/run_files.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/files.h"
#include "base/philox.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "harness/check/capsule.h"
#include "harness/report/drift_report.h"
#include "harness/report/json_report.h"
#include "harness/report/sensitivity_report.h"
#include "harness/results/statistics_file.h"
#include "harness/results/window_losses.h"
#include "harness/run/collect.h"
#include "harness/run/continual.h"
#include "harness/run/planned_record.h"
#include "harness/run/run_folder.h"
#include "model/cost/cost.h"
#include "tests/fuzz/sealed_input.h"
#include "tests/harness/report/planted_drift.h"

namespace plastometer::fuzz {
namespace {

using Json = nlohmann::json;

constexpr int64_t kTokens = 40, kLayers = 4, kHeads = 2, kMiniBatches = 2;

ModelConfig SmallConfig() {
  ModelConfig config;
  config.num_layers = kLayers;
  config.hidden_size = 8;
  config.num_heads = kHeads;
  config.intermediate_size = 16;
  config.vocab_size = 16;
  config.context_tokens = kTokens;
  return config;
}

LoadedGroup Group(const std::string& name, int num_works, bool is_task) {
  LoadedGroup group;
  SuiteData task;
  task.task = "chains";
  task.documents = num_works;
  task.context_tokens = kTokens;
  group.spec.name = name;
  group.spec.model = "tiny";
  group.spec.profiles = {"uniform", "early:25%", "late:25%", "frozen"};
  group.spec.batch_size = 4;
  group.data = TaskWindows(task);
  if (is_task) {
    group.spec.data = task;
  } else {
    group.spec.data.held_out = {"default"};
    for (Window& window : group.data.windows) {
      window.floor_nats.clear();
      window.source = "source";
      window.domain = std::stoi(window.work) % 2 == 0 ? "prose" : "code";
      window.work = "work " + window.work;
      window.token_bytes.assign(window.ids.size(), 3);
    }
    group.data.sha256 = WindowsSha256(group.data.windows);
  }
  group.config = SmallConfig();
  group.profiles = PlanProfiles(group.spec.profiles, kLayers);
  RunRecord& r = group.record;
  r.version = "0.1.0";
  r.started_utc = "2026-01-31T12:00:00Z";
  r.model_name = "planted";
  r.model_path = "planted.safetensors";
  r.model_sha256 = std::string(64, 'a');
  r.model_config_json = ConfigToJson(group.config).dump();
  r.model_context_tokens = kTokens;
  r.training = {"uniform", 1, std::string(64, 'e')};
  r.tokenizer_name = "bytes";
  r.tokenizer_sha256 = std::string(64, 'b');
  r.data_name = name;
  r.data_sha256 = group.data.sha256;
  r.lane = "cpu-portable";
  r.num_threads = 2;
  r.context_tokens = kTokens;
  r.batch_size = group.spec.batch_size;
  r.seed = 1;
  r.notes = {"a note"};
  r.task = TaskRecordOf(group.spec.data);
  r.accuracy = is_task;
  group.spec.accuracy = is_task;
  PlanRecord(group.data.windows, group.profiles, r.batch_size, r);
  for (const PlannedProfile& planned : group.profiles.profiles)
    group.cases.push_back(
        {.suite = "planted",
         .name = name + "." + ProfileSlug(planned.profile.name()),
         .profile = planned.profile.name(),
         .profile_lambdas = CanonicalLambdas(planned.profile, ""),
         .model_name = r.model_name,
         .model_sha256 = r.model_sha256,
         .config_json = r.model_config_json,
         .tokenizer_sha256 = r.tokenizer_sha256,
         .data_sha256 = r.data_sha256,
         .num_windows = num_works,
         .context_tokens = kTokens,
         .batch_size = r.batch_size,
         .traced_windows = 1,
         .expect = "finite"});
  return group;
}

// Exact floats that scatter by window and token; each profile loses a little
// more than the one before it.
double Loss(size_t profile, size_t window, int64_t token) {
  PhiloxStream stream(window, static_cast<uint64_t>(token));
  return static_cast<float>(3 + 0.1 * static_cast<double>(profile) +
                            stream.NextUniform());
}

Counters CountersOf(const PlannedGroup& group, size_t p, int64_t num_tokens) {
  try {
    return CountersByFormula(SmallConfig(),
                             Profile::Parse(group.cases[p].profile, kLayers), 1,
                             num_tokens);
  } catch (const Error&) {  // a profile of somebody else's making
    Counters counters;
    counters.tokens = num_tokens;
    return counters;
  }
}

JournalUnit Unit(const RunPlan& plan, const UnitId& id, size_t batch) {
  const PlannedGroup& group = plan.groups[id.group_idx];
  const WindowRecord& window = group.record.windows[id.window_idx];
  JournalUnit unit;
  unit.key = UnitKey(plan, id.group_idx, id.profile_idx, id.window_idx);
  unit.group_idx = static_cast<int64_t>(id.group_idx);
  unit.profile_idx = static_cast<int64_t>(id.profile_idx);
  unit.window_idx = static_cast<int64_t>(id.window_idx);
  unit.batch_idx = static_cast<int64_t>(batch);
  unit.batch_seconds = 0.25 + 0.001 * static_cast<double>(id.profile_idx);
  unit.batch_windows = 4;
  unit.working_bytes = 1 << 20;
  unit.counters = CountersOf(group, id.profile_idx, window.num_tokens);
  unit.loss_bytes = group.loss_bytes;
  for (int64_t t = 1; t < window.num_tokens; ++t)
    unit.nll.push_back(Loss(id.profile_idx, id.window_idx, t));
  for (size_t i = 0; group.record.accuracy && i < unit.nll.size(); ++i)
    unit.correct.push_back(i % 3 == 0);
  return unit;
}

JournalTrace TraceOf(const RunPlan& plan, const UnitId& id) {
  const PlannedGroup& group = plan.groups[id.group_idx];
  const JournalUnit unit = Unit(plan, id, 0);
  JournalTrace trace{unit.key,
                     unit.group_idx,
                     unit.profile_idx,
                     unit.window_idx,
                     {group.num_layers, group.num_heads, group.loss_bytes, {}}};
  WindowTrace window = SummariseLosses(unit.nll, group.loss_bytes);
  window.nll = unit.nll;
  trace.trace.windows = {window};
  return trace;
}

Collected CollectOf(const RunPlan& plan, std::string_view journal) {
  NamedJournals journals = {
      {"journal.jsonl", ParseJournal(journal, "journal")}};
  return Collect(plan, journals);
}

// What StatisticsFile reads, of the run's own losses.
std::string Statistics(const RunRecord& record) {
  const auto W = static_cast<int64_t>(record.windows.size());
  TensorMap tensors;
  const auto add = [&](const char* name, const std::vector<int64_t>& shape,
                       double scale) {
    int64_t n = 1;
    for (const int64_t extent : shape) n *= extent;
    std::vector<float> values(static_cast<size_t>(n));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(
          scale * (1 + 0.5 * std::sin(static_cast<double>(i))));
    tensors[name] = HostTensor::FromF32(shape, values);
  };
  double scale = 2;
  for (const char* name : kStatisticsByMiniBatch)
    add(name, {W, kLayers, kHeads, kMiniBatches}, scale /= 2);
  for (const char* name : kStatisticsByToken)
    add(name, {W, kLayers, kHeads, kTokens}, scale *= 2);
  add("lambda", {kLayers, kMiniBatches}, 1);
  tensors["layer_indices"] = HostTensor::FromI32({kLayers}, {0, 1, 2, 3});
  tensors["window_tokens"] = {DType::kI64, {W}, {}};
  tensors["window_tokens"].bytes.resize(static_cast<size_t>(8 * W));
  std::fill_n(tensors["window_tokens"].As<int64_t>(), W, kTokens);
  tensors[kWindowSha256] = {DType::kU8, {W, kSha256Digits}, {}};
  tensors[kWindowSha256].bytes.resize(static_cast<size_t>(W * kSha256Digits));
  std::vector<float> loss;
  std::vector<int32_t> ids;
  HostTensor classes{DType::kU8, {W, kTokens}, {}};
  for (size_t w = 0; w < record.windows.size(); ++w)
    for (int64_t t = 0; t < kTokens; ++t) {
      loss.push_back(t == 0 ? std::numeric_limits<float>::quiet_NaN()
                            : static_cast<float>(Loss(0, w, t)));
      ids.push_back(
          static_cast<int32_t>((3 * t + static_cast<int64_t>(w)) % 16));
      classes.bytes.push_back(static_cast<std::byte>(t % 4));
    }
  tensors["loss"] = HostTensor::FromF32({W, kTokens}, loss);
  tensors["token_ids"] = HostTensor::FromI32({W, kTokens}, ids);
  tensors["word_class"] = classes;
  const TemporaryFolder folder;
  WriteSafetensors(folder.path() / "s", tensors,
                   {{"data_sha256", record.data_sha256},
                    {"profile", "uniform"},
                    {"lane", record.lane}});
  return SealedStatistics(ReadFile(folder.path() / "s"), record);
}

DriftRecord Drift(int num_works) {
  DriftRecord drift = PlantedDrift(num_works, 0.01, 0.002, 0.02);
  drift.model_name = "planted";
  drift.lane = "cpu-portable";
  for (size_t c = 0; c < drift.contexts.size(); ++c)
    drift.contexts[c].domain = c % 2 == 0 ? "prose" : "code";
  return drift;
}

std::string DriftPoints(const DriftRecord& drift) {
  const auto P = static_cast<int64_t>(drift.profiles.size()),
             N = static_cast<int64_t>(drift.positions.size()),
             C = static_cast<int64_t>(drift.contexts.size());
  std::vector<double> kl, js, change, flips, distance;
  for (const DriftPoint& point : drift.points) {
    kl.push_back(point.kl);
    js.push_back(point.js);
    change.push_back(point.nll_change);
    flips.push_back(static_cast<double>(point.flips));
    distance.push_back(point.weight_distance.at(0));
  }
  const TemporaryFolder folder;
  const std::vector<double> positions(drift.positions.begin(),
                                      drift.positions.end());
  WriteSafetensors(
      folder.path() / "d",
      {{"kl", HostTensor::FromF64({P, N, C}, kl)},
       {"js", HostTensor::FromF64({P, N, C}, js)},
       {"nll_change", HostTensor::FromF64({P, N, C}, change)},
       {"flips", HostTensor::FromF64({P, N, C}, flips)},
       {"weight_distance", HostTensor::FromF64({P, N, C, 1, 1}, distance)},
       {"positions", HostTensor::FromF64({N}, positions)}});
  return ReadFile(folder.path() / "d");
}

std::string LayerMapsOf(const RunRecord& record) {
  SensitivityRun run;
  run.record = record;
  for (const char* name : {"alone", "dropped", "gradient at 1", "path"}) {
    LayerMap map{name, {}, {}};
    for (int64_t l = 0; l < kLayers; ++l) {
      const double value = 0.01 * static_cast<double>(l + 1);
      map.layers.push_back({value, value / 2, value * 2, ""});
    }
    run.maps.push_back(map);
  }
  run.correlations = {{"path", "alone", {0.5, 0.25, 0.75, ""}}};
  return SensitivityJson(run);
}

std::string PlantedCapsule(const RunPlan& plan) {
  const Trace trace = TraceOf(plan, {0, 0, 0}).trace;
  Capsule capsule;
  capsule.pins = plan.groups[0].cases[0];
  capsule.lane = plan.groups[0].record.lane;
  capsule.numeric_class = plan.groups[0].numeric_class;
  capsule.model_file = "planted.safetensors";
  for (int32_t t = 0; t < kTokens; ++t) capsule.ids.push_back(t % 16);
  capsule.expected = capsule.actual = trace;
  WindowTrace& window = capsule.actual.windows[0];
  window.row_digests.assign(kTokens * (kLayers + 1), 7);
  window.state_digests.assign(kMiniBatches * kLayers * kHeads, 9);
  window.nll[3] += 1;
  window = [&] {
    WindowTrace again = SummariseLosses(window.nll, capsule.actual.loss_bytes);
    again.nll = window.nll;
    again.row_digests = window.row_digests;
    again.state_digests = window.state_digests;
    return again;
  }();
  capsule.expected.windows[0].row_digests = window.row_digests;
  capsule.expected.windows[0].state_digests = window.state_digests;
  return CapsuleJson(capsule);
}

// nullopt: no JSON object.
std::optional<Json> ObjectIn(std::string_view text) {
  try {
    Json json = ParseJson(text, "input");
    if (json.is_object()) return json;
  } catch (const Error&) {
  }
  return std::nullopt;
}

void SealInside(Json& value) {
  if (!value.is_string()) return;
  if (const auto sealed = Resealed(value.get<std::string>())) value = *sealed;
}

}  // namespace

RunPlan PlantedPlan(int num_works, const std::string& code_tree) {
  Suite suite;
  suite.name = "planted";
  suite.path = "planted.json";
  suite.sha256 = std::string(64, 'f');
  const std::map<std::string, std::string> environment = {
      {"numeric_class", "portable-1"}};
  return MakePlan(
      suite, {Group("prose", num_works, false), Group("task", num_works, true)},
      {environment, environment}, code_tree, /*traced=*/true);
}

std::string JournalOf(const RunPlan& plan) {
  std::string text = JournalLine(JournalHeader{plan.sha256(), plan.code_tree});
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    const RunRecord& record = plan.groups[g].record;
    std::vector<int64_t> lengths;
    for (const WindowRecord& w : record.windows)
      lengths.push_back(w.num_tokens);
    const std::vector<Batch> batches = PlanBatches(lengths, record.batch_size);
    for (size_t p = 0; p < record.profiles.size(); ++p)
      for (size_t b = 0; b < batches.size(); ++b)
        for (const size_t w : batches[b].window_idx) {
          text += JournalLine(Unit(plan, {g, p, w}, b));
          if (IsTraced(plan, {g, p, w}))
            text += JournalLine(TraceOf(plan, {g, p, w}));
        }
  }
  return text;
}

RunFiles PlantedRunFiles(const RunPlan& plan) {
  RunFiles files;
  files[kPlanFile] = PlanToJson(plan);
  files[kJournalFile] = JournalOf(plan);
  Collected collected = CollectOf(plan, files[kJournalFile]);
  for (RunRecord& record : collected.records) {
    record.wall_seconds = 12.5;
    record.peak_memory_bytes = int64_t{1} << 28;
  }
  files[kStatisticsOfProse] = Statistics(collected.records[0]);
  files[kMapsFile] = LayerMapsOf(collected.records[0]);
  files[kResultsOfProse] = ResultsJson(ResultsOf(collected.records[0]));
  const DriftRecord drift =
      Drift(static_cast<int>(collected.records[0].windows.size()));
  files[kDriftPoints] = DriftPoints(drift);
  files[kDriftAbout] = DriftJson(drift, Sha256Hex(files[kDriftPoints]));
  files[kForeignFile] =
      "profile,position,loss,flops_per_token\nother,1,3.5,1000\n"
      "other,16,3.25,1000\n";
  files[kCapsuleFile] = PlantedCapsule(plan);
  files[kCheckFile] = "{\n \"exit_code\": 6,\n \"suite\": \"planted\"\n}\n";
  return files;
}

void WriteRunFiles(const RunFiles& files, const std::filesystem::path& folder) {
  for (const auto& [name, content] : files) {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary | std::ios::trunc) << content;
  }
}

std::string SealedPlan(std::string_view text) {
  std::optional<Json> plan = ObjectIn(text);
  if (!plan || !plan->contains("identity")) return std::string(text);
  Json& identity = (*plan)["identity"];
  const auto each = [](Json& parent, const char* key, const auto& visit) {
    if (!parent.is_object() || !parent.contains(key)) return;
    for (Json& child : parent[key]) visit(child);
  };
  each(identity, "groups", [&](Json& group) {
    each(group, "profiles", [](Json& profile) {
      if (profile.is_object() && profile.contains("case"))
        SealInside(profile["case"]);
    });
  });
  (*plan)["plan_sha256"] = Sha256Hex(identity.dump());
  if (plan->contains("about_sha256"))
    (*plan)["about_sha256"] = Sha256Hex(Json{
        {"suite_file", (*plan)["suite_file"]},
        {"suite_sha256", (*plan)["suite_sha256"]},
        {"about", (*plan)["about"]}}.dump());
  return plan->dump(1) + "\n";
}

std::string SealedCapsule(std::string_view text) {
  std::optional<Json> capsule = ObjectIn(text);
  if (!capsule || !capsule->contains("pins")) return std::string(text);
  SealInside((*capsule)["pins"]);
  return capsule->dump(1) + "\n";
}

std::string SealedJournal(std::string_view bytes) {
  std::string sealed;
  while (!bytes.empty()) {
    std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(line.size() + 1, bytes.size()));
    line.remove_prefix(std::min(line.find('{'), line.size()));
    sealed += Sha256Hex(line).substr(0, 16) + ' ';
    sealed += line;
    sealed += '\n';
  }
  return sealed;
}

std::string SealedDrift(std::string_view about, std::string_view points) {
  std::optional<Json> json = ObjectIn(about);
  if (!json) return std::string(about);
  (*json)["points_sha256"] = Sha256Hex(points);
  try {
    return Resealed(json->dump()).value_or(std::string(about));
  } catch (const Json::exception&) {  // text that is no UTF-8
    return std::string(about);
  }
}

std::string SealedLayerMaps(std::string_view text) {
  std::optional<Json> maps = ObjectIn(text);
  if (!maps) return std::string(text);
  maps->erase("content_sha256");
  (*maps)["content_sha256"] = Sha256Hex(maps->dump());
  return maps->dump(1) + "\n";
}

std::string SealedStatistics(std::string_view bytes, const RunRecord& record) {
  std::string sealed(bytes);
  const TemporaryFolder folder;
  WriteRunFiles({{"s", sealed}}, folder.path());
  try {
    const StatisticsFile file(folder.path() / "s", record, kLayers, kHeads);
    const uint64_t begin =
        SafetensorsFile(folder.path() / "s").tensors().at(kWindowSha256).begin;
    for (size_t w = 0; w < record.windows.size(); ++w)
      file.HashOf(w).copy(sealed.data() + begin + w * kSha256Digits,
                          kSha256Digits);
  } catch (const Error&) {  // arrays are missing
  }
  return sealed;
}

}  // namespace plastometer::fuzz
