#include "tests/model/core/parity_data.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>

#include "base/files.h"
#include "model/weights/import.h"
#include "model/weights/model_file.h"
#include "model/weights/parameter_specs.h"
#include "tests/paths.h"

namespace plastometer {

std::filesystem::path ParityFolder() {
  const char* whole = std::getenv("PLASTOMETER_PARITY");
  return whole != nullptr ? whole : SourcePath("tests/data/parity");
}

std::vector<ParitySet> ParitySets(const std::string& prefix) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(ParityFolder())) {
    const std::string file = entry.path().filename().string();
    const bool data = file.ends_with(".safetensors") &&
                      !file.ends_with(".weights.safetensors");
    if (file.starts_with(prefix) && data) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<ParitySet> sets;
  for (const auto& file : files) {
    const std::string json =
        ReadFile(std::filesystem::path(file).replace_extension(".json"));
    sets.push_back({file.stem().string(), nlohmann::json::parse(json),
                    SafetensorsFile(file)});
  }
  if (sets.empty())
    throw std::runtime_error("no parity set '" + prefix + "*' in " +
                             ParityFolder().string());
  return sets;
}

TensorMap ImportParityWeights(const ParitySet& set, ModelConfig* config) {
  const TemporaryFolder folder;
  const auto config_file = folder.path() / "config.json";
  WriteFile(config_file, set.json.at("config").dump());
  ImportOptions options;
  const std::filesystem::path base = ParityFolder() / set.name;
  const std::string stem = base.string();
  if (std::filesystem::exists(stem + ".weights.safetensors")) {
    options.from = "hf";
    options.source = stem + ".weights.safetensors";
  } else {
    options.from = "flax";
    options.source = stem + (std::filesystem::exists(stem + ".streaming_params")
                                 ? ".streaming_params"
                                 : ".streaming_train_state");
  }
  options.config = config_file;
  options.out = folder.path() / "model.safetensors";
  ImportWeights(options);
  ModelFile file = LoadModelFile(options.out);
  if (config != nullptr) *config = file.config;
  return std::move(file.tensors);
}

Model ImportParityModel(const ParitySet& set, Lane lane) {
  ModelConfig config;
  const TensorMap weights = ImportParityWeights(set, &config);
  return Model::FromTensors(config, weights, {.lane = lane, .num_threads = 1});
}

std::vector<int32_t> Ids(const ParitySet& set) {
  const HostTensor ids = set.tensors.Read("input_ids");
  return {ids.As<int32_t>(), ids.As<int32_t>() + ids.NumElements()};
}

double MaxAbsDifference(const std::vector<double>& a,
                        const std::vector<double>& b) {
  if (a.size() != b.size())
    throw std::runtime_error("sizes differ: " + std::to_string(a.size()) +
                             ", " + std::to_string(b.size()));
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    if (!(difference <= worst)) worst = difference;  // NaN counts
  }
  return worst;
}

double MaxAbs(const std::vector<double>& a) {
  double worst = 0;
  for (double x : a) worst = std::max(worst, std::abs(x));
  return worst;
}

ModelConfig SmallConfig(InnerModel inner_model, Backbone backbone) {
  ModelConfig config;
  config.vocab_size = 61;
  config.hidden_size = 32;
  config.intermediate_size = 48;
  config.num_layers = 3;
  config.num_heads = 2;
  config.inner_model = inner_model;
  config.backbone = backbone;
  config.ttt_base_lr = inner_model == InnerModel::kLinear ? 1.0 : 0.1;
  return config;
}

std::vector<int32_t> RandomIds(int64_t count, int64_t vocab_size,
                               uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<int32_t> ids(count);
  for (int32_t& id : ids)
    id = static_cast<int32_t>(generator() % static_cast<uint64_t>(vocab_size));
  return ids;
}

}  // namespace plastometer
