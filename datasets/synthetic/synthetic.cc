#include "datasets/synthetic/synthetic.h"

#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "datasets/synthetic/tasks.h"

namespace plastometer::synthetic {

namespace {

struct Entry {
  const char* name;
  TaskPtr (*make)(const nlohmann::json&, uint64_t);
};

constexpr Entry kTasks[] = {
    {"chains", MakeChains},       {"forgetting", MakeForgetting},
    {"library", MakeLibrary},     {"switching", MakeSwitching},
    {"mqar", MakeMqar},           {"forgetting-mqar", MakeForgettingMqar},
    {"induction", MakeInduction}, {"selective-copy", MakeSelectiveCopy},
    {"regular", MakeRegular},     {"language", MakeLanguage}};

// FNV-1a: tasks under one seed draw from streams of their own.
uint64_t HashOfName(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

SyntheticTask::SyntheticTask(std::string name,
                             std::shared_ptr<const nlohmann::json> parameters,
                             uint64_t seed)
    : name_(std::move(name)),
      parameters_(std::move(parameters)),
      seed_(seed),
      key_(seed ^ HashOfName(name_)) {}

SyntheticDocument SyntheticTask::Document(uint64_t document,
                                          size_t length) const {
  SyntheticDocument out;
  out.ids.reserve(length);
  out.floor_nats.reserve(length);
  out.labels.reserve(length);
  out.words.reserve(length);
  const std::unique_ptr<TokenStream> stream = Open(document);
  for (size_t t = 0; t < length; ++t) {
    ThrowIfInterrupted();
    const Token token = stream->Next();
    out.ids.push_back(token.id);
    out.floor_nats.push_back(token.floor_nats);
    out.labels.push_back(token.label);
    out.words.push_back(token.word);
  }
  return out;
}

std::unique_ptr<SyntheticTask> MakeSyntheticTask(
    const std::string& name, const nlohmann::json& parameters, uint64_t seed) {
  std::string known;
  for (const Entry& entry : kTasks) {
    if (name == entry.name) return entry.make(parameters, seed);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw UsageError("unknown task " + name + "; there are " + known);
}

std::vector<std::string> SyntheticTaskNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kTasks) names.emplace_back(entry.name);
  return names;
}

}  // namespace plastometer::synthetic
