#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors.h"
#include "model/weights/import.h"
#include "model/weights/model_file.h"
#include "model/weights/names.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

nlohmann::json TorchConfig(const ModelConfig& c, const std::string& dtype) {
  const bool mamba = c.backbone == Backbone::kMamba;
  return {{"architectures", {"TTTForCausalLM"}},
          {"model_type", "ttt"},
          {"torch_dtype", dtype},
          {"vocab_size", c.vocab_size},
          {"hidden_size", c.hidden_size},
          {"intermediate_size", c.intermediate_size},
          {"num_hidden_layers", c.num_layers},
          {"num_attention_heads", c.num_heads},
          {"hidden_act", "silu"},
          {"max_position_embeddings", c.context_tokens},
          {"initializer_range", c.initializer_range},
          {"rms_norm_eps", c.rms_norm_eps},
          {"tie_word_embeddings", true},
          {"rope_theta", c.rope_theta},
          {"use_gate", mamba},
          {"share_qk", mamba},
          {"ttt_layer_type", ToString(c.inner_model)},
          {"ttt_base_lr", c.ttt_base_lr},
          {"mini_batch_size", c.mini_batch_size},
          {"pre_conv", mamba},
          {"conv_kernel", c.conv_width}};
}

std::string TorchDType(const std::set<DType>& dtypes) {
  if (dtypes.size() == 1) {
    switch (*dtypes.begin()) {
      case DType::kBF16:
        return "bfloat16";
      case DType::kF16:
        return "float16";
      case DType::kF64:
        return "float64";
      default:
        break;
    }
  }
  return "float32";
}

// Takes back on failure what it made: the folder, if it was not there before.
class OutputFolder {
 public:
  explicit OutputFolder(const fs::path& path) : path_(path) {
    std::error_code error;
    made_ = fs::create_directory(path, error);
    if (error) {
      throw InfrastructureError("cannot make folder " + path.string() + ": " +
                                error.message());
    }
  }
  ~OutputFolder() {
    std::error_code ignored;
    if (made_ && !kept_) fs::remove_all(path_, ignored);
  }
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  void Keep() { kept_ = true; }

 private:
  fs::path path_;
  bool made_ = false, kept_ = false;
};

struct Exported {
  std::string canonical;
  Transform transform;
};

}  // namespace

void ExportWeights(const fs::path& model, const fs::path& out_folder) {
  const SafetensorsFile file(model);
  const ModelConfig config = CheckModelHeader(file);
  std::map<std::string, TensorInfo> layout;
  std::map<std::string, Exported> exported;
  std::set<DType> dtypes;
  for (const auto& [name, info] : file.tensors()) {
    const std::optional<ForeignName> torch = CanonicalToTorch(name);
    if (!torch) throw InternalError("no PyTorch name for " + name);
    layout.emplace(
        torch->name,
        TensorInfo{info.dtype, TransformedShape(info.shape, torch->transform),
                   0, 0});
    exported.emplace(torch->name, Exported{name, torch->transform});
    dtypes.insert(info.dtype);
  }
  OutputFolder folder(out_folder);
  SafetensorsWriter weights(out_folder / "model.safetensors", layout,
                            {{"format", "pt"}});
  for (const auto& [torch_name, from] : exported) {
    const HostTensor tensor = ReadModelTensor(file, from.canonical);
    weights.Write(torch_name, Transformed(tensor, from.transform).bytes);
  }
  AtomicFile json(out_folder / "config.json");
  json.Write(TorchConfig(config, TorchDType(dtypes)).dump(1) + "\n");
  weights.Commit();
  json.Commit();
  folder.Keep();
}

}  // namespace plastometer
