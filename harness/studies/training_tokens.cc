#include "harness/studies/training_tokens.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/host_tensor.h"
#include "base/parallel.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "datasets/corpus.h"
#include "datasets/synthetic/synthetic.h"
#include "model/train/random.h"

namespace plastometer {
namespace {

using train::TrainConfig;
using train::TrainingTokens;

struct SourceTokens {
  std::vector<uint16_t> ids;
  std::vector<int64_t> work_ends;  // a window never crosses a work
  std::string text_sha256;
};

std::vector<Document> DocumentsByWork(const std::string& source) {
  std::vector<Document> documents = ReadSource(source, "train");
  std::map<std::string, size_t> first;
  for (const Document& d : documents) first.emplace(d.work, first.size());
  std::stable_sort(documents.begin(), documents.end(),
                   [&](const Document& a, const Document& b) {
                     return first[a.work] < first[b.work];
                   });
  return documents;
}

std::string HashOf(const std::vector<Document>& documents) {
  Sha256 hash;
  for (const Document& d : documents) {
    hash.Update(d.work + '\0' + d.id + '\0' + std::to_string(d.text.size()) +
                '\0');
    hash.Update(d.text);
  }
  return hash.HexDigest();
}

std::vector<std::vector<int32_t>> EncodeAll(
    const std::vector<Document>& documents, const Tokenizer& tokenizer) {
  std::vector<std::vector<int32_t>> encoded(documents.size());
  ParallelFor(documents.size(), 0, [&](size_t i) {
    encoded[i] = tokenizer.Encode(documents[i].text, documents[i].id);
  });
  return encoded;
}

SourceTokens Tokenize(const std::vector<Document>& documents,
                      const Tokenizer& tokenizer) {
  SourceTokens tokens;
  const std::vector<std::vector<int32_t>> encoded =
      EncodeAll(documents, tokenizer);
  for (size_t i = 0; i < documents.size(); ++i) {
    tokens.ids.insert(tokens.ids.end(), encoded[i].begin(), encoded[i].end());
    const bool last_of_work =
        i + 1 == documents.size() || documents[i + 1].work != documents[i].work;
    if (last_of_work)
      tokens.work_ends.push_back(static_cast<int64_t>(tokens.ids.size()));
  }
  return tokens;
}

// The cache: a safetensors file named by the hashes of text and tokenizer.
SourceTokens LoadOrTokenize(const std::string& source,
                            const Tokenizer& tokenizer) {
  const std::vector<Document> documents = DocumentsByWork(source);
  const std::string text_sha256 = HashOf(documents);
  const std::filesystem::path cache =
      DataFolder() / "tokens" /
      (source + "-" +
       Sha256Hex(text_sha256 + tokenizer.sha256()).substr(0, 16) +
       ".safetensors");
  SourceTokens tokens;
  if (std::filesystem::exists(cache)) {
    const SafetensorsFile file(cache);
    const HostTensor ids = file.Read("ids"), ends = file.Read("work_ends");
    tokens.ids.assign(ids.As<int32_t>(), ids.As<int32_t>() + ids.NumElements());
    tokens.work_ends.assign(ends.As<int32_t>(),
                            ends.As<int32_t>() + ends.NumElements());
  } else {
    tokens = Tokenize(documents, tokenizer);
    MakeFolders(cache.parent_path());
    const auto size = [](const auto& v) {
      return std::vector<int64_t>{static_cast<int64_t>(v.size())};
    };
    WriteSafetensors(
        cache,
        {{"ids", HostTensor::FromI32(size(tokens.ids),
                                     {tokens.ids.begin(), tokens.ids.end()})},
         {"work_ends", HostTensor::FromI32(size(tokens.work_ends),
                                           {tokens.work_ends.begin(),
                                            tokens.work_ends.end()})}});
  }
  tokens.text_sha256 = text_sha256;
  return tokens;
}

// The windows of a source that one pass sees: shuffled, cut to the cap,
// repeated or thinned by the weight.
std::vector<int64_t> ChooseWindows(std::vector<int64_t> windows,
                                   const train::SourceShare& share,
                                   int64_t context, uint64_t seed) {
  train::Random(seed).Shuffle(windows);
  if (share.max_tokens > 0)
    windows.resize(
        std::min<size_t>(windows.size(), share.max_tokens / context));
  std::vector<int64_t> chosen;
  const auto wanted = static_cast<size_t>(
      share.weight * static_cast<double>(windows.size()) + 0.5);
  for (size_t i = 0; i < wanted; ++i)
    chosen.push_back(windows[i % windows.size()]);
  return chosen;
}

}  // namespace

TrainingTokens TokensOfSources(const TrainConfig& config,
                               const Tokenizer& tokenizer, const Say& say) {
  TrainingTokens all;
  all.hashes["tokenizer"] = tokenizer.sha256();
  uint64_t seed = config.seed * 1000;
  for (const train::SourceShare& share : config.sources) {
    const SourceTokens source = LoadOrTokenize(share.name, tokenizer);
    TrainingTokens part;
    int64_t begin = 0;
    for (const int64_t end : source.work_ends) {
      part.AddWindows(begin, end, config.context);
      begin = end;
    }
    const std::vector<int64_t> chosen =
        ChooseWindows(part.windows, share, config.context, ++seed);
    const auto offset = static_cast<int64_t>(all.ids.size());
    all.ids.insert(all.ids.end(), source.ids.begin(), source.ids.end());
    for (const int64_t start : chosen) all.windows.push_back(offset + start);
    all.hashes[share.name] = source.text_sha256;
    say(share.name + ": " + std::to_string(source.ids.size()) + " tokens in " +
        std::to_string(source.work_ends.size()) + " works, " +
        std::to_string(chosen.size()) + " windows a pass");
  }
  return all;
}

TrainingTokens TokensOfTask(const TrainConfig& config) {
  const auto task = synthetic::MakeSyntheticTask(
      config.task.name, config.task.parameters, config.task.seed);
  if (task->vocab_size() > config.model.vocab_size)
    throw InvalidError("task " + config.task.name + " has " +
                       std::to_string(task->vocab_size()) +
                       " ids, but the model's vocabulary has " +
                       std::to_string(config.model.vocab_size));
  const int64_t num_documents = config.num_steps() * config.batch;
  const auto length = static_cast<size_t>(config.context + 1);
  TrainingTokens tokens;
  for (int64_t d = 0; d < num_documents; ++d) {
    const synthetic::SyntheticDocument document =
        task->Document(static_cast<uint64_t>(d), length);
    tokens.windows.push_back(static_cast<int64_t>(tokens.ids.size()));
    tokens.ids.insert(tokens.ids.end(), document.ids.begin(),
                      document.ids.end());
    if (!config.task.answers_only) continue;
    for (const uint8_t label : document.labels)
      tokens.scored.push_back(label == synthetic::kAnswer);
  }
  tokens.hashes["task"] = Sha256Hex(nlohmann::json{
      {"name", task->name()},
      {"parameters", task->parameters()},
      {"seed", task->seed()}}.dump());
  return tokens;
}

}  // namespace plastometer
