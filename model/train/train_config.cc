#include "model/train/train_config.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "model/profile.h"

namespace plastometer::train {
namespace {

using nlohmann::json;

// Takes keys out of an object one by one; what is left over is unknown.
class Reader {
 public:
  Reader(const json& object, std::string source)
      : object_(object), source_(std::move(source)) {
    if (!object.is_object())
      throw InvalidError(source_ + ": expected a JSON object");
  }

  bool Has(const std::string& key) {
    known_.insert(key);
    return object_.contains(key);
  }
  const json& Get(const std::string& key) {
    if (!Has(key))
      throw InvalidError(source_ + ": key '" + key + "' is missing");
    return object_.at(key);
  }
  void Text(const std::string& key, std::string& value, bool required) {
    if (!required && !Has(key)) return;
    if (!Get(key).is_string()) Fail(key, "a string");
    value = Get(key).get<std::string>();
  }
  void Integer(const std::string& key, int64_t& value, bool required,
               int64_t least) {
    if (!required && !Has(key)) return;
    if (!Get(key).is_number_integer()) Fail(key, "an integer");
    value = Get(key).get<int64_t>();
    if (value < least) Fail(key, "at least " + std::to_string(least));
  }
  void Number(const std::string& key, double& value, double least,
              double most) {
    if (!Has(key)) return;
    if (!Get(key).is_number()) Fail(key, "a number");
    value = Get(key).get<double>();
    if (!(value >= least && value <= most)) {
      Fail(key,
           "between " + std::to_string(least) + " and " + std::to_string(most));
    }
  }
  void NothingElse() const {
    for (const auto& [key, value] : object_.items()) {
      if (known_.count(key) == 0)
        throw InvalidError(source_ + ": unknown key '" + key + "'");
    }
  }
  [[noreturn]] void Fail(const std::string& key,
                         const std::string& expected) const {
    throw InvalidError(source_ + ": key '" + key + "' is " +
                       object_.at(key).dump() + ", expected " + expected);
  }

