#include "harness/suite/suite.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxSuiteBytes = 1 << 20;
constexpr size_t kMaxGroups = 256, kMaxProfiles = 1024;
constexpr int64_t kMaxSeed = int64_t{1} << 32;

// One JSON object with a place for error messages; every key must be asked for.
class Object {
 public:
  Object(const Json& json, std::string where)
      : json_(json), where_(std::move(where)) {
    if (!json.is_object())
      throw InvalidError(where_ + " is " + ShownJson(json) +
                         "; expected an object");
  }

  bool Has(const std::string& key) const { return json_.contains(key); }

  const Json& Get(const std::string& key) {
    known_.insert(key);
    if (!json_.contains(key))
      throw InvalidError(where_ + ": key \"" + key + "\" is missing");
    return json_[key];
  }

  std::string Text(const std::string& key) {
    const Json& value = Get(key);
    if (!value.is_string()) throw Wrong(key, "a string");
    return value.get<std::string>();
  }
  std::string Text(const std::string& key, const std::string& otherwise) {
    known_.insert(key);
    return Has(key) ? Text(key) : otherwise;
  }

  int64_t Count(const std::string& key, int64_t otherwise, int64_t least,
                int64_t most) {
    known_.insert(key);
    if (!Has(key)) return otherwise;
    const Json& value = json_[key];
    const std::string expected = "an integer from " + std::to_string(least) +
                                 " to " + std::to_string(most);
    if (!value.is_number_integer()) throw Wrong(key, expected);
    const auto count = value.get<int64_t>();
    if (count < least || count > most) throw Wrong(key, expected);
    return count;
  }

  bool Flag(const std::string& key) {
    known_.insert(key);
    if (!Has(key)) return false;
    if (!json_[key].is_boolean()) throw Wrong(key, "true or false");
    return json_[key].get<bool>();
  }

  std::vector<std::string> Texts(const std::string& key, size_t most) {
    const Json& value = Get(key);
    const std::string expected =
        "a list of 1 to " + std::to_string(most) + " strings";
    if (!value.is_array() || value.empty() || value.size() > most)
      throw Wrong(key, expected);
    std::vector<std::string> texts;
    for (const Json& item : value) {
      if (!item.is_string() || item.get_ref<const std::string&>().empty())
        throw Wrong(key, expected);
      texts.push_back(item.get<std::string>());
    }
    return texts;
  }

  void RefuseOthers() const {
    for (const auto& [key, value] : json_.items()) {
      if (!known_.contains(key))
        throw InvalidError(where_ + ": key \"" + key +
                           "\" is not known; expected " + Known());
    }
  }

  Error Wrong(const std::string& key, const std::string& expected) const {
    return InvalidError(where_ + ": \"" + key + "\" is " +
                        ShownJson(json_[key]) + "; expected " + expected);
  }

 private:
  std::string Known() const { return Join(known_); }

  const Json& json_;
  std::string where_;
  std::set<std::string> known_;
};

