// Loss and gradients of a whole model through any arithmetic.
#pragma once
#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

#include "base/host_tensor.h"
#include "model/layers/language_model.h"

namespace plastometer {

using NamedTensors = std::map<std::string, at::Tensor>;

struct LossAndGradients {
  double loss = 0;
  NamedTensors
      gradients;  // undefined where the loss does not depend on the parameter
};

// Mean next-token loss over B x (T - 1) targets; ids [B, T] row-major.
LossAndGradients Gradients(const ModelConfig& config, const TensorMap& weights,
                           at::ScalarType dtype, ops::Ops& ops,
                           const std::string& profile,
                           const std::vector<int32_t>& ids, int64_t batch);

// ||a - b|| / ||b||
double RelativeError(const at::Tensor& a, const at::Tensor& b);

}  // namespace plastometer
