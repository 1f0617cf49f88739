// The second way of adapting: gradient steps on the next-token loss itself, at
// test time (dynamic evaluation: B. Krause et al., "Dynamic evaluation of
// neural sequence models", ICML 2018, with plain SGD). After each chunk of C
// tokens the SwiGLU matrices of the chosen layers take one step:
//   theta_l <- theta_l - rate lambda_l d(mean loss of the chunk)/d theta_l.
// Score first, then update: no token's loss sees a gradient that used it. The
// inner loop of the TTT layers runs as ever; the derivative goes through it and
// through all layers above, within the chunk. docs/end-to-end.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "base/end_to_end_cost.h"
#include "base/host_tensor.h"
#include "model/config.h"
#include "model/profile.h"

namespace plastometer {

struct EndToEndOptions {
  double rate = 0.01;
  int64_t chunk_tokens = 16;  // C, a multiple of 16
  // True: fast weights and convolution histories go on from chunk to chunk, as
  // constants. False: each chunk is read as a sequence of its own.
  bool carry = true;
};

struct EndToEndResult {
  std::vector<double> nll;  // [T - 1] nats; tokens 1..T-1
  EndToEndCost cost;
  // ||theta_end - theta_start||_F by layer; [L, 3]: w1, w3, w2. 0: not chosen.
  std::vector<double> weight_change;
  TensorMap final_weights;  // canonical names; when asked for
};

// What the backward pass and the update of one chunk of n tokens cost by
// formula (docs/end-to-end.md). `chosen`: one flag a layer.
struct EndToEndFlops {
  int64_t backward = 0, update = 0;
};
EndToEndFlops EndToEndFlopsOfChunk(const ModelConfig& config,
                                   const std::vector<bool>& chosen,
                                   int64_t num_tokens);

class EndToEndModel {
 public:
  // fp32, or the fp64 oracle. Reference arithmetic. Throws kInvalid.
  static EndToEndModel Load(const std::filesystem::path& file, bool fp64);
  static EndToEndModel FromTensors(const ModelConfig& config,
                                   const TensorMap& tensors, bool fp64);
  ~EndToEndModel();
  EndToEndModel(EndToEndModel&&) noexcept;

  const ModelConfig& config() const;
  // One sequence, from the trained weights. `profile` chooses layers and
  // scales the rate (its lambda at the chunk's first mini-batch); its controls
  // must be the plain ones. Throws kUsage (rate, chunk, controls), kInvalid
  // (ids; fewer than 2).
  EndToEndResult Adapt(std::span<const int32_t> ids, const Profile& profile,
                       const EndToEndOptions& options,
                       bool final_weights = false) const;

 private:
  struct Impl;
  explicit EndToEndModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace plastometer
