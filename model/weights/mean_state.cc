#include "model/weights/mean_state.h"

#include "base/error.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "model/weights/model_file.h"
#include "model/weights/parameter_specs.h"

namespace plastometer {
namespace {

std::string Quoted(const std::map<std::string, std::string>& metadata,
                   const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "absent" : "\"" + found->second + "\"";
}

// "" when the tensors (name -> anything with dtype and shape) are the fast
// weights of the config, else what is wrong.
template <typename Map>
std::string Complaint(const ModelConfig& config, const Map& tensors) {
  const std::vector<ParameterSpec> specs = InitialFastWeights(config);
  for (const ParameterSpec& spec : specs) {
    const auto found = tensors.find(spec.name);
    if (found == tensors.end())
      return "tensor \"" + spec.name + "\" is missing";
    const auto& tensor = found->second;
    if (tensor.dtype != DType::kF32 || tensor.shape != spec.shape)
      return "tensor \"" + spec.name + "\" is " + DTypeName(tensor.dtype) +
             " " + ShapeText(tensor.shape) + ", expected F32 " +
             ShapeText(spec.shape);
  }
  if (tensors.size() != specs.size())
    return std::to_string(tensors.size()) + " tensors, expected " +
           std::to_string(specs.size());
  return "";
}

}  // namespace

MeanState ReadMeanState(const std::filesystem::path& model_file,
                        const ModelConfig& config,
                        const std::string& model_sha256) {
  const std::filesystem::path path = model_file.parent_path() / kMeanStateFile;
  const std::string how = "; make it with `plastometer mean-state --model " +
                          model_file.string() +
                          " --sources ...` (training text)";
  if (!std::filesystem::exists(path))
    throw UsageError("start=mean: there is no " + path.string() + how);
  const SafetensorsFile file(path);
  if (const std::string format = Quoted(file.metadata(), "format");
      format != "\"" + std::string(kMeanStateFormat) + "\"")
    throw InvalidError(path.string() + ": metadata \"format\" is " + format +
                       ", expected \"" + kMeanStateFormat + "\"");
  if (const std::string model = Quoted(file.metadata(), "model_sha256");
      model != "\"" + model_sha256 + "\"")
    throw InvalidError(path.string() + " belongs to a model with SHA-256 " +
                       model + ", not to " + model_file.string() + " (\"" +
                       model_sha256 + "\")" + how);
  if (const std::string complaint = Complaint(config, file.tensors());
      !complaint.empty())
    throw InvalidError(path.string() + ": " + complaint);
  MeanState state;
  for (const auto& [name, info] : file.tensors())
    state.tensors.emplace(name, ReadModelTensor(file, name));
  state.metadata = file.metadata();
  state.sha256 = Sha256OfFile(path);
  return state;
}

void WriteMeanState(const std::filesystem::path& path,
                    const ModelConfig& config, const TensorMap& tensors,
                    std::map<std::string, std::string> metadata) {
  if (const std::string complaint = Complaint(config, tensors);
      !complaint.empty())
    throw InternalError("cannot save " + path.string() + ": " + complaint);
  for (const auto& [name, tensor] : tensors) {
    if (FirstNonFinite(tensor) >= 0)
      throw InvalidError("the mean state is not finite (" + name +
                         "): the model diverges on this text");
  }
  metadata["format"] = kMeanStateFormat;
  WriteSafetensors(path, tensors, metadata);
}

}  // namespace plastometer
