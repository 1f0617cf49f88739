// Names on the command line to files: models, their tokenizers, and what a run
// says about both.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "datasets/tokenizer.h"
#include "harness/results/summary.h"
#include "model/config.h"

namespace plastometer {

inline constexpr char kDefaultModel[] = "text-3m";

struct ModelChoice {
  std::string name;  // shipped name, else the file's name
  std::filesystem::path file;
};

// A file, a folder that holds model.safetensors, or a shipped model's name.
// Throws kInvalid that lists the shipped names.
ModelChoice ResolveModel(const std::string& path_or_name);
std::vector<std::string> ShippedModels();

// The generated task that the model was trained on (docs/synthetic.md), as
// "task" of its metadata says; empty for other models. Throws kInvalid.
struct TrainedTask {
  std::string name, parameters_json;
  int64_t seed = 1;
  bool answers_only = false;
};
TrainedTask TaskOfModel(const std::filesystem::path& model_file);

// Profile, seed and origin of a model's training, as far as its metadata says.
// Throws kInvalid.
TrainingRecord TrainingOfModel(const std::filesystem::path& model_file);

// `spec` as given on the command line ("bytes" or a file). When empty: the file
// that the model's metadata names (with its hash), else tokenizer.model beside
// the model, else bytes for a vocabulary of 256. Throws kInvalid when there is
// none, and, naming both sizes, when it has not as many pieces as the model has
// ids. A SentencePiece model may have up to 255 fewer where the model's
// vocabulary is a multiple of 64: a rounded-up embedding.
std::unique_ptr<Tokenizer> ResolveTokenizer(
    const std::string& spec, const std::filesystem::path& model_file,
    const ModelConfig& config);

}  // namespace plastometer
