// Everything that decides what a training run computes, from one JSON file.
#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/config.h"

namespace plastometer::train {

struct SourceShare {
  std::string name;
  int64_t max_tokens = 0;  // 0: all of it
  // How often a window of this source is seen in one pass; 0.5: every other
  // one.
  double weight = 1.0;
};

// A generated task (docs/synthetic.md) instead of text: its documents, one a
// window, each seen once.
struct TrainTask {
  std::string name;  // empty: no task
  nlohmann::json parameters = nlohmann::json::object();
  uint64_t seed = 1;
  bool answers_only = false;  // the loss of the answers alone is minimised
};

struct TrainConfig {
  std::string name;  // of the model
  ModelConfig model;
  std::string tokenizer;         // a path, relative to the installation's root
  std::string tokenizer_sha256;  // checked when not empty
  std::vector<SourceShare> sources;
  TrainTask task;             // or this
  std::string initial_model;  // a model file to go on from; empty: random
  std::string initial_model_sha256;  // checked when not empty
  // The plasticity profile that the model is trained under.
  std::string profile = "uniform";
  int64_t batch = 4;       // sequences a step
  int64_t context = 2048;  // tokens a sequence
  int64_t total_tokens = 0;
  double lr = 2e-3, min_lr = 0, beta1 = 0.9, beta2 = 0.95, weight_decay = 0.1,
         clip = 1.0;
  int64_t warmup_tokens = 0;
  // Inner base rate: from inner_lr_start to the model's ttt_base_lr over this
  // share of the steps (TTT-MLP: 0.01, 0.1).
  double inner_lr_start = 0, inner_lr_warmup = 0;
  uint64_t seed = 1;
  int64_t checkpoint_steps = 100;
  std::string output;  // model file, relative to the installation's root

  int64_t tokens_per_step() const { return batch * context; }
  int64_t num_steps() const {
    return (total_tokens + tokens_per_step() - 1) / tokens_per_step();
  }
};

// Throws kInvalid naming `source` and the key: unknown, missing, mistyped, out
// of range.
TrainConfig TrainConfigFromJson(const nlohmann::json& json,
                                const std::string& source);
nlohmann::json TrainConfigToJson(const TrainConfig& config);

}  // namespace plastometer::train
