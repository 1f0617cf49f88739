#include "tests/harness/cli/program.h"

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "model/weights/model_file.h"
#include "model/weights/parameter_specs.h"
#include "tests/paths.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;

ModelConfig TinyConfig() {
  ModelConfig config;
  config.vocab_size = 256;
  config.hidden_size = 32;
  config.intermediate_size = 48;
  config.num_layers = 4;
  config.num_heads = 2;
  config.context_tokens = 64;
  return config;
}

// Plainer than tests/random_weights.h: no rate is clipped to 0, whose logarithm
// figure 3 could not show.
TensorMap PlainWeights(const ModelConfig& config) {
  std::mt19937 generator(7);
  std::normal_distribution<float> normal(0, 0.1F);
  TensorMap tensors;
  for (const ParameterSpec& spec : ParameterSpecs(config)) {
    int64_t n = 1;
    for (int64_t size : spec.shape) n *= size;
    std::vector<float> values(static_cast<size_t>(n), 1.0F);
    if (!spec.name.ends_with("scale"))
      std::generate(values.begin(), values.end(),
                    [&] { return normal(generator); });
    tensors[spec.name] = HostTensor::FromF32(spec.shape, values);
  }
  return tensors;
}

std::string SomeText() {
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += "Line " + std::to_string(i * i) +
            " of a text that the model has never read.\n";
  return text;
}

}  // namespace

Workshop::Workshop() {
  SaveModelFile(File("model.safetensors"), TinyConfig(),
                PlainWeights(TinyConfig()));
  WriteFile(File("text.txt"), SomeText());
  std::vector<int32_t> ids;
  for (int i = 0; i < 2 * 40; ++i) ids.push_back((i * 37) % 256);
  WriteSafetensors(File("ids.safetensors"),
                   {{"input_ids", HostTensor::FromI32({2, 40}, ids)}});
}

Outcome Workshop::Run(const std::string& arguments,
                      const std::string& before) const {
  const std::string out = (logs_.path() / "out").string(),
                    err = (logs_.path() / "err").string();
  const std::string command = "cd '" + folder_.path().string() + "' && ( " +
                              before + " '" + BuiltPath("plastometer") + "' " +
                              arguments + " ) >'" + out + "' 2>'" + err + "'";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          ReadFile(out), ReadFile(err)};
}

std::vector<std::string> Workshop::NewEntries() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    const std::string name = entry.path().filename().string();
    if (name != "model.safetensors" && name != "text.txt" &&
        name != "ids.safetensors")
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace plastometer
