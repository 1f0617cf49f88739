// The mean trained-text state of a model, where profiles with start=mean begin:
// a safetensors file beside the model's, fast weights under the canonical names
// of W0, fp32. `plastometer mean-state` writes it.
#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "base/host_tensor.h"
#include "model/config.h"

namespace plastometer {

inline constexpr char kMeanStateFile[] = "mean_state.safetensors";
inline constexpr char kMeanStateFormat[] = "plastometer-mean-state-1";

struct MeanState {
  TensorMap tensors;
  std::string sha256;                           // of the file
  std::map<std::string, std::string> metadata;  // model_sha256, ...
};

// The one beside `model_file`. Throws kUsage when there is none (says how to
// make it), kInvalid when it is of another model than `model_sha256` or
// damaged.
MeanState ReadMeanState(const std::filesystem::path& model_file,
                        const ModelConfig& config,
                        const std::string& model_sha256);

// Writes atomically. Throws kInvalid for values that are not finite, kInternal
// when the tensors do not fit the config.
void WriteMeanState(const std::filesystem::path& path,
                    const ModelConfig& config, const TensorMap& tensors,
                    std::map<std::string, std::string> metadata);

}  // namespace plastometer
