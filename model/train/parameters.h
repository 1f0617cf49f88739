// All parameters of a model in one flat fp32 array, so that the optimizer, the
// clipping and a checkpoint are one loop each.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/host_tensor.h"
#include "model/config.h"
#include "model/weights/parameter_specs.h"

namespace plastometer::train {

struct ParameterSlot {
  std::string name;
  std::vector<int64_t> shape;
  int64_t begin = 0, count = 0;
  ParameterRole role = ParameterRole::kZero;
  // Projections, SwiGLU, embedding, W0.
  bool decays() const { return role == ParameterRole::kMatrix; }
};

class Parameters {
 public:
  explicit Parameters(const ModelConfig& config);

  // As the official code: normal of the config's initializer_range for
  // matrices, W0 and the rate's weights; convolutions lecun-normal (flax's
  // default), norms one and zero, everything else zero.
  void Initialize(const ModelConfig& config, uint64_t seed);
  // From tensors of any floating dtype by canonical name.
  void Assign(const TensorMap& tensors);
  TensorMap ToHost(DType dtype) const;

  const std::vector<ParameterSlot>& slots() const { return slots_; }
  int64_t count() const { return count_; }
  float* data() { return values_.mutable_data_ptr<float>(); }
  const float* data() const { return values_.const_data_ptr<float>(); }
  // Differentiable leaves by canonical name that share the flat array's memory.
  const std::map<std::string, at::Tensor>& leaves() const { return leaves_; }

 private:
  std::vector<ParameterSlot> slots_;
  int64_t count_ = 0;
  at::Tensor values_;
  std::map<std::string, at::Tensor> leaves_;
};

}  // namespace plastometer::train
