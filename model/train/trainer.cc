#include "model/train/trainer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "model/layers/language_model.h"
#include "model/train/fused_ops.h"
#include "model/train/kernels/kernels.h"
#include "model/train/random.h"
#include "model/train/workers.h"
#include "model/weights/model_file.h"
#include "model/weights/parameter_specs.h"

namespace plastometer::train {
namespace {

constexpr float kAdamEps = 1e-8f;
constexpr char kSealKey[] = "content_sha256";
constexpr char kCheckpointFormat[] = "plastometer-train-2";

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string Format(const char* format, auto... values) {
  char line[256];
  std::snprintf(line, sizeof line, format, values...);
  return line;
}

std::string Duration(double seconds) {
  const auto s = static_cast<int64_t>(seconds);
  return s >= 3600 ? Format("%ld h %02ld min", s / 3600, s / 60 % 60)
                   : Format("%ld min %02ld s", s / 60, s % 60);
}

// A config less the fields that do not change the numbers: where results go,
// and what the tokens' own hash covers.
nlohmann::json WhatIsComputed(nlohmann::json config) {
  for (const char* field :
       {"output", "checkpoint_steps", "tokenizer", "tokenizer_sha256"})
    config.erase(field);
  return config;
}

void MakeParentFolder(const std::filesystem::path& file) {
  if (file.has_parent_path()) MakeFolders(file.parent_path());
}

std::string HashOfData(const TrainingTokens& tokens) {
  Sha256 hash;
  hash.Update(std::as_bytes(std::span(tokens.ids)));
  hash.Update(std::as_bytes(std::span(tokens.windows)));
  hash.Update(std::as_bytes(std::span(tokens.scored)));
  return hash.HexDigest();
}

}  // namespace

void TrainingTokens::AddWindows(int64_t begin, int64_t end, int64_t context) {
  for (int64_t start = begin; start + context < end; start += context)
    windows.push_back(start);
}

Trainer::Trainer(TrainConfig config, TrainingTokens tokens,
                 TrainOptions options)
    : config_(std::move(config)),
      tokens_(std::move(tokens)),
      options_(std::move(options)),
      parameters_(config_.model) {
  if (tokens_.windows.empty()) {
    throw InvalidError("training: no window of " +
                       std::to_string(config_.context + 1) + " tokens; " +
                       std::to_string(tokens_.ids.size()) + " tokens in all");
  }
  const auto largest = std::max_element(tokens_.ids.begin(), tokens_.ids.end());
  if (*largest >= config_.model.vocab_size) {
    throw InvalidError("training: token id " + std::to_string(*largest) +
                       ", but the model's vocabulary has " +
                       std::to_string(config_.model.vocab_size));
  }
  if (!tokens_.scored.empty()) CheckScored();
  parameters_.Initialize(config_.model, config_.seed);
  first_moment_.assign(parameters_.count(), 0.0f);
  second_moment_.assign(parameters_.count(), 0.0f);
  gradients_.assign(config_.batch,
                    std::vector<float>(parameters_.count(), 0.0f));
  workers_ = std::make_unique<Workers>(static_cast<int>(
      std::min<int64_t>(ResolveThreads(options_.num_threads), config_.batch)));
}

Trainer::~Trainer() = default;

void Trainer::CheckScored() const {
  if (tokens_.scored.size() != tokens_.ids.size())
    throw InternalError("training: one mark a token expected");
  for (const int64_t start : tokens_.windows) {
    const auto begin = tokens_.scored.begin() + start + 1;
    if (std::find(begin, begin + config_.context, 1) == begin + config_.context)
      throw InvalidError("training: the window at token " +
                         std::to_string(start) + " has nothing to score");
  }
}

// Hidden rows whose next token's loss counts, and those tokens.
std::pair<at::Tensor, at::Tensor> Trainer::Scored(
    int64_t start, const at::Tensor& hidden, const at::Tensor& targets) const {
  if (tokens_.scored.empty()) return {hidden, targets};
  std::vector<int64_t> rows;
  for (int64_t t = 0; t < config_.context; ++t)
    if (tokens_.scored[start + t + 1] != 0) rows.push_back(t);
  const at::Tensor chosen = at::tensor(rows, at::kLong);
  return {hidden.index_select(0, chosen), targets.index_select(0, chosen)};
}

// Windows are seen in passes, each in its own order.
int64_t Trainer::WindowOf(int64_t index) {
  const auto num_windows = static_cast<int64_t>(tokens_.windows.size());
  if (index / num_windows != pass_) {
    pass_ = index / num_windows;
    order_.resize(num_windows);
    std::iota(order_.begin(), order_.end(), 0);
    Random random(config_.seed * 0x10001 + 0xda7a +
                  static_cast<uint64_t>(pass_));
    random.Shuffle(order_);
  }
  return tokens_.windows[order_[index % num_windows]];
}

double Trainer::LearningRate(int64_t step) const {
  const double done =
      static_cast<double>((step + 1) * config_.tokens_per_step());
  const double warmup = static_cast<double>(config_.warmup_tokens);
  if (done < warmup) return config_.lr * done / warmup;
  const double total =
      static_cast<double>(config_.num_steps() * config_.tokens_per_step());
  const double progress =
      total > warmup ? (done - warmup) / (total - warmup) : 1.0;
  return config_.min_lr + (config_.lr - config_.min_lr) * 0.5 *
                              (1.0 + std::cos(std::numbers::pi * progress));
}

ModelConfig Trainer::StepModel(int64_t step) const {
  ModelConfig model = config_.model;
  const double warmup =
      config_.inner_lr_warmup * static_cast<double>(config_.num_steps());
  if (static_cast<double>(step) < warmup) {
    const double share = static_cast<double>(step) / warmup;
    model.ttt_base_lr = config_.inner_lr_start +
                        (model.ttt_base_lr - config_.inner_lr_start) * share;
  }
  return model;
}

double Trainer::SequenceGradient(int64_t sequence, float* gradient) const {
  const ModelConfig model = StepModel(step());
  const uint16_t* tokens = tokens_.ids.data() + starts_[sequence];
  at::Tensor window = at::empty({config_.context + 1}, at::kLong);
  std::copy(tokens, tokens + config_.context + 1,
            window.mutable_data_ptr<int64_t>());
  std::unique_ptr<ops::Ops> ops;
  if (options_.fused) {
    ops = std::make_unique<FusedOps>(model);
  } else {
    ops = std::make_unique<ops::ReferenceOps>(model);
  }
  const LanguageModelWeights weights = BindWeights(model, parameters_.leaves());
  SequenceState state = FreshState(model, 1, at::TensorOptions(at::kFloat));
  const at::Tensor hidden = ForwardHidden(
      model, weights, *ops, Profile::Parse(config_.profile, model.num_layers),
      state, window.narrow(0, 0, config_.context).unsqueeze(0));
  const auto [rows, targets] = Scored(
      starts_[sequence], hidden.view({config_.context, model.hidden_size}),
      window.narrow(0, 1, config_.context));
  const at::Tensor loss =
      ops->TokenLoss(rows, weights.embedding, targets).mean();
  std::vector<at::Tensor> inputs;
  for (const ParameterSlot& slot : parameters_.slots())
    inputs.push_back(parameters_.leaves().at(slot.name));
  const std::vector<at::Tensor> gradients =
      torch::autograd::grad({loss}, inputs, {}, /*retain_graph=*/false,
                            /*create_graph=*/false, /*allow_unused=*/true);
  for (size_t i = 0; i < gradients.size(); ++i) {
    const ParameterSlot& slot = parameters_.slots()[i];
    float* to = gradient + slot.begin;
    if (!gradients[i].defined()) {
      std::fill(to, to + slot.count, 0.0f);
    } else {
      std::memcpy(to, gradients[i].contiguous().const_data_ptr<float>(),
                  slot.count * sizeof(float));
    }
  }
  return loss.item<double>();
}

StepRecord Trainer::Step() {
  const int64_t step = this->step(), batch = config_.batch;
  starts_.resize(batch);
  for (int64_t s = 0; s < batch; ++s) starts_[s] = WindowOf(step * batch + s);
  std::vector<double> losses(batch), squares(parameters_.slots().size(), 0.0);
  std::atomic<int64_t> next{0};
  workers_->Run([&](int) {
    for (int64_t s = next++; s < batch; s = next++)
      losses[s] = SequenceGradient(s, gradients_[s].data());
  });
  const Kernels& kernels = SelectKernels();
  const auto& slots = parameters_.slots();
  std::atomic<size_t> next_slot{0};
  workers_->Run([&](int) {  // the batch's mean gradient, into gradients_[0]
    for (size_t i = next_slot++; i < slots.size(); i = next_slot++) {
      float* sum = gradients_[0].data() + slots[i].begin;
      for (int64_t s = 1; s < batch; ++s) {
        const float* more = gradients_[s].data() + slots[i].begin;
        for (int64_t j = 0; j < slots[i].count; ++j) sum[j] += more[j];
      }
      squares[i] = kernels.sum_of_squares(sum, slots[i].count);
    }
  });
  StepRecord record;
  record.loss = std::accumulate(losses.begin(), losses.end(), 0.0) /
                static_cast<double>(batch);
  record.gradient_norm =
      std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0)) /
      static_cast<double>(batch);
  if (!std::isfinite(record.loss) || !std::isfinite(record.gradient_norm)) {
    throw InvalidError(
        "training: loss " + std::to_string(record.loss) +
        " and gradient norm " + std::to_string(record.gradient_norm) +
        " at step " + std::to_string(step) +
        ": lower 'lr' or raise 'warmup_tokens', then start again");
  }
  const double clip = record.gradient_norm > config_.clip
                          ? config_.clip / record.gradient_norm
                          : 1.0;
  const double lr = LearningRate(step), t = static_cast<double>(step + 1);
  next_slot = 0;
  workers_->Run([&](int) {
    for (size_t i = next_slot++; i < slots.size(); i = next_slot++) {
      const int64_t at = slots[i].begin;
      kernels.adamw(
          parameters_.data() + at, first_moment_.data() + at,
          second_moment_.data() + at, gradients_[0].data() + at, slots[i].count,
          static_cast<float>(clip / static_cast<double>(batch)),
          static_cast<float>(lr),
          slots[i].decays() ? static_cast<float>(config_.weight_decay) : 0.0f,
          static_cast<float>(config_.beta1), static_cast<float>(config_.beta2),
          static_cast<float>(1.0 - std::pow(config_.beta1, t)),
          static_cast<float>(1.0 - std::pow(config_.beta2, t)), kAdamEps);
    }
  });
  history_.push_back(record);
  return record;
}

