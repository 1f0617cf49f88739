#include "model/weights/model_file.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "model/weights/parameter_specs.h"

namespace plastometer {
namespace {

// "" when dtype and shape are as specified, else what is wrong.
std::string Complaint(DType dtype, const std::vector<int64_t>& shape,
                      const ParameterSpec& spec) {
  if (shape != spec.shape) {
    return "shape " + ShapeText(shape) + ", expected " + ShapeText(spec.shape);
  }
  if (!IsFloating(dtype)) {
    return "dtype " + DTypeName(dtype) + ", expected a floating dtype";
  }
  return "";
}

// Walks `tensors` (name -> anything with dtype and shape) against the config;
// "" when all fits.
template <typename Map>
std::string FirstComplaint(const ModelConfig& config, const Map& tensors) {
  const std::vector<ParameterSpec> specs = ParameterSpecs(config);
  std::map<std::string, bool> known;
  for (const ParameterSpec& spec : specs) {
    known.emplace(spec.name, true);
    const auto found = tensors.find(spec.name);
    if (found == tensors.end()) {
      return "tensor \"" + spec.name + "\" is missing, expected " +
             ShapeText(spec.shape);
    }
    const std::string complaint =
        Complaint(found->second.dtype, found->second.shape, spec);
    if (!complaint.empty()) {
      return "tensor \"" + spec.name + "\": " + complaint;
    }
  }
  for (const auto& [name, tensor] : tensors) {
    if (known.count(name) == 0) {
      return "unexpected tensor \"" + name + "\" " + ShapeText(tensor.shape);
    }
  }
  return "";
}

}  // namespace

ModelConfig CheckModelHeader(const SafetensorsFile& file) {
  const std::string path = file.path().string();
  const auto& metadata = file.metadata();
  const auto format = metadata.find("format");
  if (format == metadata.end() || format->second != kModelFormat ||
      metadata.count("config") == 0) {
    throw InvalidError(
        path + ": not a model file: metadata \"format\" is " +
        (format == metadata.end() ? "absent" : "\"" + format->second + "\"") +
        ", expected \"" + kModelFormat +
        "\" and a \"config\"; convert foreign "
        "weights with `plastometer import`");
  }
  const std::string source = path + ": metadata \"config\"";
  const ModelConfig config =
      ConfigFromJson(ParseJson(metadata.at("config"), source), source);
  const std::string complaint = FirstComplaint(config, file.tensors());
  if (!complaint.empty()) throw InvalidError(path + ": " + complaint);
  return config;
}

HostTensor ReadModelTensor(const SafetensorsFile& file,
                           const std::string& name) {
  HostTensor tensor = file.Read(name);
  file.Release();
  if (const int64_t bad = FirstNonFinite(tensor); bad >= 0) {
    const uint64_t at = file.tensors().at(name).begin +
                        static_cast<uint64_t>(bad * DTypeBytes(tensor.dtype));
    throw InvalidError(file.path().string() + ": tensor \"" + name +
                       "\": element " + std::to_string(bad) + " at byte " +
                       std::to_string(at) +
                       " is NaN or infinite, expected finite weights");
  }
  return tensor;
}

ModelFile LoadModelFile(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  ModelFile model;
  model.config = CheckModelHeader(file);
  model.metadata = file.metadata();
  for (const auto& [name, info] : file.tensors()) {
    model.tensors.emplace(name, ReadModelTensor(file, name));
  }
  model.sha256 = Sha256OfFile(path);
  return model;
}

std::map<std::string, std::string> ModelMetadata(
    const ModelConfig& config, std::map<std::string, std::string> metadata) {
  metadata["format"] = kModelFormat;
  metadata["config"] = ConfigToJson(config).dump();
  return metadata;
}

void SaveModelFile(const std::filesystem::path& path, const ModelConfig& config,
                   const TensorMap& tensors,
                   const std::map<std::string, std::string>& metadata) {
  ValidateConfig(config, path.string());
  std::string complaint = FirstComplaint(config, tensors);
  for (const auto& [name, tensor] : tensors) {
    if (complaint.empty() && FirstNonFinite(tensor) >= 0) {
      complaint = "tensor \"" + name + "\" holds NaN or infinity";
    }
  }
  if (!complaint.empty()) {
    throw InternalError("cannot save " + path.string() + ": " + complaint);
  }
  WriteSafetensors(path, tensors, ModelMetadata(config, metadata));
}

}  // namespace plastometer