bool IsName(const std::string& text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// Relative paths are seen from the suite file.
fs::path Beside(const fs::path& suite, const std::string& path) {
  return (suite.parent_path() / path).lexically_normal();
}

void ParseTask(const Json& json, const std::string& where, SuiteData& data) {
  Object object(json, where);
  data.task = object.Text("name");
  if (object.Has("parameters"))
    data.task_parameters = object.Get("parameters").dump();
  data.task_seed = object.Count("seed", data.task_seed, 0, kMaxSeed);
  const std::string score = object.Text("score", "all");
  if (score != "all" && score != "answers")
    throw object.Wrong("score", "\"all\" or \"answers\"");
  data.answers_only = score == "answers";
  object.RefuseOthers();
}

void ParseProbe(const Json& json, const std::string& where, SuiteData& data) {
  Object object(json, where);
  data.probe_conditions = object.Texts("conditions", 16);
  data.probe_before =
      object.Count("before", data.probe_before, 16, kMaxContextTokens / 2);
  data.probe_between =
      object.Count("between", data.probe_between, 16, kMaxContextTokens / 2);
  data.probe_scored =
      object.Count("scored", data.probe_scored, 2, kMaxContextTokens / 2);
  object.RefuseOthers();
  data.context_tokens = data.probe_before + data.probe_scored;
}

SuiteData ParseData(const Json& json, const std::string& where,
                    const fs::path& path) {
  Object object(json, where);
  SuiteData data;
  if (object.Has("held_out")) data.held_out = object.Texts("held_out", 64);
  if (object.Has("slice")) data.slice = Beside(path, object.Text("slice"));
  if (object.Has("text")) data.text = Beside(path, object.Text("text"));
  if (object.Has("domains")) data.domains = object.Texts("domains", 64);
  if (object.Has("task")) ParseTask(object.Get("task"), where + ".task", data);
  const int kinds =
      !data.held_out.empty() + !data.text.empty() + !data.task.empty();
  if (kinds > 1 || (kinds == 0 && data.slice.empty()) ||
      (!data.task.empty() && !data.slice.empty()))
    throw InvalidError(where +
                       " needs exactly one of \"held_out\", \"text\" and "
                       "\"task\", or a \"slice\"");
  data.documents = object.Count("documents", data.documents, 1, kMaxDocuments);
  data.windows = object.Count("windows", data.windows, 0, kMaxWindows);
  data.context_tokens =
      object.Count("context", data.context_tokens, 2, kMaxContextTokens);
  if (object.Has("probe")) {
    if (object.Has("context") || object.Has("slice") || object.Has("task"))
      throw InvalidError(where +
                         ": \"probe\" cuts its own windows out of \"held_out\" "
                         "or \"text\"; leave \"context\", \"slice\" and "
                         "\"task\" away");
    ParseProbe(object.Get("probe"), where + ".probe", data);
  }
  const std::string protocol = object.Text("protocol", "documents");
  if (protocol != "documents" && protocol != "published")
    throw object.Wrong("protocol", "\"documents\" or \"published\"");
  data.published = protocol == "published";
  if (data.published &&
      (object.Has("slice") || object.Has("task") || object.Has("probe")))
    throw InvalidError(where +
                       ": protocol \"published\" joins documents of "
                       "\"held_out\" or \"text\"; leave \"slice\", \"task\" "
                       "and \"probe\" away");
  object.RefuseOthers();
  return data;
}

SuiteGroup ParseGroup(const Json& json, const std::string& where,
                      const fs::path& path) {
  Object object(json, where);
  SuiteGroup group;
  group.name = object.Text("name");
  if (!IsName(group.name))
    throw object.Wrong("name", "1 to 64 of a-z, 0-9 and -");
  group.model = object.Text("model");
  if (group.model.find('/') != std::string::npos)
    group.model = Beside(path, group.model).string();
  group.tokenizer = object.Text("tokenizer", "");
  if (!group.tokenizer.empty() && group.tokenizer != "bytes")
    group.tokenizer = Beside(path, group.tokenizer).string();
  group.lane = object.Text("lane", group.lane);
  group.data = ParseData(object.Get("data"), where + ".data", path);
  group.profiles = object.Texts("profiles", kMaxProfiles);
  group.batch_size = object.Count("batch", group.batch_size, 1, kMaxBatch);
  group.traced_windows =
      object.Count("traced_windows", group.traced_windows, 0, kMaxWindows);
  group.expect = object.Text("expect", group.expect);
  if (group.expect != "finite" && group.expect != "diverges")
    throw object.Wrong("expect", "\"finite\" or \"diverges\"");
  group.accuracy = object.Flag("accuracy");
  object.RefuseOthers();
  return group;
}

void RefuseCollisions(const Suite& suite) {
  std::map<std::string, std::string> seen;
  for (const SuiteGroup& group : suite.groups) {
    for (const std::string& profile : group.profiles) {
      const std::string name = group.name + "." + ProfileSlug(profile);
      const auto [at, is_new] = seen.emplace(name, profile);
      if (!is_new)
        throw InvalidError(suite.path.string() + ": profiles '" + at->second +
                           "' and '" + profile + "' of group \"" + group.name +
                           "\" are both case " + name);
    }
  }
}

fs::path SuitesFolder() { return HomeFolder() / "suites"; }

}  // namespace

bool Suite::needs_fetched_text() const {
  return std::any_of(groups.begin(), groups.end(), [](const SuiteGroup& g) {
    return g.data.text.empty() && g.data.task.empty();
  });
}

std::string ProfileSlug(const std::string& profile) {
  std::string slug;
  for (const char c : profile) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
    if (plain) {
      slug += c;
    } else if (c == '%') {
      slug += "pct";
    } else if (c == '@') {
      slug += "x";
    } else if (!slug.empty() && slug.back() != '-') {
      slug += '-';
    }
  }
  return slug.substr(0, 100);
}