bool Trainer::Run() {
  const int64_t num_steps = config_.num_steps();
  started_ = reported_ = Now();
  started_step_ = reported_step_ = step();
  while (step() < num_steps) {
    Step();
    if (Now() - reported_ >= options_.progress_seconds || step() == num_steps ||
        step() == started_step_ + 1) {
      Report(history_.back().loss);
    }
    interrupted_by_ = TakeInterrupt();
    const bool stop =
        interrupted_by_ != 0 || step() == options_.stop_after_steps;
    const bool save =
        stop || step() % config_.checkpoint_steps == 0 || step() == num_steps;
    if (save && !options_.checkpoint.empty())
      SaveProgress(stop || step() == num_steps);
    if (stop && step() < num_steps) return false;
  }
  return true;
}

void Trainer::Report(double loss) {
  if (!options_.progress) return;
  const double now = Now(),
               tokens = static_cast<double>(config_.tokens_per_step());
  const double recent = static_cast<double>(step() - reported_step_) * tokens /
                        std::max(1e-9, now - reported_);
  const double overall = static_cast<double>(step() - started_step_) * tokens /
                         std::max(1e-9, now - started_);
  const double left =
      static_cast<double>(config_.num_steps() - step()) * tokens / overall;
  double mean = 0;
  const int64_t window = std::min<int64_t>(20, step());
  for (int64_t i = step() - window; i < step(); ++i)
    mean += history_[i].loss / static_cast<double>(window);
  options_.progress(
      Format("step %ld/%ld  loss %.4f (mean of last %ld: %.4f)  gradient %.2f  "
             "%.0f tokens/s  left %s",
             step(), config_.num_steps(), loss, window, mean,
             history_.back().gradient_norm, recent, Duration(left).c_str()));
  reported_ = now;
  reported_step_ = step();
}

