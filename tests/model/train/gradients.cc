#include "tests/model/train/gradients.h"

#include <torch/csrc/autograd/autograd.h>

#include "model/tensor_io.h"

namespace plastometer {

LossAndGradients Gradients(const ModelConfig& config, const TensorMap& weights,
                           at::ScalarType dtype, ops::Ops& ops,
                           const std::string& profile,
                           const std::vector<int32_t>& ids, int64_t batch) {
  NamedTensors leaves;
  for (const auto& [name, tensor] : weights)
    leaves[name] = ToTorch(tensor).to(dtype).set_requires_grad(true);
  const auto T = static_cast<int64_t>(ids.size()) / batch;
  const at::Tensor tokens =
      at::tensor(ids, at::kInt).to(at::kLong).view({batch, T});
  const LanguageModelWeights bound = BindWeights(config, leaves);
  SequenceState state = FreshState(config, batch, at::TensorOptions(dtype));
  const at::Tensor hidden = ForwardHidden(
      config, bound, ops, Profile::Parse(profile, config.num_layers), state,
      tokens.narrow(1, 0, T - 1).contiguous());
  const at::Tensor loss =
      ops.TokenLoss(hidden.reshape({-1, config.hidden_size}), bound.embedding,
                    tokens.narrow(1, 1, T - 1).reshape({-1}))
          .mean();
  std::vector<at::Tensor> inputs;
  for (const auto& [name, leaf] : leaves) inputs.push_back(leaf);
  const std::vector<at::Tensor> gradients = torch::autograd::grad(
      {loss}, inputs, {}, false, false, /*allow_unused=*/true);
  LossAndGradients result{loss.item<double>(), {}};
  size_t i = 0;
  for (const auto& [name, leaf] : leaves)
    result.gradients[name] = gradients[i++];
  return result;
}

double RelativeError(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor wide = b.to(at::kDouble);
  return (a.to(at::kDouble) - wide).norm().item<double>() /
         (wide.norm().item<double>() + 1e-12);
}

}  // namespace plastometer
