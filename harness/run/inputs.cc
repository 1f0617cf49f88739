#include "harness/run/inputs.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "base/text.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

constexpr char kModelFile[] = "model.safetensors";
constexpr int64_t kByteVocabulary = 256;

fs::path PretrainedFolder() { return HomeFolder() / "model" / "pretrained"; }

bool IsFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::string NameOf(const fs::path& file) {
  if (file.filename() != kModelFile) return file.filename().string();
  const std::string folder =
      fs::absolute(file).parent_path().filename().string();
  return folder.empty() ? file.filename().string() : folder;
}

std::string Value(const std::map<std::string, std::string>& metadata,
                  const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "" : found->second;
}

std::unique_ptr<Tokenizer> TokenizerOfModel(const fs::path& model_file,
                                            const ModelConfig& config) {
  const auto metadata = SafetensorsFile(model_file).metadata();
  const std::string named = Value(metadata, "tokenizer_file"),
                    sha256 = Value(metadata, "tokenizer_sha256");
  const fs::path beside =
      model_file.parent_path() /
      (named.empty() || named == "bytes" ? "tokenizer.model" : named);
  if (named == "bytes") return LoadTokenizer("bytes");
  if (!named.empty() || IsFile(beside))
    return LoadTokenizer(beside.string(), sha256);
  if (const std::string task = Value(metadata, "task"); !task.empty())
    throw InvalidError("model " + model_file.string() +
                       " was trained on a generated task, " + task +
                       ": it reads ids, not text; take --task, or name a "
                       "--tokenizer");
  if (config.vocab_size == kByteVocabulary) return LoadTokenizer("bytes");
  throw InvalidError(
      "model " + model_file.string() +
      " names no tokenizer and has no tokenizer.model beside it; give one with "
      "--tokenizer FILE (a SentencePiece model) or --tokenizer bytes");
}

// As many pieces as the model has ids. Checkpoints with a rounded-up embedding
// have some ids that no text becomes.
bool Fits(const Tokenizer& tokenizer, int64_t vocabulary) {
  constexpr int64_t kPaddedTo = 64, kMostPadding = 255;
  const int64_t padding = vocabulary - tokenizer.vocab_size();
  return padding == 0 ||
         (tokenizer.name() != "bytes" && padding > 0 &&
          padding <= kMostPadding && vocabulary % kPaddedTo == 0);
}

}  // namespace

std::vector<std::string> ShippedModels() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(PretrainedFolder(), error)) {
    if (IsFile(entry.path() / kModelFile))
      names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

ModelChoice ResolveModel(const std::string& path_or_name) {
  const std::string wanted =
      path_or_name.empty() ? kDefaultModel : path_or_name;
  if (IsFile(wanted)) return {NameOf(wanted), wanted};
  if (IsFile(fs::path(wanted) / kModelFile))
    return {NameOf(fs::path(wanted) / kModelFile),
            fs::path(wanted) / kModelFile};
  const bool is_name = wanted.find('/') == std::string::npos;
  if (is_name && IsFile(PretrainedFolder() / wanted / kModelFile)) {
    return {wanted, PretrainedFolder() / wanted / kModelFile};
  }
  const fs::path config = PretrainedFolder() / wanted / "train.json";
  if (is_name && IsFile(config))
    throw InvalidError("model " + wanted +
                       " is known, but its weights are not in the repository; "
                       "'plastometer train " +
                       config.string() + "' makes them");
  const std::string shipped = Join(ShippedModels());
  throw InvalidError("no model '" + wanted +
                     "': it is neither a file, nor a folder with " +
                     kModelFile + ", nor a shipped model (" +
                     (shipped.empty() ? "none" : shipped) + ")");
}

TrainedTask TaskOfModel(const fs::path& model_file) {
  const std::string text =
      Value(SafetensorsFile(model_file).metadata(), "task");
  if (text.empty()) return {};
  const std::string where = model_file.string() + ": metadata \"task\"";
  try {
    const nlohmann::json task = ParseJson(text, where);
    return {task.at("name").get<std::string>(), task.at("parameters").dump(),
            task.at("seed").get<int64_t>(), task.at("loss") == "answers"};
  } catch (const nlohmann::json::exception& error) {
    throw InvalidError(where + ": " + error.what());
  }
}

TrainingRecord TrainingOfModel(const fs::path& model_file) {
  const auto metadata = SafetensorsFile(model_file).metadata();
  TrainingRecord training{Value(metadata, "trained_profile"), 0,
                          Value(metadata, "initial_model_sha256")};
  const std::string seed = Value(metadata, "training_seed");
  const auto [end, error] =
      std::from_chars(seed.data(), seed.data() + seed.size(), training.seed);
  if (!seed.empty() && (error != std::errc() || *end != '\0'))
    throw InvalidError(model_file.string() +
                       ": metadata \"training_seed\" is '" + seed +
                       "', expected an integer");
  return training;
}

std::unique_ptr<Tokenizer> ResolveTokenizer(const std::string& spec,
                                            const fs::path& model_file,
                                            const ModelConfig& config) {
  auto tokenizer =
      spec.empty() ? TokenizerOfModel(model_file, config) : LoadTokenizer(spec);
  if (!Fits(*tokenizer, config.vocab_size)) {
    throw InvalidError(
        "tokenizer " + tokenizer->name() + " has " +
        std::to_string(tokenizer->vocab_size()) + " pieces, model " +
        model_file.string() + " a vocabulary of " +
        std::to_string(config.vocab_size) +
        ": the model learned other pieces, and its losses on these would mean "
        "nothing; give the model's own with --tokenizer FILE");
  }
  return tokenizer;
}

}  // namespace plastometer
