// How the loss answers to plasticity: dL/dlambda for every layer, head and
// block of tokens, in one backward pass through the scan and through depth.
// lambda multiplies eta; it is varied here around given values, 0 among them
// (from the right: the whole path of a learning layer is computed).
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "base/host_tensor.h"
#include "model/config.h"

namespace plastometer {

struct SensitivityResult {
  double nll_sum = 0;  // nats over the scored tokens
  // d nll_sum / d lambda [L, H, M]: M blocks, the last one may be shorter.
  std::vector<double> gradient;
  int64_t num_layers = 0, num_heads = 0, num_blocks = 0;
  double OfLayer(int64_t layer) const;
};

class SensitivityModel {
 public:
  // fp32 (with the training kernels where they apply), or fp64: the reference.
  // Throws kInvalid.
  static SensitivityModel Load(const std::filesystem::path& file, bool fp64);
  static SensitivityModel FromTensors(const ModelConfig& config,
                                      const TensorMap& tensors, bool fp64);
  ~SensitivityModel();
  SensitivityModel(SensitivityModel&&) noexcept;

  const ModelConfig& config() const;
  // One sequence of T tokens. lambdas: [L], each finite. block_tokens: a
  // multiple of 16; 0: one block. `gradient` false: nll_sum alone. `scored`:
  // one a token, whether its loss counts; empty: all but the first's. Throws
  // kUsage, kInvalid.
  SensitivityResult Measure(std::span<const int32_t> ids,
                            const std::vector<double>& lambdas,
                            int64_t block_tokens = 0, bool gradient = true,
                            std::span<const uint8_t> scored = {}) const;

 private:
  struct Impl;
  explicit SensitivityModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace plastometer
