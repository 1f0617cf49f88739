#include "model/statistics_arrays.h"

#include <algorithm>
#include <limits>
#include <set>

#include "model/mixers/spec.h"
#include "model/profile.h"
#include "model/tensor_io.h"

namespace plastometer {
namespace {

constexpr double kNotAvailable = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kJaxStatistics[] = {
    "ttt_loss_mse_init", "ttt_loss_mse_step_0", "ttt_loss_mse_step_1"};
constexpr const char* kSslTarget = "ssl_target";

// Every name of docs/statistics.md, collected or not: what a frozen layer did
// not do is NaN, not absent.
std::set<std::string> MiniBatchNames(const ModelConfig& config) {
  std::set<std::string> names = {"inner_loss", "state_distance"};
  for (const char* jax : kJaxStatistics) names.insert(jax);
  for (const std::string name :
       {"grad_norm", "update_norm", "relative_update", "state_norm"}) {
    names.insert(name);
    for (const FastWeightSpec& weight : FastWeightsOf(config))
      names.insert(name + "." + weight.name);
  }
  return names;
}

// mean_{b,h,d} (s_first - mean_t s)^2 with s = v - k before RoPE: s_first is
// the FIRST token of the mini-batch, whatever the published name says. Needs
// the layer's whole sequence; else NaN. -> [M]
at::Tensor SslTargetStatistic(const ops::StatisticsCollector& layer,
                              int64_t position, int64_t num_tokens, int64_t M,
                              const at::TensorOptions& options) {
  const auto found = layer.token().find(kSslTarget);
  at::Tensor result = at::full({M}, kNotAvailable, options);
  if (position != 0 || found == layer.token().end() || M == 0) return result;
  std::vector<at::Tensor> pieces;
  for (const auto& piece : found->second) pieces.push_back(piece.value);
  const at::Tensor s = at::cat(pieces, 2)
                           .to(at::kCPU, at::kDouble)
                           .contiguous();  // [B, H, T, d]
  if (s.size(2) != num_tokens) return result;
  const int64_t d = s.size(3), rows = s.size(0) * s.size(1);
  std::vector<double> sums(M, 0.0), mean(d);
  for (int64_t row = 0; row < rows; ++row) {
    const double* x = s.const_data_ptr<double>() + row * num_tokens * d;
    std::fill(mean.begin(), mean.end(), 0.0);
    for (int64_t i = 0; i < num_tokens * d; ++i) mean[i % d] += x[i];
    for (int64_t m = 0; m < M; ++m) {
      for (int64_t c = 0; c < d; ++c) {
        const double centered = x[m * kMiniBatchTokens * d + c] -
                                mean[c] / static_cast<double>(num_tokens);
        sums[m] += centered * centered;
      }
    }
  }
  for (double& sum : sums) sum /= static_cast<double>(rows * d);
  return at::tensor(sums, at::kDouble).to(options);
}

// Over sequences and heads, in order, in fp64: LibTorch's own order of a sum
// depends on the CPU. array [B, L, H, M] -> [L, M]
at::Tensor MeanOverSequencesAndHeads(const at::Tensor& array) {
  const at::Tensor wide = array.to(at::kCPU, at::kDouble);
  at::Tensor sum = at::zeros({array.size(1), array.size(3)}, at::kDouble);
  for (int64_t b = 0; b < array.size(0); ++b) {
    for (int64_t h = 0; h < array.size(2); ++h)
      sum += wide.select(0, b).select(1, h);
  }
  return (sum / static_cast<double>(array.size(0) * array.size(2)))
      .to(array.options());
}

}  // namespace

TensorMap StatisticsArrays(const ModelConfig& config,
                           const std::vector<ops::StatisticsCollector>& layers,
                           int64_t num_sequences, int64_t position,
                           int64_t num_tokens,
                           const at::TensorOptions& options) {
  const int64_t first_mini_batch = position / kMiniBatchTokens;
  const int64_t M =
      (position + num_tokens) / kMiniBatchTokens - first_mini_batch;
  const int64_t L = config.num_layers;
  TensorMap result;
  for (const std::string& name : MiniBatchNames(config)) {
    at::Tensor array = at::full({num_sequences, L, config.num_heads, M},
                                kNotAvailable, options);
    for (int64_t l = 0; l < L; ++l) {
      const auto found = layers[l].mini_batch().find(name);
      if (found == layers[l].mini_batch().end()) continue;
      for (const auto& piece : found->second)
        array.select(1, l)
            .narrow(2, piece.first - first_mini_batch, piece.value.size(2))
            .copy_(piece.value);
    }
    for (const char* jax : kJaxStatistics) {
      if (name == jax) array = MeanOverSequencesAndHeads(array);
    }
    result[name] = ToHostTensor(array);
  }
  for (const std::string name : {"token_grad_norm", "token_step", "gate"}) {
    at::Tensor array =
        at::full({num_sequences, L, config.num_heads, num_tokens},
                 kNotAvailable, options);
    for (int64_t l = 0; l < L; ++l) {
      const auto found = layers[l].token().find(name);
      if (found == layers[l].token().end()) continue;
      for (const auto& piece : found->second) {
        array.select(1, l)
            .narrow(2, piece.first - position, piece.value.size(2))
            .copy_(piece.value);
      }
    }
    result[name] = ToHostTensor(array);
  }
  std::vector<at::Tensor> ssl;
  for (const auto& layer : layers)
    ssl.push_back(SslTargetStatistic(layer, position, num_tokens, M, options));
  result["ssl_tgt_last_in_mini_batch_from_mean_mse"] =
      ToHostTensor(at::stack(ssl));
  return result;
}

}  // namespace plastometer