// Of everything that Resume reads: a changed bit would train another model.
std::string Seal(const TensorMap& tensors,
                 const std::map<std::string, std::string>& metadata) {
  Sha256 hash;
  for (const auto& [key, value] : metadata)
    if (key != kSealKey)
      hash.Update(key + " " + std::to_string(value.size()) + " " + value);
  for (const auto& [name, tensor] : tensors) {
    hash.Update(name + " " + DTypeName(tensor.dtype));
    for (const int64_t size : tensor.shape)
      hash.Update(" " + std::to_string(size));
    hash.Update(std::span<const std::byte>(tensor.bytes));
  }
  return hash.HexDigest();
}

// A disk that is full now may have room at the next checkpoint; the last one
// must be written.
void Trainer::SaveProgress(bool last) const {
  try {
    WriteCheckpoint();
  } catch (const Error& error) {
    if (last) throw;
    if (options_.progress)
      options_.progress(std::string("checkpoint not written: ") + error.what());
  }
}

void Trainer::WriteCheckpoint() const {
  const auto flat = [&](const float* values) {
    return HostTensor::FromF32(
        {parameters_.count()},
        std::vector<float>(values, values + parameters_.count()));
  };
  std::vector<double> history;
  for (const StepRecord& record : history_)
    history.insert(history.end(), {record.loss, record.gradient_norm});
  const TensorMap tensors = {
      {"values", flat(parameters_.data())},
      {"first_moment", flat(first_moment_.data())},
      {"second_moment", flat(second_moment_.data())},
      {"history", HostTensor::FromF64({step(), 2}, history)}};
  const double seconds =
      seconds_before_ + (started_ > 0 ? Now() - started_ : 0);
  std::map<std::string, std::string> metadata = {
      {"format", kCheckpointFormat},
      {"step", std::to_string(step())},
      {"seconds", std::to_string(seconds)},
      {"config", TrainConfigToJson(config_).dump()},
      {"data_sha256", HashOfData(tokens_)}};
  metadata[kSealKey] = Seal(tensors, metadata);
  MakeParentFolder(options_.checkpoint);
  WriteSafetensors(options_.checkpoint, tensors, metadata);
}

