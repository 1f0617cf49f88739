// Gradients of every parameter against those of the official PyTorch
// implementation in double precision (sets d_*).
#include <gtest/gtest.h>

#include "base/files.h"
#include "model/tensor_io.h"
#include "model/train/fused_ops.h"
#include "model/weights/import.h"
#include "model/weights/model_file.h"
#include "tests/model/core/parity_data.h"
#include "tests/model/train/gradients.h"

namespace plastometer {
namespace {

// The set's gradients under canonical names: a gradient has the layout of its
// parameter, so the importer of weights maps it.
TensorMap ExpectedGradients(const ParitySet& set) {
  const TemporaryFolder folder;
  const std::string prefix = "grad.";
  TensorMap named;
  for (const auto& [name, info] : set.tensors.tensors()) {
    if (name.starts_with(prefix))
      named[name.substr(prefix.size())] = set.tensors.Read(name);
  }
  WriteSafetensors(folder.path() / "gradients.safetensors", named);
  WriteFile(folder.path() / "config.json", set.json.at("config").dump());
  ImportWeights({.from = "hf",
                 .source = folder.path() / "gradients.safetensors",
                 .config = folder.path() / "config.json",
                 .out = folder.path() / "out.safetensors"});
  return LoadModelFile(folder.path() / "out.safetensors").tensors;
}

class ParityGradientTest : public testing::Test {
 protected:
  static void Compare(const ParitySet& set, bool fused, at::ScalarType dtype,
                      double tolerance) {
    ModelConfig config;
    const TensorMap weights = ImportParityWeights(set, &config);
    ops::ReferenceOps reference(config);
    train::FusedOps kernels(config);
    ops::Ops& ops = fused ? static_cast<ops::Ops&>(kernels) : reference;
    const LossAndGradients got =
        Gradients(config, weights, dtype, ops, "uniform", Ids(set),
                  set.json.at("B").get<int64_t>());
    EXPECT_NEAR(got.loss, ToDoubles(set.tensors.Read("loss"))[0], tolerance)
        << set.name;
    const TensorMap expected = ExpectedGradients(set);
    ASSERT_EQ(expected.size(), got.gradients.size());
    for (const auto& [name, tensor] : expected) {
      EXPECT_LT(RelativeError(got.gradients.at(name), ToTorch(tensor)),
                tolerance)
          << set.name << " " << name;
    }
  }
};

TEST_F(ParityGradientTest, ReferenceInFp64) {
  for (const ParitySet& set : ParitySets("d_"))
    Compare(set, false, at::kDouble, 1e-9);
}

// The official fp32 run itself is up to 3.9e-6 away; the set allows ten times
// its worst parameter.
TEST_F(ParityGradientTest, TrainingKernelsInFp32) {
  for (const ParitySet& set : ParitySets("d_")) {
    Compare(set, true, at::kFloat,
            set.json.at("tolerance").at("fp32_rel_norm").get<double>());
  }
}

}  // namespace
}  // namespace plastometer
