// A model file as plain tensors that autograd can go through.
#pragma once
#include <ATen/ATen.h>

#include <filesystem>
#include <string>

#include "base/host_tensor.h"
#include "model/layers/language_model.h"

namespace plastometer {

struct DifferentiableModel {
  ModelConfig config;
  LanguageModelWeights weights;  // none requires a gradient
  at::ScalarType dtype = at::kFloat;
  std::string sha256;  // of the file; empty when made from tensors
};

// `fp64`: everything in double, else in float. Throws kInvalid.
DifferentiableModel LoadDifferentiable(const std::filesystem::path& file,
                                       bool fp64);
DifferentiableModel MakeDifferentiable(const ModelConfig& config,
                                       const TensorMap& tensors, bool fp64);

// [1, T] int64. Throws kInvalid for an id outside the vocabulary.
at::Tensor IdTensor(const ModelConfig& config, std::span<const int32_t> ids);

}  // namespace plastometer
