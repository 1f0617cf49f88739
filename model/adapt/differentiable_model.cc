#include "model/adapt/differentiable_model.h"

#include <map>

#include "base/error.h"
#include "model/tensor_io.h"
#include "model/weights/model_file.h"
#include "model/weights/parameter_specs.h"

namespace plastometer {

DifferentiableModel MakeDifferentiable(const ModelConfig& config,
                                       const TensorMap& tensors, bool fp64) {
  DifferentiableModel model;
  model.config = config;
  model.dtype = fp64 ? at::kDouble : at::kFloat;
  std::map<std::string, at::Tensor> plain;
  for (const ParameterSpec& spec : ParameterSpecs(config)) {
    const auto found = tensors.find(spec.name);
    if (found == tensors.end())
      throw InvalidError("parameter '" + spec.name + "' is missing");
    plain[spec.name] =
        ToTorch(found->second).to(model.dtype).reshape(spec.shape);
  }
  model.weights = BindWeights(config, plain);
  return model;
}

DifferentiableModel LoadDifferentiable(const std::filesystem::path& file,
                                       bool fp64) {
  const ModelFile read = LoadModelFile(file);
  DifferentiableModel model =
      MakeDifferentiable(read.config, read.tensors, fp64);
  model.sha256 = read.sha256;
  return model;
}

at::Tensor IdTensor(const ModelConfig& config, std::span<const int32_t> ids) {
  at::Tensor tensor =
      at::empty({1, static_cast<int64_t>(ids.size())}, at::kLong);
  int64_t* to = tensor.mutable_data_ptr<int64_t>();
  for (size_t t = 0; t < ids.size(); ++t) {
    if (ids[t] < 0 || ids[t] >= config.vocab_size)
      throw InvalidError("token " + std::to_string(t) + " is id " +
                         std::to_string(ids[t]) +
                         ", outside the model's vocabulary of " +
                         std::to_string(config.vocab_size));
    to[t] = ids[t];
  }
  return tensor;
}

}  // namespace plastometer