 private:
  const json& object_;
  std::string source_;
  std::set<std::string> known_;
};

std::vector<SourceShare> SharesFromJson(const json& list,
                                        const std::string& source) {
  if (!list.is_array() || list.empty())
    throw InvalidError(source +
                       ": key 'sources' must be a list that is not empty");
  std::vector<SourceShare> shares;
  for (const json& item : list) {
    SourceShare share;
    Reader reader(item,
                  source + ", sources[" + std::to_string(shares.size()) + "]");
    reader.Text("name", share.name, true);
    reader.Integer("max_tokens", share.max_tokens, false, 0);
    reader.Number("weight", share.weight, 0.0, 100.0);
    reader.NothingElse();
    shares.push_back(share);
  }
  return shares;
}

TrainTask TaskFromJson(const json& object, const std::string& source) {
  TrainTask task;
  Reader reader(object, source + ", task");
  reader.Text("name", task.name, true);
  if (reader.Has("parameters")) task.parameters = object.at("parameters");
  int64_t seed = 1;
  reader.Integer("seed", seed, false, 0);
  task.seed = static_cast<uint64_t>(seed);
  std::string loss = "all";
  reader.Text("loss", loss, false);
  if (loss != "all" && loss != "answers")
    reader.Fail("loss", "\"all\" or \"answers\"");
  task.answers_only = loss == "answers";
  reader.NothingElse();
  return task;
}

json TaskToJson(const TrainTask& task) {
  return {{"name", task.name},
          {"parameters", task.parameters},
          {"seed", task.seed},
          {"loss", task.answers_only ? "answers" : "all"}};
}

}  // namespace

TrainConfig TrainConfigFromJson(const json& object, const std::string& source) {
  TrainConfig c;
  Reader reader(object, source);
  reader.Text("name", c.name, true);
  const json& model = reader.Get("model");
  c.model = model.is_string() ? NamedConfig(model.get<std::string>())
                              : ConfigFromJson(model, source + ", model");
  if (reader.Has("task")) {
    c.task = TaskFromJson(object.at("task"), source);
    for (const char* key : {"sources", "tokenizer", "tokenizer_sha256"})
      if (object.contains(key))
        throw InvalidError(source + ": key '" + key +
                           "' beside 'task': a task brings its own tokens");
  } else {
    reader.Text("tokenizer", c.tokenizer, true);
    reader.Text("tokenizer_sha256", c.tokenizer_sha256, false);
    c.sources = SharesFromJson(reader.Get("sources"), source);
  }
  reader.Text("initial_model", c.initial_model, false);
  reader.Text("initial_model_sha256", c.initial_model_sha256, false);
  reader.Text("profile", c.profile, false);
  reader.Integer("batch", c.batch, false, 1);
  reader.Integer("context", c.context, false, 1);
  reader.Integer("total_tokens", c.total_tokens, true, 1);
  reader.Number("lr", c.lr, 0.0, 10.0);
  reader.Number("min_lr", c.min_lr, 0.0, 10.0);
  reader.Integer("warmup_tokens", c.warmup_tokens, false, 0);
  reader.Number("beta1", c.beta1, 0.0, 0.999999);
  reader.Number("beta2", c.beta2, 0.0, 0.999999);
  reader.Number("weight_decay", c.weight_decay, 0.0, 10.0);
  reader.Number("clip", c.clip, 1e-6, 1e9);
  reader.Number("inner_lr_start", c.inner_lr_start, 0.0, 10.0);
  reader.Number("inner_lr_warmup", c.inner_lr_warmup, 0.0, 1.0);
  int64_t seed = 1;
  reader.Integer("seed", seed, false, 0);
  c.seed = static_cast<uint64_t>(seed);
  reader.Integer("checkpoint_steps", c.checkpoint_steps, false, 1);
  reader.Text("output", c.output, true);
  reader.NothingElse();
  const Controls controls =
      Profile::Parse(c.profile, c.model.num_layers).controls();
  if (controls.eta != Eta::kLearned || controls.start_mean) {
    throw UsageError(source + ": profile '" + c.profile +
                     "': eta=flip, eta=shuffle and start=mean are controls of "
                     "a trained model; training takes schedules and resets");
  }
  c.model.context_tokens = c.context;
  return c;
}

json TrainConfigToJson(const TrainConfig& c) {
  json sources = json::array();
  for (const SourceShare& s : c.sources) {
    sources.push_back(
        {{"name", s.name}, {"max_tokens", s.max_tokens}, {"weight", s.weight}});
  }
  json object = {{"name", c.name},
                 {"model", ConfigToJson(c.model)},
                 {"profile", c.profile},
                 {"batch", c.batch},
                 {"context", c.context},
                 {"total_tokens", c.total_tokens},
                 {"lr", c.lr},
                 {"min_lr", c.min_lr},
                 {"warmup_tokens", c.warmup_tokens},
                 {"beta1", c.beta1},
                 {"beta2", c.beta2},
                 {"weight_decay", c.weight_decay},
                 {"clip", c.clip},
                 {"inner_lr_start", c.inner_lr_start},
                 {"inner_lr_warmup", c.inner_lr_warmup},
                 {"seed", c.seed},
                 {"checkpoint_steps", c.checkpoint_steps},
                 {"output", c.output}};
  if (c.task.name.empty()) {
    object["tokenizer"] = c.tokenizer;
    object["tokenizer_sha256"] = c.tokenizer_sha256;
    object["sources"] = sources;
  } else {
    object["task"] = TaskToJson(c.task);
  }
  if (!c.initial_model.empty()) {
    object["initial_model"] = c.initial_model;
    object["initial_model_sha256"] = c.initial_model_sha256;
  }
  return object;
}

}  // namespace plastometer::train
