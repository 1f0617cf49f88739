#include <nlohmann/json.hpp>

#include "model/weights/infer.h"
#include "model/weights/model_file.h"
#include "model/weights/parameter_specs.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  const auto path =
      fuzz::WriteInput("model.safetensors", fuzz::View(data, size));
  fuzz::Try([&] {
    const ModelFile model = LoadModelFile(path);
    fuzz::Require(ParameterSpecs(model.config).size() == model.tensors.size(),
                  "every parameter is there");
  });
  // As somebody else's weights: what do the shapes say?
  fuzz::Try([&] {
    const auto source = OpenTorchWeights(path);
    const ModelConfig config =
        ResolveConfig(*source, "input", std::nullopt, "no config");
    CheckParameters(*source, "input", config);
    for (const auto& [name, tensor] : source->tensors()) {
      fuzz::Require(source->Read(name).shape == tensor.shape,
                    "a tensor has the shape that was said");
    }
  });
  return 0;
}
