#include "model/adapt/sensitivity.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "model/adapt/differentiable_model.h"
#include "model/profile.h"
#include "model/train/fused_ops.h"

namespace plastometer {
namespace {

// Learned rates times lambda: [H, M] a layer, layers in the order of their
// calls.
class ScaledRates : public train::FusedOps {
 public:
  ScaledRates(const ModelConfig& config, std::vector<at::Tensor> lambdas,
              int64_t block_tokens)
      : FusedOps(config),
        lambdas_(std::move(lambdas)),
        block_tokens_(block_tokens) {}

 protected:
  at::Tensor DoInnerLearningRate(const at::Tensor& x, const ops::Matrix& weight,
                                 const at::Tensor& bias) override {
    const at::Tensor& lambda = lambdas_.at(next_layer_++);
    const at::Tensor by_token =
        lambda.repeat_interleave(block_tokens_, 1).narrow(1, 0, x.size(1));
    return FusedOps::DoInnerLearningRate(x, weight, bias) *
           by_token.t().unsqueeze(0);
  }

 private:
  const std::vector<at::Tensor> lambdas_;
  const int64_t block_tokens_;
  size_t next_layer_ = 0;
};

}  // namespace

double SensitivityResult::OfLayer(int64_t layer) const {
  double sum = 0;
  const int64_t n = num_heads * num_blocks;
  for (int64_t i = layer * n; i < (layer + 1) * n; ++i)
    sum += gradient[static_cast<size_t>(i)];
  return sum;
}

struct SensitivityModel::Impl {
  DifferentiableModel model;
};

SensitivityModel::SensitivityModel(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
SensitivityModel::~SensitivityModel() = default;
SensitivityModel::SensitivityModel(SensitivityModel&&) noexcept = default;

SensitivityModel SensitivityModel::Load(const std::filesystem::path& file,
                                        bool fp64) {
  return SensitivityModel(
      std::make_unique<Impl>(Impl{LoadDifferentiable(file, fp64)}));
}

SensitivityModel SensitivityModel::FromTensors(const ModelConfig& config,
                                               const TensorMap& tensors,
                                               bool fp64) {
  return SensitivityModel(
      std::make_unique<Impl>(Impl{MakeDifferentiable(config, tensors, fp64)}));
}

const ModelConfig& SensitivityModel::config() const {
  return impl_->model.config;
}

SensitivityResult SensitivityModel::Measure(
    std::span<const int32_t> ids, const std::vector<double>& lambdas,
    int64_t block_tokens, bool gradient,
    std::span<const uint8_t> scored) const {
  const DifferentiableModel& m = impl_->model;
  const int64_t L = m.config.num_layers, H = m.config.num_heads;
  const int64_t T = static_cast<int64_t>(ids.size()) - 1;  // tokens read
  if (T < 1)
    throw InvalidError("a sequence of " + std::to_string(ids.size()) +
                       " tokens; expected at least 2");
  if (static_cast<int64_t>(lambdas.size()) != L)
    throw UsageError(std::to_string(lambdas.size()) + " multipliers for " +
                     std::to_string(L) + " layers");
  if (!scored.empty() && scored.size() != ids.size())
    throw UsageError(std::to_string(scored.size()) + " marks for " +
                     std::to_string(ids.size()) + " tokens");
  if (block_tokens < 0 || block_tokens % kMiniBatchTokens != 0)
    throw UsageError("blocks of " + std::to_string(block_tokens) +
                     " tokens; expected a multiple of 16");
  const int64_t block = block_tokens > 0 ? std::min(block_tokens, T) : T;
  const int64_t M = (T + block - 1) / block;
  std::vector<at::Tensor> leaves;
  for (const double lambda : lambdas) {
    if (!(std::abs(lambda) <= kMaxScale))
      throw UsageError("a multiplier that is not finite, or above 1e9");
    leaves.push_back(at::full({H, M}, lambda, at::TensorOptions(m.dtype))
                         .requires_grad_(gradient));
  }
  const at::AutoGradMode mode(gradient);
  ScaledRates ops(m.config, leaves, block);
  SequenceState state = FreshState(m.config, 1, at::TensorOptions(m.dtype));
  const at::Tensor all = IdTensor(m.config, ids);
  const at::Tensor hidden =
      ForwardHidden(m.config, m.weights, ops, Profile::Parse("uniform", L),
                    state, all.narrow(1, 0, T));
  at::Tensor losses =
      ops.TokenLoss(hidden.reshape({T, m.config.hidden_size}),
                    m.weights.embedding, all[0].narrow(0, 1, T));
  if (!scored.empty()) {
    std::vector<int64_t> chosen;
    for (int64_t t = 1; t <= T; ++t)
      if (scored[static_cast<size_t>(t)] != 0) chosen.push_back(t - 1);
    losses = losses.index_select(0, at::tensor(chosen, at::kLong));
  }
  const at::Tensor loss = losses.sum();
  SensitivityResult result{loss.item<double>(), {}, L, H, M};
  if (!gradient) return result;
  for (const at::Tensor& g : torch::autograd::grad({loss}, leaves)) {
    const at::Tensor values = g.to(at::kDouble).contiguous();
    const double* at_value = values.const_data_ptr<double>();
    result.gradient.insert(result.gradient.end(), at_value,
                           at_value + values.numel());
  }
  return result;
}

}  // namespace plastometer
