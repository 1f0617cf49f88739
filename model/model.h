// The facade of model/: token ids in; losses, logits, statistics, state and
// exact counters out. No LibTorch in here. Letters: model/config.h.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/host_tensor.h"
#include "base/lane.h"
#include "model/config.h"
#include "model/cost/cost.h"
#include "model/profile.h"

namespace plastometer {

struct ParameterSpec;

struct ModelOptions {
  Lane lane = Lane::kCpuReference;
  int num_threads = 0;  // 0: all cores
};

enum class StatisticsMode {
  kOff,
  kOn,       // plastic mini-batches; a frozen one is NaN
  kVirtual,  // also the gradient that a frozen mini-batch would have had
};

struct ForwardOptions {
  bool logits = false;
  bool final_state = false;  // fast weights after the last full mini-batch
  StatisticsMode statistics = StatisticsMode::kOff;
  // Of every token's row in every layer, and of the state.
  bool digests = false;
  bool correct = false;  // whether the most probable token came
};

struct ForwardResult {
  int64_t num_sequences = 0;  // B
  int64_t num_tokens = 0;     // T of this call
  // [B, num_losses] nats, row-major. A fresh sequence scores tokens 1..T-1
  // (num_losses = T-1); a carried-on one scores all T.
  std::vector<double> nll;
  int64_t num_losses = 0;
  // Beside each loss when asked for: 1 if the token's logit was above all
  // others (the very logits that the loss is made of), else 0.
  std::vector<uint8_t> correct;
  TensorMap logits;  // "logits" [B, T, V] in the lane's dtype when asked for
  // Names and shapes of docs/statistics.md when asked for.
  TensorMap statistics;
  // "final_state.<layer>.<fast weight>" [B, H, ...] when asked for.
  TensorMap state;
  // First 4 bytes of SHA-256, when asked for. Rows of the residual stream [B,
  // T, L + 1]: entry 0 the embedding, l + 1 after block l. Fast weights after
  // the last full mini-batch [B, L, H].
  std::vector<uint32_t> row_digests, state_digests;
  Counters counters;  // of this call
};

// The state of B sequences that advance together; carried on at any token.
class Sequences {
 public:
  ~Sequences();
  Sequences(Sequences&&) noexcept;
  Sequences& operator=(Sequences&&) noexcept;
  int64_t num_sequences() const;
  int64_t position() const;  // tokens seen
  // An independent copy; restoring is continuing from a snapshot.
  Sequences Snapshot() const;
  TensorMap FastWeights() const;  // as ForwardResult::state

 private:
  friend class Model;
  struct Impl;
  explicit Sequences(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Const calls may run at the same time on different Sequences.
class Model {
 public:
  // Reads our own safetensors file, and the mean state beside it when there is
  // one. Throws kInvalid for a bad model file, kUsage for a lane that this
  // build or machine lacks; what is wrong with the mean state is thrown by
  // Start, when a profile asks for it.
  static Model Load(const std::filesystem::path& file,
                    const ModelOptions& options);
  // `weights` by canonical name, any floating dtype (widened to the lane's).
  static Model FromTensors(const ModelConfig& config, const TensorMap& weights,
                           const ModelOptions& options);
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  const ModelConfig& config() const;
  // Of the file; empty when made from tensors.
  const std::string& sha256() const;
  Lane lane() const;
  int num_threads() const;  // as resolved from ModelOptions

  // Fresh state: every sequence starts at W0, under start=mean at the mean
  // state. Throws kUsage (no mean state, other number of layers), kInvalid (a
  // mean state that is damaged or another model's).
  Sequences Start(int64_t num_sequences, const Profile& profile) const;
  // Token 0, empty convolution histories, but the fast weights that row `row`
  // of `source` carries: what a sequence has learned, put to other text. Throws
  // kUsage: no such row, other number of layers, a profile that goes back to
  // another start (start=mean, reset).
  Sequences StartFrom(const Sequences& source, int64_t row,
                      int64_t num_sequences, const Profile& profile) const;
  // ids: [B, T] row-major, T >= 1. Throws kInvalid for an id outside the
  // vocabulary (position and value).
  ForwardResult Forward(Sequences& sequences, std::span<const int32_t> ids,
                        const ForwardOptions& options) const;
  // Start + Forward on [B, T]. Losses alone on a CPU: the rows are shared among
  // the threads.
  ForwardResult Score(std::span<const int32_t> ids, int64_t num_sequences,
                      const Profile& profile,
                      const ForwardOptions& options = {}) const;

  // Changing token t must change nothing before t, and a row must not depend on
  // its neighbours: checked on `ids` (one window) to the bit. Throws kInternal
  // that names the first token whose loss moved.
  void CheckCausality(std::span<const int32_t> ids,
                      const Profile& profile) const;

 private:
  // `alone`: many of these run at once, one thread each.
  ForwardResult ForwardOn(Sequences& sequences, std::span<const int32_t> ids,
                          const ForwardOptions& options, bool alone) const;
  ForwardResult ScoreRowsInParallel(std::span<const int32_t> ids,
                                    int64_t num_sequences,
                                    const Profile& profile,
                                    const ForwardOptions& options) const;

  static Model Build(
      const ModelConfig& config, const ModelOptions& options,
      const std::function<HostTensor(const ParameterSpec&)>& read);

  struct Impl;
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace plastometer
