// The training loop for the shipped models: sequences in parallel, one autograd
// graph a sequence, gradients summed in a fixed order. The result does not
// depend on the number of threads; it does on the CPU's instruction set and
// BLAS.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/train/parameters.h"
#include "model/train/train_config.h"

namespace plastometer::train {

// Token ids, and where windows of context + 1 tokens begin (the last one is
// only a target).
struct TrainingTokens {
  std::vector<uint16_t> ids;
  std::vector<int64_t> windows;
  // One a token: whether its loss is minimised. Empty: all are.
  std::vector<uint8_t> scored = {};
  // Of the data, for the record: name -> SHA-256.
  std::map<std::string, std::string> hashes = {};

  // Cuts ids [begin, end) into windows: one every `context` tokens; what is
  // left at the end is not used.
  void AddWindows(int64_t begin, int64_t end, int64_t context);
};

struct StepRecord {
  double loss = 0, gradient_norm = 0;
};

struct TrainOptions {
  // Written every checkpoint_steps and at the end of an interrupted run; empty:
  // never.
  std::filesystem::path checkpoint = {};
  int num_threads = 0;  // 0: all cores; at most `batch` are used
  bool fused = true;  // false: plain autograd through the reference arithmetic
  // For the training log, and what to say after an interruption.
  std::string command = {};
  // Gets one line now and then; empty: silent.
  std::function<void(const std::string& line)> progress = {};
  double progress_seconds = 10;
  // Tests: as if interrupted after so many steps in all.
  int64_t stop_after_steps = -1;
};

class Workers;

class Trainer {
 public:
  Trainer(TrainConfig config, TrainingTokens tokens, TrainOptions options);
  ~Trainer();

  // Goes on from these weights instead of random ones (by canonical name).
  // Throws kInvalid when they do not fit. Before Run; Resume overrides it.
  void StartFrom(const TensorMap& weights) { parameters_.Assign(weights); }
  // Continues from options.checkpoint. Throws kInvalid when it is damaged,
  // kUsage when config or data differ.
  void Resume();
  // Runs to the end, or until a signal is noted (base/interrupt.h): the step is
  // finished and a checkpoint written. True: finished.
  bool Run();
  int interrupted_by() const { return interrupted_by_; }  // the signal; 0: none

  int64_t step() const { return static_cast<int64_t>(history_.size()); }
  const std::vector<StepRecord>& history() const { return history_; }
  const Parameters& parameters() const { return parameters_; }
  Parameters& parameters() { return parameters_; }
  // Writes the model (bf16) and the training log beside it (MODEL.train.json).
  void Save(const std::filesystem::path& model_file) const;

  StepRecord Step();  // one optimizer step
  void WriteCheckpoint() const;

 private:
  int interrupted_by_ = 0;
  void SaveProgress(bool last) const;
  double SequenceGradient(int64_t sequence, float* gradient) const;
  int64_t WindowOf(int64_t index);
  void CheckScored() const;
  std::pair<at::Tensor, at::Tensor> Scored(int64_t start,
                                           const at::Tensor& hidden,
                                           const at::Tensor& targets) const;
  double LearningRate(int64_t step) const;
  ModelConfig StepModel(int64_t step) const;
  void Report(double loss);

  const TrainConfig config_;
  const TrainingTokens tokens_;
  const TrainOptions options_;
  Parameters parameters_;
  std::vector<float> first_moment_, second_moment_;
  std::vector<StepRecord> history_;
  std::vector<std::vector<float>> gradients_;  // one a sequence of the batch
  std::vector<int64_t> starts_;                // windows of this step
  std::vector<int64_t> order_;  // of the windows, in pass `pass_`
  int64_t pass_ = -1;
  double seconds_before_ = 0;  // of earlier runs that this one continues
  std::unique_ptr<Workers> workers_;
  double started_ = 0, reported_ = 0;
  int64_t started_step_ = 0, reported_step_ = 0;
};

}  // namespace plastometer::train