void Trainer::Resume() {
  const SafetensorsFile file(options_.checkpoint);
  const std::string path = options_.checkpoint.string();
  const auto get = [&](const std::string& key) {
    const auto found = file.metadata().find(key);
    if (found == file.metadata().end())
      throw InvalidError(path + ": no '" + key +
                         "' in its metadata: not a checkpoint");
    return found->second;
  };
  if (get("format") != kCheckpointFormat)
    throw InvalidError(path + ": format '" + get("format") + "', expected " +
                       kCheckpointFormat);
  TensorMap tensors;
  for (const auto& [name, info] : file.tensors())
    tensors[name] = file.Read(name);
  if (const std::string seal = Seal(tensors, file.metadata());
      seal != get(kSealKey))
    throw InvalidError(path + ": damaged: its content has the SHA-256 " + seal +
                       ", it says " + get(kSealKey) +
                       "; train anew, or take a copy of it");
  if (WhatIsComputed(
          ParseJson(get("config"), path + ": metadata \"config\"")) !=
      WhatIsComputed(TrainConfigToJson(config_))) {
    throw UsageError(path +
                     ": was written under another config; resume with that "
                     "config, or delete the checkpoint");
  }
  if (get("data_sha256") != HashOfData(tokens_)) {
    throw UsageError(path +
                     ": was written with other training tokens; fetch the same "
                     "sources, or delete the checkpoint");
  }
  const auto read = [&](const std::string& name, float* to) {
    const HostTensor tensor = file.Read(name);
    if (tensor.dtype != DType::kF32 ||
        tensor.NumElements() != parameters_.count()) {
      throw InvalidError(path + ": '" + name + "' has " +
                         std::to_string(tensor.NumElements()) +
                         " elements of " + DTypeName(tensor.dtype) +
                         ", expected " + std::to_string(parameters_.count()) +
                         " of F32");
    }
    if (FirstNonFinite(tensor) >= 0)
      throw InvalidError(path + ": '" + name +
                         "' holds NaN or infinity at element " +
                         std::to_string(FirstNonFinite(tensor)));
    std::copy_n(tensor.As<float>(), parameters_.count(), to);
  };
  read("values", parameters_.data());
  read("first_moment", first_moment_.data());
  read("second_moment", second_moment_.data());
  const HostTensor history = file.Read("history");
  if (history.dtype != DType::kF64 || history.shape.size() != 2 ||
      history.shape[1] != 2 ||
      std::to_string(history.shape[0]) != get("step")) {
    throw InvalidError(path + ": 'history' does not have one row for each of " +
                       get("step") + " steps");
  }
  history_.clear();
  for (int64_t i = 0; i < history.shape[0]; ++i) {
    history_.push_back(
        {history.As<double>()[2 * i], history.As<double>()[2 * i + 1]});
  }
  seconds_before_ = std::strtod(get("seconds").c_str(), nullptr);
}

