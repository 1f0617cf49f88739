#include "harness/cli/train_command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <thread>

#include "datasets/corpus.h"
#include "datasets/tokenizer.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/json.h"
#include "harness/base/sha256.h"
#include "model/train/random.h"
#include "model/train/trainer.h"
#include "model/weights/host_tensor.h"
#include "model/weights/safetensors.h"

namespace plastometer {
namespace {

using train::TrainConfig;
using train::TrainingTokens;

struct Arguments {
  std::string config;
  bool resume = false;
  int threads = 0;
  std::string output, checkpoint;
};

std::atomic<int> caught_signal{0};
std::atomic<bool> interrupted{false};

// The first signal asks the trainer to finish its step; the second one kills.
void OnSignal(int signal) {
  caught_signal = signal;
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

// A path of the config: as given when that exists or is absolute, else below
// the installation's root.
std::filesystem::path Resolve(const std::string& path) {
  if (path.empty() || std::filesystem::path(path).is_absolute() ||
      std::filesystem::exists(path))
    return path;
  return HomeFolder() / path;
}

void Say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// ---------------------------------------------------------------- tokens of
// one source

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
  std::atomic<size_t> next{0};
  std::exception_ptr error;
  std::atomic<bool> failed{false};
  const auto work = [&] {
    try {
      for (size_t i = next++; i < documents.size() && !failed; i = next++) {
        encoded[i] = tokenizer.Encode(documents[i].text, documents[i].id);
      }
    } catch (...) {
      if (!failed.exchange(true)) error = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 1; t < std::max(1u, std::thread::hardware_concurrency());
       ++t)
    threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (error != nullptr) std::rethrow_exception(error);
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
    std::filesystem::create_directories(cache.parent_path());
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

TrainingTokens LoadTokens(const TrainConfig& config,
                          const Tokenizer& tokenizer) {
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
    Say(share.name + ": " + std::to_string(source.ids.size()) + " tokens in " +
        std::to_string(source.work_ends.size()) + " works, " +
        std::to_string(chosen.size()) + " windows a pass");
  }
  return all;
}

// ---------------------------------------------------------------- the run

constexpr int32_t kMaxTrainingVocabulary = 65536;

void CheckTokenizer(const TrainConfig& config, const Tokenizer& tokenizer) {
  if (tokenizer.vocab_size() > config.model.vocab_size) {
    throw InvalidError("tokenizer " + config.tokenizer + " has " +
                       std::to_string(tokenizer.vocab_size()) +
                       " ids, but the model's vocabulary has " +
                       std::to_string(config.model.vocab_size));
  }
  if (tokenizer.vocab_size() > kMaxTrainingVocabulary) {
    throw InvalidError("tokenizer " + config.tokenizer + " has " +
                       std::to_string(tokenizer.vocab_size()) +
                       " ids; training keeps them in 16 bits, at most " +
                       std::to_string(kMaxTrainingVocabulary));
  }
}

std::string CommandLine(const Arguments& a, bool resume) {
  std::string line = "plastometer train " + a.config;
  if (a.threads > 0) line += " --threads " + std::to_string(a.threads);
  if (!a.output.empty()) line += " --output " + a.output;
  if (!a.checkpoint.empty()) line += " --checkpoint " + a.checkpoint;
  return resume ? line + " --resume" : line;
}

std::function<void(const std::string&)> ProgressPrinter() {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  return [terminal](const std::string& line) {
    std::printf(terminal ? "\r\033[K%s" : "%s\n", line.c_str());
    std::fflush(stdout);
  };
}

void Train(const Arguments& a) {
  const TrainConfig config =
      train::TrainConfigFromJson(ReadJsonFile(a.config), a.config);
  const std::string spec = config.tokenizer == "bytes"
                               ? config.tokenizer
                               : Resolve(config.tokenizer).string();
  const std::unique_ptr<Tokenizer> tokenizer =
      LoadTokenizer(spec, config.tokenizer_sha256);
  CheckTokenizer(config, *tokenizer);
  train::TrainOptions options;
  options.checkpoint =
      a.checkpoint.empty()
          ? DataFolder() / "train" / (config.name + ".checkpoint.safetensors")
          : std::filesystem::path(a.checkpoint);
  options.num_threads = a.threads;
  options.command = CommandLine(a, false);
  options.progress = ProgressPrinter();
  options.progress_seconds = isatty(STDOUT_FILENO) != 0 ? 2 : 15;
  options.interrupted = &interrupted;
  train::Trainer trainer(config, LoadTokens(config, *tokenizer), options);
  if (a.resume) {
    trainer.Resume();
    Say("resumed at step " + std::to_string(trainer.step()) + " of " +
        std::to_string(config.num_steps()));
  } else if (std::filesystem::exists(options.checkpoint)) {
    throw RefusedError(
        options.checkpoint.string() +
        " is there already: give --resume to continue it, or delete it");
  }
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
  if (!trainer.Run()) {
    std::fprintf(
        stderr,
        "\nplastometer: interrupted after step %lld; continue with\n  %s\n",
        static_cast<long long>(trainer.step()), CommandLine(a, true).c_str());
    std::exit(128 + caught_signal);
  }
  const std::filesystem::path output = a.output.empty()
                                           ? HomeFolder() / config.output
                                           : std::filesystem::path(a.output);
  trainer.Save(output);
  Say("\n" + output.string() + ": SHA-256 " + Sha256OfFile(output));
}

}  // namespace

void AddTrainCommand(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "train", "Train a small model from a config and fetched text");
  command
      ->add_option("CONFIG", a->config,
                   "JSON file, e.g. model/pretrained/text-3m/train.json")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_flag("--resume", a->resume,
                    "Continue from the checkpoint, to the same losses as an "
                    "uninterrupted run");
  command
      ->add_option(
          "--threads", a->threads,
          "Threads (default: all cores; never more than sequences in a batch)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--output", a->output,
                      "Model file (default: the config's 'output')");
  command->add_option("--checkpoint", a->checkpoint,
                      "Checkpoint file (default: below the data folder)");
  command->callback([a] { Train(*a); });
}

}  // namespace plastometer
