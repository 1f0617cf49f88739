#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <thread>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/sha256.h"
#include "datasets/tokenizer.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/studies/training_tokens.h"
#include "model/train/trainer.h"
#include "model/weights/model_file.h"

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

// A path of the config: as given when that exists or is absolute, else below
// the installation's root.
std::filesystem::path Resolve(const std::string& path) {
  if (path.empty() || std::filesystem::path(path).is_absolute() ||
      std::filesystem::exists(path))
    return path;
  return HomeFolder() / path;
}

void PrintLine(const std::string& line) { Print(line + "\n"); }

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

TrainingTokens LoadTokens(const TrainConfig& config) {
  if (!config.task.name.empty()) return TokensOfTask(config);
  const std::string spec = config.tokenizer == "bytes"
                               ? config.tokenizer
                               : Resolve(config.tokenizer).string();
  const std::unique_ptr<Tokenizer> tokenizer =
      LoadTokenizer(spec, config.tokenizer_sha256);
  CheckTokenizer(config, *tokenizer);
  return TokensOfSources(config, *tokenizer, PrintLine);
}

void StartFromModel(const TrainConfig& config, train::Trainer& trainer) {
  const std::filesystem::path file = Resolve(config.initial_model);
  const ModelFile model = LoadModelFile(file);
  if (!config.initial_model_sha256.empty() &&
      model.sha256 != config.initial_model_sha256)
    throw InvalidError(file.string() + " has SHA-256 " + model.sha256 +
                       ", expected " + config.initial_model_sha256);
  ModelConfig expected = config.model;
  expected.context_tokens = model.config.context_tokens;
  if (!(model.config == expected))
    throw InvalidError(file.string() +
                       ": its config differs from the one to train");
  trainer.StartFrom(model.tensors);
}

std::string CommandLine(const Arguments& a, bool resume) {
  std::string line = "plastometer train " + a.config;
  if (a.threads > 0) line += " --threads " + std::to_string(a.threads);
  if (!a.output.empty()) line += " --out " + a.output;
  if (!a.checkpoint.empty()) line += " --checkpoint " + a.checkpoint;
  return resume ? line + " --resume" : line;
}

// Beside the checkpoint, whose folder is made.
std::filesystem::path LockFileOf(const std::filesystem::path& checkpoint) {
  const std::filesystem::path folder = checkpoint.parent_path();
  if (!folder.empty()) MakeFolders(folder);
  return folder / ("." + checkpoint.filename().string() + ".lock");
}

std::function<void(const std::string&)> ProgressPrinter() {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  return [terminal](const std::string& line) {
    Print(terminal ? "\r\033[K" + line : line + "\n");
  };
}

void Train(const Arguments& a) {
  TrainConfig config =
      train::TrainConfigFromJson(ReadJsonFile(a.config), a.config);
  if (!config.initial_model.empty() && config.initial_model_sha256.empty())
    config.initial_model_sha256 = Sha256OfFile(Resolve(config.initial_model));
  train::TrainOptions options;
  options.checkpoint =
      a.checkpoint.empty()
          ? DataFolder() / "train" / (config.name + ".checkpoint.safetensors")
          : std::filesystem::path(a.checkpoint);
  const FileLock lock(LockFileOf(options.checkpoint), "the training");
  options.num_threads = a.threads;
  options.command = CommandLine(a, false);
  options.progress = ProgressPrinter();
  options.progress_seconds = isatty(STDOUT_FILENO) != 0 ? 2 : 15;
  train::Trainer trainer(config, LoadTokens(config), options);
  if (!config.initial_model.empty()) StartFromModel(config, trainer);
  if (a.resume) {
    trainer.Resume();
    PrintLine("resumed at step " + std::to_string(trainer.step()) + " of " +
              std::to_string(config.num_steps()));
  } else if (std::filesystem::exists(options.checkpoint)) {
    throw RefusedError(
        options.checkpoint.string() +
        " is there already: give --resume to continue it, or delete it");
  }
  const InterruptGuard guard;
  if (!trainer.Run())
    throw Interrupted{trainer.interrupted_by(),
                      "the checkpoint holds step " +
                          std::to_string(trainer.step()) +
                          "; continue with\n  " + CommandLine(a, true)};
  const std::filesystem::path output = a.output.empty()
                                           ? HomeFolder() / config.output
                                           : std::filesystem::path(a.output);
  trainer.Save(output);
  PrintLine("\n" + output.string() + ": SHA-256 " + Sha256OfFile(output));
}

}  // namespace

void AddTrainCommand(Command& program) {
  auto a = std::make_shared<Arguments>();
  Command command = program.Add(
      "train", "Train a small model from a config and fetched text");
  command
      .Add("config", a->config,
           "JSON file, e.g. model/pretrained/text-3m/train.json")
      .Required()
      .ExistingFile();
  command.Flag("--resume", a->resume,
               "continue from the checkpoint, to the same losses as an "
               "uninterrupted run");
  command
      .Add("--threads N", a->threads,
           "threads (default: all cores; never more than sequences in a "
           "batch)")
      .Between(1, 1024);
  command
      .Add("--out FILE", a->output,
           "model file (default: the config's \"output\")")
      .Formerly("--output");
  command.Add("--checkpoint FILE", a->checkpoint,
              "checkpoint file (default: below the data folder)");
  command.Example("plastometer train model/pretrained/text-3m/train.json",
                  "the shipped model once more");
  command.Callback([a] { Train(*a); });
}

}  // namespace plastometer