Suite ParseSuite(std::string_view text, const fs::path& path) {
  const Json json = ParseJson(text, path.string());
  Object object(json, path.string());
  Suite suite;
  suite.path = path;
  suite.sha256 = Sha256Hex(text);
  suite.name = path.stem().string();
  if (!IsName(suite.name))
    throw InvalidError(path.string() +
                       ": a suite's file name is 1 to 64 of a-z, 0-9 and -, "
                       "and .json");
  if (object.Count("schema", 0, 0, kMaxSeed) != 1)
    throw InvalidError(path.string() +
                       ": \"schema\" is missing or unknown; expected 1");
  suite.description = object.Text("description");
  const Json& groups = object.Get("groups");
  if (!groups.is_array() || groups.empty() || groups.size() > kMaxGroups)
    throw object.Wrong(
        "groups", "a list of 1 to " + std::to_string(kMaxGroups) + " objects");
  std::set<std::string> names;
  for (size_t i = 0; i < groups.size(); ++i) {
    suite.groups.push_back(ParseGroup(
        groups[i], path.string() + ": groups[" + std::to_string(i) + "]",
        path));
    if (!names.insert(suite.groups.back().name).second)
      throw InvalidError(path.string() + ": group \"" +
                         suite.groups.back().name + "\" is named twice");
  }
  object.RefuseOthers();
  RefuseCollisions(suite);
  return suite;
}

std::string GroupJson(const SuiteGroup& group) {
  const auto absolute = [](const fs::path& path) {
    return fs::absolute(path).lexically_normal().string();
  };
  Json data = {{"windows", group.data.windows},
               {"documents", group.data.documents}};
  if (group.data.probe_conditions.empty())
    data["context"] = group.data.context_tokens;
  else
    data["probe"] = {{"conditions", group.data.probe_conditions},
                     {"before", group.data.probe_before},
                     {"between", group.data.probe_between},
                     {"scored", group.data.probe_scored}};
  if (group.data.published) data["protocol"] = "published";
  if (!group.data.held_out.empty()) data["held_out"] = group.data.held_out;
  if (!group.data.domains.empty()) data["domains"] = group.data.domains;
  if (!group.data.slice.empty()) data["slice"] = absolute(group.data.slice);
  if (!group.data.text.empty()) data["text"] = absolute(group.data.text);
  if (!group.data.task.empty())
    data["task"] = {{"name", group.data.task},
                    {"parameters", Json::parse(group.data.task_parameters)},
                    {"seed", group.data.task_seed},
                    {"score", group.data.answers_only ? "answers" : "all"}};
  const bool is_path = group.model.find('/') != std::string::npos;
  Json json = {
      {"name", group.name},
      {"model", is_path ? absolute(group.model) : group.model},
      {"tokenizer", group.tokenizer.empty() || group.tokenizer == "bytes"
                        ? group.tokenizer
                        : absolute(group.tokenizer)},
      {"lane", group.lane},
      {"data", data},
      {"profiles", group.profiles},
      {"batch", group.batch_size},
      {"traced_windows", group.traced_windows},
      {"expect", group.expect}};
  if (group.accuracy) json["accuracy"] = true;
  return json.dump();
}

SuiteGroup ParseGroupJson(std::string_view text, const std::string& source) {
  return ParseGroup(ParseJson(text, source), source, "/");
}

std::vector<std::string> ShippedSuites() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(SuitesFolder(), error)) {
    if (entry.path().extension() == ".json")
      names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Suite LoadSuite(const std::string& path_or_name) {
  fs::path path = path_or_name;
  const bool is_name = path_or_name.find('/') == std::string::npos &&
                       path.extension() != ".json";
  if (is_name) path = SuitesFolder() / (path_or_name + ".json");
  if (!is_name && path.extension() != ".json" &&
      !fs::is_regular_file(path))  // "suites/quick"
    path += ".json";
  if (is_name && !fs::is_regular_file(path)) {
    throw UsageError("no suite '" + path_or_name +
                     "'; expected a file, or one of " + Join(ShippedSuites()));
  }
  return ParseSuite(ReadFile(path, kMaxSuiteBytes), path);
}

}  // namespace plastometer
