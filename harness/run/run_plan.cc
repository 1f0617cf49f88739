#include "harness/run/run_plan.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/canonical_json.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/lane.h"
#include "base/sha256.h"
#include "base/text.h"
#include "datasets/synthetic/synthetic.h"
#include "harness/results/case_json.h"
#include "harness/run/run_folder.h"

namespace plastometer {
namespace {

using Json = nlohmann::json;

constexpr char kAboutSeal[] = "about_sha256";
constexpr uint64_t kMaxPlanBytes = uint64_t{1} << 30;
constexpr int64_t kMaxLayers = 10000, kMaxHeads = 10000;
constexpr int64_t kMaxBytes = int64_t{1} << 40;  // of text, and its tokens
constexpr int64_t kMaxTokens = int64_t{1} << 31, kMaxLosses = int64_t{1} << 33;

void CheckRanges(const TokenRanges& ranges, int64_t num_tokens,
                 const std::string& source) {
  int64_t last = 1;
  for (const auto& [begin, end] : ranges) {
    if (begin < last || end <= begin || end > num_tokens)
      throw InvalidError(source + ": tokens " + std::to_string(begin) + " to " +
                         std::to_string(end) + " of a window of " +
                         std::to_string(num_tokens));
    last = end;
  }
}

void RequireBetween(int64_t value, int64_t least, int64_t most,
                    const std::string& what) {
  if (value < least || value > most)
    throw InvalidError(what + " is " + std::to_string(value) + "; expected " +
                       std::to_string(least) + " to " + std::to_string(most));
}

int64_t IntegerAt(const Json& object, const char* key,
                  const std::string& source) {
  return IntegerOf(object.at(key), source + ": \"" + key + "\"");
}

TokenRanges ReadRanges(const Json& list, int64_t num_tokens,
                       const std::string& source) {
  TokenRanges ranges;
  for (const Json& range : list)
    ranges.emplace_back(IntegerOf(range.at(0), source + ": a token"),
                        IntegerOf(range.at(1), source + ": a token"));
  CheckRanges(ranges, num_tokens, source);
  return ranges;
}

Json WindowsJson(const std::vector<WindowRecord>& windows) {
  Json list = Json::array();
  for (const WindowRecord& w : windows) {
    list.push_back({w.source, w.domain, w.work, w.document, w.first_token,
                    w.num_tokens, w.scored_bytes});
    if (!w.scored.empty() || !w.condition.empty())
      list.back().push_back({{"scored", w.scored}, {"condition", w.condition}});
  }
  return list;
}

// Sums of logarithms: their last bits are a platform's own, so they are no part
// of the identity.
Json FloorsJson(const std::vector<WindowRecord>& windows) {
  Json list = Json::array();
  for (const WindowRecord& w : windows) {
    if (w.floor.exact.empty()) return Json::array();
    // A floor that is NaN is null.
    list.push_back({w.floor.scored_nats ? Json(*w.floor.scored_nats) : Json(),
                    w.floor.exact, w.floor.exact_nats,
                    w.floor.scored_by_octave});
  }
  return list;
}

std::vector<double> ReadOctaves(const Json& list, int64_t num_tokens,
                                const std::string& source) {
  if (list.size() != NumOctaves(num_tokens))
    throw InvalidError(source + ": floors of " + std::to_string(list.size()) +
                       " octaves of a window of " + std::to_string(num_tokens) +
                       " tokens, expected " +
                       std::to_string(NumOctaves(num_tokens)));
  std::vector<double> octaves;
  for (const Json& nats : list)
    octaves.push_back(nats.is_null() ? std::nan("") : nats.get<double>());
  return octaves;
}

void ReadFloors(const Json& list, const std::string& source,
                std::vector<WindowRecord>& windows) {
  if (list.empty()) return;
  if (list.size() != windows.size())
    throw InvalidError(source + ": " + std::to_string(list.size()) +
                       " floors for " + std::to_string(windows.size()) +
                       " windows");
  for (size_t w = 0; w < windows.size(); ++w) {
    FloorRecord& floor = windows[w].floor;
    if (!list[w].at(0).is_null())
      floor.scored_nats = list[w].at(0).get<double>();
    floor.exact = ReadRanges(list[w].at(1), windows[w].num_tokens, source);
    list[w].at(2).get_to(floor.exact_nats);
    if (list[w].size() > 3 && !list[w][3].empty())  // older plans have none
      floor.scored_by_octave =
          ReadOctaves(list[w][3], windows[w].num_tokens, source);
  }
}

// What decides the results.
Json IdentityJson(const RunPlan& plan) {
  Json groups = Json::array();
  for (const PlannedGroup& g : plan.groups) {
    const RunRecord& r = g.record;
    Json profiles = Json::array();
    for (size_t p = 0; p < r.profiles.size(); ++p)
      profiles.push_back({{"name", r.profiles[p].name},
                          {"same_as", r.profiles[p].same_as},
                          {"asked", r.profiles[p].asked},
                          {"plastic_layers", r.profiles[p].plastic_layers},
                          {"case", PinsJson(g.cases[p])}});
    size_t num_batches =
        r.profiles.empty() ? 0 : r.profiles.front().times.size();
    groups.push_back({{"numeric_class", g.numeric_class},
                      {"layers", g.num_layers},
                      {"heads", g.num_heads},
                      {"loss_bytes", g.loss_bytes},
                      {"lane", r.lane},
                      {"batch_size", r.batch_size},
                      {"batches", num_batches},
                      {"uniform", r.uniform_idx},
                      {"frozen", r.frozen_idx},
                      {"profiles", profiles},
                      {"windows", WindowsJson(r.windows)}});
    if (r.accuracy) groups.back()["accuracy"] = true;
  }
  return {{"suite", plan.suite},
          {"code_tree", plan.code_tree},
          {"traced", plan.traced},
          {"groups", groups}};
}

// What a report says beside it.
Json AboutJson(const PlannedGroup& g) {
  const RunRecord& r = g.record;
  return {{"spec", Json::parse(g.spec_json)},
          {"environment", g.environment},
          {"version", r.version},
          {"started_utc", r.started_utc},
          {"model_name", r.model_name},
          {"model_path", r.model_path},
          {"model_sha256", r.model_sha256},
          {"model_config", r.model_config_json},
          {"model_context_tokens", r.model_context_tokens},
          {"tokenizer_name", r.tokenizer_name},
          {"tokenizer_sha256", r.tokenizer_sha256},
          {"data_name", r.data_name},
          {"data_sha256", r.data_sha256},
          {"threads", r.num_threads},
          {"context_tokens", r.context_tokens},
          {"seed", r.seed},
          {"training",
           {r.training.profile, r.training.seed, r.training.initial_sha256}},
          {"notes", r.notes},
          {"floors", FloorsJson(r.windows)}};
}

// Results make the task again.
TaskRecord CheckedTask(const SuiteData& data, const std::string& source) {
  try {
    synthetic::MakeSyntheticTask(data.task,
                                 ParseJson(data.task_parameters, source),
                                 static_cast<uint64_t>(data.task_seed));
  } catch (const Error& error) {
    throw InvalidError(source + ": " + error.what());
  }
  return TaskRecordOf(data);
}

void ReadAbout(const Json& about, const std::string& source, PlannedGroup& g) {
  RunRecord& r = g.record;
  g.spec_json = about.at("spec").dump();
  const SuiteGroup spec = ParseGroupJson(g.spec_json, source);
  g.name = spec.name;
  if (!spec.data.task.empty()) r.task = CheckedTask(spec.data, source);
  about.at("environment").get_to(g.environment);
  about.at("version").get_to(r.version);
  about.at("started_utc").get_to(r.started_utc);
  about.at("model_name").get_to(r.model_name);
  about.at("model_path").get_to(r.model_path);
  about.at("model_sha256").get_to(r.model_sha256);
  about.at("model_config").get_to(r.model_config_json);
  ParseJson(r.model_config_json, source + ": \"model_config\"");
  r.model_context_tokens = IntegerAt(about, "model_context_tokens", source);
  about.at("tokenizer_name").get_to(r.tokenizer_name);
  about.at("tokenizer_sha256").get_to(r.tokenizer_sha256);
  about.at("data_name").get_to(r.data_name);
  about.at("data_sha256").get_to(r.data_sha256);
  r.num_threads = IntegerAt(about, "threads", source);
  r.context_tokens = IntegerAt(about, "context_tokens", source);
  r.seed = IntegerAt(about, "seed", source);
  about.at("notes").get_to(r.notes);
  const Json& training = about.at("training");
  r.training = {training.at(0),
                IntegerOf(training.at(1), source + ": the training seed"),
                training.at(2)};
}

void ReadWindows(const Json& list, const std::string& source,
                 std::vector<WindowRecord>& windows) {
  int64_t loss_begin = 0;
  for (const Json& w : list) {
    const auto integer = [&](size_t i, const char* what, int64_t least,
                             int64_t most) {
      const std::string where = source + ": a window's " + what;
      const int64_t value = IntegerOf(w.at(i), where);
      RequireBetween(value, least, most, where);
      return value;
    };
    WindowRecord window;
    w.at(0).get_to(window.source);
    w.at(1).get_to(window.domain);
    w.at(2).get_to(window.work);
    w.at(3).get_to(window.document);
    window.first_token = integer(4, "first token", 0, kMaxBytes);
    window.num_tokens = integer(5, "number of tokens", 2, kMaxTokens);
    window.scored_bytes = integer(6, "bytes", /*unknown*/ -1, kMaxBytes);
    window.loss_begin = loss_begin;
    if (w.size() > 7) {
      window.scored =
          ReadRanges(w.at(7).at("scored"), window.num_tokens, source);
      w.at(7).at("condition").get_to(window.condition);
    }
    loss_begin += window.num_tokens - 1;
    windows.push_back(std::move(window));
  }
  if (windows.empty() || loss_begin > kMaxLosses)
    throw InvalidError(source + ": " + std::to_string(windows.size()) +
                       " windows with " + std::to_string(loss_begin) +
                       " losses; expected at least one window");
}

int64_t LossBytesOf(const std::string& lane, const std::string& source) {
  try {
    return TraitsOf(lane).loss_bytes();
  } catch (const Error& error) {
    throw InvalidError(source + ": " + error.what());
  }
}

PlannedGroup ReadGroup(const Json& identity, const Json& about,
                       const std::string& source) {
  PlannedGroup g;
  ReadAbout(about, source, g);
  RunRecord& r = g.record;
  identity.at("numeric_class").get_to(g.numeric_class);
  identity.at("lane").get_to(r.lane);
  const auto integer = [&](const char* key, int64_t least, int64_t most) {
    const int64_t value = IntegerAt(identity, key, source);
    RequireBetween(value, least, most, source + ": \"" + key + "\"");
    return value;
  };
  g.num_layers = integer("layers", 1, kMaxLayers);
  g.num_heads = integer("heads", 1, kMaxHeads);
  const int64_t loss_bytes = LossBytesOf(r.lane, source);
  g.loss_bytes = integer("loss_bytes", loss_bytes, loss_bytes);
  r.batch_size = integer("batch_size", 1, kMaxTokens);
  const Json& profiles = identity.at("profiles");
  const auto profile_idx = [&](const char* key) {
    return static_cast<size_t>(
        integer(key, 0, static_cast<int64_t>(profiles.size()) - 1));
  };
  r.uniform_idx = profile_idx("uniform");
  r.frozen_idx = profile_idx("frozen");
  r.accuracy = identity.contains("accuracy");
  ReadWindows(identity.at("windows"), source, r.windows);
  const auto num_batches = static_cast<size_t>(
      integer("batches", 1, static_cast<int64_t>(r.windows.size())));
  if (about.contains("floors"))
    ReadFloors(about.at("floors"), source, r.windows);
  for (const Json& p : profiles) {
    ProfileRecord profile;
    p.at("name").get_to(profile.name);
    p.at("same_as").get_to(profile.same_as);
    p.at("asked").get_to(profile.asked);
    p.at("plastic_layers").get_to(profile.plastic_layers);
    profile.Resize(0, r.windows.size(), num_batches);  // Collect adds losses
    r.profiles.push_back(std::move(profile));
    g.cases.push_back(ParsePins(p.at("case").get<std::string>(), source));
    g.record.profiles.back().controls =
        ControlsOfLambdas(g.cases.back().profile_lambdas);
  }
  CheckNames(r, source);
  return g;
}

// Of what stands beside the identity: a report prints it.
std::string SealOfAbout(const Json& plan) {
  return Sha256Hex(Json{{"suite_file", plan.at("suite_file")},
                        {"suite_sha256", plan.at("suite_sha256")},
                        {"about", plan.at("about")}}
                       .dump());
}

void CheckSeal(const Json& json, const std::string& source, RunPlan& plan) {
  if (!json.contains(kAboutSeal)) {
    for (PlannedGroup& g : plan.groups)
      g.record.notes.push_back(
          "plan.json is of an older program: what it says of model, seed, "
          "threads and exact floors has no hash");
  } else if (const std::string seal = SealOfAbout(json);
             seal != json.at(kAboutSeal)) {
    throw InvalidError(source + ": the hash of \"about\", \"suite_file\" and " +
                       "\"suite_sha256\" is " + seal + ", it says " +
                       json[kAboutSeal].dump());
  }
}

}  // namespace

std::string RunPlan::sha256() const {
  return Sha256Hex(IdentityJson(*this).dump());
}

RunPlan MakePlan(
    const Suite& suite, const std::vector<LoadedGroup>& groups,
    const std::vector<std::map<std::string, std::string>>& environments,
    const std::string& code_tree, bool traced) {
  RunPlan plan{suite.name, suite.path.string(), suite.sha256, code_tree, traced,
               {}};
  CheckName(plan.suite_file, "the suite file");
  for (size_t i = 0; i < groups.size(); ++i) {
    const LoadedGroup& g = groups[i];
    plan.groups.push_back(
        {g.spec.name, GroupJson(g.spec), environments[i].at("numeric_class"),
         g.config.num_layers, g.config.num_heads, TraitsOf(g.lane).loss_bytes(),
         environments[i], g.record, g.cases});
  }
  return plan;
}

std::string PlanToJson(const RunPlan& plan) {
  Json about = Json::array();
  for (const PlannedGroup& g : plan.groups) about.push_back(AboutJson(g));
  Json json = {
      {"schema", kGoldenSchema},        {"plan_sha256", plan.sha256()},
      {"suite_file", plan.suite_file},  {"suite_sha256", plan.suite_sha256},
      {"identity", IdentityJson(plan)}, {"about", about}};
  json[kAboutSeal] = SealOfAbout(json);
  return json.dump(1) + "\n";
}

RunPlan ParsePlan(std::string_view text, const std::string& source) {
  const Json json = ParseJson(text, source);
  try {
    if (json.at("schema") != kGoldenSchema)
      throw InvalidError(source + ": \"schema\" is " + json["schema"].dump() +
                         "; expected " + std::to_string(kGoldenSchema));
    RunPlan plan;
    json.at("suite_file").get_to(plan.suite_file);
    json.at("suite_sha256").get_to(plan.suite_sha256);
    const Json &identity = json.at("identity"), &about = json.at("about");
    identity.at("suite").get_to(plan.suite);
    identity.at("code_tree").get_to(plan.code_tree);
    identity.at("traced").get_to(plan.traced);
    const Json& groups = identity.at("groups");
    if (!groups.is_array() || groups.empty())
      throw InvalidError(source + ": \"groups\" is " +
                         (groups.empty() ? "empty" : "no list") +
                         "; expected at least one group");
    for (size_t i = 0; i < groups.size(); ++i)
      plan.groups.push_back(ReadGroup(groups[i], about.at(i), source));
    if (plan.sha256() != json.at("plan_sha256"))
      throw InvalidError(source + ": the plan's hash is " + plan.sha256() +
                         ", it says " + json["plan_sha256"].dump());
    CheckSeal(json, source, plan);
    return plan;
  } catch (const nlohmann::json::exception& error) {
    throw InvalidError(source + ": not a plan: " + error.what());
  }
}

RunPlan ReadPlan(const std::filesystem::path& run_folder) {
  const std::filesystem::path file = run_folder / kPlanFile;
  return ParsePlan(ReadFile(file, kMaxPlanBytes), file.string());
}

Suite SuiteOfPlan(const RunPlan& plan) {
  Suite suite;
  suite.name = plan.suite;
  suite.path = plan.suite_file;
  suite.sha256 = plan.suite_sha256;
  for (const PlannedGroup& group : plan.groups)
    suite.groups.push_back(ParseGroupJson(group.spec_json, plan.suite_file));
  return suite;
}

std::string UnitKey(const RunPlan& plan, size_t group_idx, size_t profile_idx,
                    size_t window_idx) {
  const PlannedGroup& g = plan.groups[group_idx];
  return Sha256Hex(PinsJson(g.cases[profile_idx]) + g.numeric_class + '\n' +
                   plan.code_tree + '\n' + std::to_string(window_idx));
}

std::string FirstDifference(const RunPlan& before, const RunPlan& now) {
  const Json a = IdentityJson(before), b = IdentityJson(now);
  const Json patch = Json::diff(a, b);
  if (patch.empty()) return "nothing";
  const Json::json_pointer at(patch[0]["path"].get<std::string>());
  const auto text = [&](const Json& json) -> std::string {
    if (!json.contains(at)) return "nothing";
    const std::string value = json[at].dump();
    return value.size() > 200 ? value.substr(0, 200) + "..." : value;
  };
  return patch[0]["path"].get<std::string>() + ": " + text(a) + " -> " +
         text(b);
}

std::string PlanText(const RunPlan& plan) {
  std::string text = "suite " + plan.suite + ", plan " + plan.sha256() +
                     ", code " + plan.code_tree + "\n";
  size_t num_units = 0;
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    const PlannedGroup& group = plan.groups[g];
    const RunRecord& r = group.record;
    text += "\nlane " + r.lane + " (class " + group.numeric_class +
            "), model " + r.model_name + " " + r.model_sha256.substr(0, 12) +
            ", data " + r.data_sha256.substr(0, 12) + ", batch " +
            std::to_string(r.batch_size) + "\n";
    for (size_t p = 0; p < r.profiles.size(); ++p) {
      text += "case " + group.cases[p].name + " " +
              Sha256Hex(PinsJson(group.cases[p])).substr(0, 16) +
              (r.profiles[p].asked ? "" : " (for comparison only)") + "\n";
      for (size_t w = 0; w < r.windows.size(); ++w, ++num_units)
        text += "  unit " + UnitKey(plan, g, p, w).substr(0, 16) + " window " +
                std::to_string(w) + ": " + r.windows[w].document + " from " +
                std::to_string(r.windows[w].first_token) + ", " +
                std::to_string(r.windows[w].num_tokens) + " tokens\n";
    }
  }
  return text + "\n" + std::to_string(num_units) + " units\n";
}

}  // namespace plastometer
