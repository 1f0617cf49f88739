// Our model file: safetensors with canonical names, the config and the origin
// in its metadata.
#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "base/host_tensor.h"
#include "base/safetensors.h"
#include "model/config.h"

namespace plastometer {

inline constexpr char kModelFormat[] = "plastometer-model-1";

struct ModelFile {
  ModelConfig config;
  std::string sha256;  // of the whole file: the identity of the model
  std::map<std::string, std::string> metadata;
  TensorMap tensors;
};

// Checks every parameter: present, right shape, floating dtype, finite; and
// that there is nothing else. Throws kInvalid.
ModelFile LoadModelFile(const std::filesystem::path& path);

// Writes atomically; `metadata` is kept beside "format" and "config". Throws
// kInternal when the tensors do not fit the config.
void SaveModelFile(const std::filesystem::path& path, const ModelConfig& config,
                   const TensorMap& tensors,
                   const std::map<std::string, std::string>& metadata = {});

// The config of an open model file, after names, shapes and dtypes were checked
// against it (not the values). Throws kInvalid.
ModelConfig CheckModelHeader(const SafetensorsFile& file);
// One tensor, checked for finite values. Throws kInvalid.
HostTensor ReadModelTensor(const SafetensorsFile& file,
                           const std::string& name);

// The metadata with which a model file begins.
std::map<std::string, std::string> ModelMetadata(
    const ModelConfig& config, std::map<std::string, std::string> metadata);

}  // namespace plastometer
