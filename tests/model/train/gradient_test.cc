// The training kernels' gradients against plain autograd through the reference
// arithmetic in fp64.
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "model/train/fused_functions.h"
#include "model/train/fused_ops.h"
#include "tests/model/core/parity_data.h"
#include "tests/model/train/gradients.h"

namespace plastometer {
namespace {

// fp32 rounding through three layers; the worst seen is 1.3e-5, in the sums
// with most cancellation (rate's bias).
constexpr double kTolerance = 5e-5;

ModelConfig Config(int64_t hidden_size, int64_t num_heads, Backbone backbone) {
  ModelConfig config = SmallConfig(InnerModel::kLinear, backbone);
  config.hidden_size = hidden_size;
  config.num_heads = num_heads;
  return config;
}

struct Case {
  const char* profile;
  int64_t tokens, hidden_size, num_heads;
  Backbone backbone;
};

class GradientTest : public testing::TestWithParam<Case> {};

TEST_P(GradientTest, EqualsReferenceInFp64) {
  const Case& c = GetParam();
  const ModelConfig config = Config(c.hidden_size, c.num_heads, c.backbone);
  const TensorMap weights = RandomWeights(config, 7);
  const std::vector<int32_t> ids =
      RandomIds(2 * (c.tokens + 1), config.vocab_size, 8);
  train::FusedOps fused(config);
  ops::ReferenceOps reference(config);
  const LossAndGradients a =
      Gradients(config, weights, at::kFloat, fused, c.profile, ids, 2);
  const LossAndGradients b =
      Gradients(config, weights, at::kDouble, reference, c.profile, ids, 2);
  EXPECT_NEAR(a.loss, b.loss, 1e-5 * b.loss);
  for (const auto& [name, expected] : b.gradients) {
    const at::Tensor& got = a.gradients.at(name);
    if (!expected.defined()) {
      EXPECT_TRUE(!got.defined() || got.abs().max().item<double>() == 0)
          << name << " should have no gradient";
    } else {
      ASSERT_TRUE(got.defined()) << name;
      EXPECT_LT(RelativeError(got, expected), kTolerance) << name;
    }
  }
}

// Whole and ragged lengths, less than one mini-batch, all head widths,
// schedules that switch inside the sequence.
INSTANTIATE_TEST_SUITE_P(
    All, GradientTest,
    testing::Values(Case{"uniform", 64, 128, 2, Backbone::kMamba},
                    Case{"uniform", 53, 128, 2, Backbone::kMamba},
                    Case{"uniform", 7, 128, 2, Backbone::kMamba},
                    Case{"uniform", 1, 128, 2, Backbone::kMamba},
                    Case{"uniform", 48, 64, 2, Backbone::kMamba},
                    Case{"uniform", 48, 96, 1, Backbone::kMamba},
                    Case{"uniform", 37, 128, 2, Backbone::kTransformer},
                    Case{"frozen", 53, 128, 2, Backbone::kMamba},
                    Case{"retina", 64, 128, 2, Backbone::kMamba},
                    Case{"layers:1@0.5", 64, 128, 2, Backbone::kMamba},
                    Case{"uniform;until=32", 64, 128, 2, Backbone::kMamba},
                    Case{"uniform;every=2", 53, 128, 2, Backbone::kMamba},
                    Case{"uniform;until=32", 37, 64, 2, Backbone::kTransformer},
                    Case{"uniform;reset=32", 53, 128, 2, Backbone::kMamba},
                    Case{"retina;reset-every=16", 64, 128, 2,
                         Backbone::kMamba}),
    [](const testing::TestParamInfo<Case>& info) {
      std::string name = std::string(info.param.profile) + "_T" +
                         std::to_string(info.param.tokens) + "_D" +
                         std::to_string(info.param.hidden_size) + "_" +
                         ToString(info.param.backbone);
      for (char& c : name) {
        if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
      }
      return name;
    });

// Co-training under a profile: a frozen layer's values, keys and rates must
// stay as they are.
TEST(FrozenLayerTest, KeysValuesAndRatesGetNoGradient) {
  const ModelConfig config = Config(128, 2, Backbone::kMamba);
  train::FusedOps fused(config);
  const LossAndGradients g =
      Gradients(config, RandomWeights(config, 1), at::kFloat, fused, "layers:0",
                RandomIds(2 * 65, 61, 2), 2);
  const std::vector<std::string> key_side = {
      "wv/kernel", "conv_k/kernel", "conv_k/bias", "learnable_ttt_lr/kernel",
      "learnable_ttt_lr/bias"};
  const auto norm = [&](int layer, const std::string& name) {
    const at::Tensor& t = g.gradients.at("model/h/" + std::to_string(layer) +
                                         "/seq_modeling_block/" + name);
    return t.defined() ? t.norm().item<double>() : 0.0;
  };
  for (const std::string& name : key_side) {
    EXPECT_GT(norm(0, name), 0) << name;
    EXPECT_EQ(norm(1, name), 0) << name;
    EXPECT_EQ(norm(2, name), 0) << name;
  }
  EXPECT_GT(norm(2, "ttt_dense_0"), 0) << "a frozen layer still reads W0";
}

TEST(TokenLossTest, WeightsOtherThanAMean) {
  at::manual_seed(5);
  const at::Tensor targets = at::randint(300, {600}, at::kLong),
                   weights = at::rand({600}, at::kDouble);
  const at::Tensor h = at::randn({600, 48}, at::kDouble),
                   table = at::randn({300, 48}, at::kDouble);
  const auto gradients = [&](at::ScalarType dtype, bool fused) {
    const at::Tensor h2 = h.to(dtype).set_requires_grad(true),
                     table2 = table.to(dtype).set_requires_grad(true);
    const ModelConfig config = Config(128, 2, Backbone::kMamba);
    ops::ReferenceOps reference(config);
    const at::Tensor loss = fused ? train::FusedTokenLoss(h2, table2, targets)
                                  : reference.TokenLoss(h2, table2, targets);
    (loss * weights.to(dtype)).sum().backward();
    return std::vector<at::Tensor>{loss.detach(), h2.grad(), table2.grad()};
  };
  const auto a = gradients(at::kFloat, true), b = gradients(at::kDouble, false);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_LT(RelativeError(a[i], b[i]), 1e-5) << i;
}

TEST(SwiGluTest, SecondBackwardIsAnError) {
  const at::Tensor x = at::randn({4, 8}), w1 = at::randn({8, 16}),
                   w3 = at::randn({8, 16}), w2 = at::randn({16, 8});
  for (const at::Tensor& t : {x, w1, w3, w2}) t.set_requires_grad(true);
  const at::Tensor y = train::FusedSwiGlu(x, w1, w3, w2).sum();
  y.backward({}, /*retain_graph=*/true);
  EXPECT_ANY_THROW(y.backward());
}

// What the kernels do not take goes to the reference, to the bit.
TEST(FallbackTest, MlpAndFp64AreTheReference) {
  ModelConfig config = SmallConfig(InnerModel::kMlp, Backbone::kMamba);
  const TensorMap weights = RandomWeights(config, 3);
  const std::vector<int32_t> ids = RandomIds(2 * 40, config.vocab_size, 4);
  train::FusedOps fused(config);
  ops::ReferenceOps reference(config);
  const LossAndGradients a =
      Gradients(config, weights, at::kDouble, fused, "uniform", ids, 2);
  const LossAndGradients b =
      Gradients(config, weights, at::kDouble, reference, "uniform", ids, 2);
  EXPECT_EQ(a.loss, b.loss);
  const LossAndGradients c =
      Gradients(config, weights, at::kFloat, fused, "uniform", ids, 2);
  for (const auto& [name, gradient] : b.gradients)
    EXPECT_LT(RelativeError(c.gradients.at(name), gradient), kTolerance)
        << name;
}

// A run handed over at a mini-batch boundary, and the state that a ragged end
// leaves, continue as the reference does.
TEST(StateTest, ContinuesLikeTheReference) {
  const ModelConfig config = Config(128, 2, Backbone::kMamba);
  const TensorMap host = RandomWeights(config, 3);
  const c10::NoGradGuard no_grad;
  const auto run = [&](ops::Ops& ops) {
    NamedTensors tensors;
    for (const auto& [name, tensor] : host) {
      tensors[name] = at::tensor(ToDoubles(tensor), at::kDouble)
                          .to(at::kFloat)
                          .view(tensor.shape);
    }
    const LanguageModelWeights weights = BindWeights(config, tensors);
    SequenceState state = FreshState(config, 1, at::TensorOptions(at::kFloat));
    const at::Tensor ids =
        at::tensor(RandomIds(90, 61, 9), at::kInt).to(at::kLong).view({1, 90});
    std::vector<at::Tensor> hidden;
    int64_t at = 0;
    for (const int64_t n : {32, 21, 11, 26}) {
      hidden.push_back(ForwardHidden(config, weights, ops,
                                     Profile::Parse("uniform", 3), state,
                                     ids.narrow(1, at, n)));
      at += n;
    }
    return at::cat(hidden, 1);
  };
  train::FusedOps fused(config);
  ops::ReferenceOps reference(config);
  EXPECT_LT(RelativeError(run(fused), run(reference)), 1e-5);
}

}  // namespace
}  // namespace plastometer