void Trainer::Save(const std::filesystem::path& model_file) const {
  MakeParentFolder(model_file);
  const double seconds =
      seconds_before_ + (started_ > 0 ? Now() - started_ : 0);
  const std::string data_sha256 = HashOfData(tokens_);
  std::map<std::string, std::string> metadata = {
      {"name", config_.name}, {"training_data_sha256", data_sha256}};
  if (const auto tokenizer = tokens_.hashes.find("tokenizer");
      tokenizer != tokens_.hashes.end()) {
    // Seen from where the config puts the model: models share a tokenizer.
    metadata["tokenizer_file"] =
        config_.tokenizer == "bytes"
            ? config_.tokenizer
            : std::filesystem::path(config_.tokenizer)
                  .lexically_relative(
                      std::filesystem::path(config_.output).parent_path())
                  .generic_string();
    metadata["tokenizer_sha256"] = tokenizer->second;
  }
  metadata["trained_profile"] = config_.profile;
  metadata["training_seed"] = std::to_string(config_.seed);
  if (!config_.initial_model.empty())
    metadata["initial_model_sha256"] = config_.initial_model_sha256;
  if (!config_.task.name.empty())
    metadata["task"] = TrainConfigToJson(config_)["task"].dump();
  SaveModelFile(model_file, config_.model, parameters_.ToHost(DType::kBF16),
                metadata);
  nlohmann::json log = {{"config", TrainConfigToJson(config_)},
                        {"command", options_.command},
                        {"model_sha256", Sha256OfFile(model_file)},
                        {"training_data_sha256", data_sha256},
                        {"data", tokens_.hashes},
                        {"data_tokens", tokens_.ids.size()},
                        {"data_windows", tokens_.windows.size()},
                        {"steps", step()},
                        {"tokens", step() * config_.tokens_per_step()},
                        {"seconds", std::round(seconds)},
                        {"threads", workers_->size()},
                        {"cpu_class", SelectKernels().name},
                        {"parameters", NumParameters(config_.model)}};
  for (const StepRecord& record : history_) {
    log["loss"].push_back(std::round(record.loss * 1e5) / 1e5);
    log["gradient_norm"].push_back(std::round(record.gradient_norm * 1e4) /
                                   1e4);
  }
  std::filesystem::path log_file = model_file;
  WriteFile(log_file.replace_extension(".train.json"), log.dump(1) + "\n");
}

}  // namespace plastometer::train
