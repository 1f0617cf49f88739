#include "model/adapt/sensitivity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "model/model.h"
#include "tests/model/core/parity_data.h"

namespace plastometer {
namespace {

std::vector<double> Filled(int64_t n, double value) {
  return std::vector<double>(static_cast<size_t>(n), value);
}

TEST(Sensitivity, EqualsCentralDifferencesInFp64) {
  double worst = 0;
  for (const Kind& kind : kKinds) {
    const ModelConfig config = SmallConfig(kind.inner_model, kind.backbone);
    const SensitivityModel model =
        SensitivityModel::FromTensors(config, RandomWeights(config, 5), true);
    const std::vector<int32_t> ids = RandomIds(70, config.vocab_size, 6);
    for (const double at : {0.5, 1.0, 0.25}) {
      const std::vector<double> lambdas = Filled(config.num_layers, at);
      const SensitivityResult exact = model.Measure(ids, lambdas, 32);
      double scale = 0;
      for (int64_t l = 0; l < config.num_layers; ++l)
        scale = std::max(scale, std::fabs(exact.OfLayer(l)));
      for (int64_t l = 0; l < config.num_layers; ++l) {
        // Richardson: two central differences, error of fourth order.
        const auto difference = [&](double h) {
          std::vector<double> up = lambdas, down = lambdas;
          up[l] += h;
          down[l] -= h;
          return (model.Measure(ids, up, 0, false).nll_sum -
                  model.Measure(ids, down, 0, false).nll_sum) /
                 (2 * h);
        };
        const double h = 2e-4;
        const double numeric = (4 * difference(h / 2) - difference(h)) / 3;
        const double error = std::fabs(numeric - exact.OfLayer(l)) / scale;
        worst = std::max(worst, error);
        EXPECT_LE(error, 1e-6) << "layer " << l << " at " << at;
      }
    }
  }
  std::printf("worst relative difference %.1e\n", worst);
}

TEST(Sensitivity, BlocksAndHeadsAddUp) {
  const ModelConfig config = SmallConfig(InnerModel::kLinear, Backbone::kMamba);
  const SensitivityModel model =
      SensitivityModel::FromTensors(config, RandomWeights(config, 5), true);
  const std::vector<int32_t> ids = RandomIds(70, config.vocab_size, 6);
  const std::vector<double> lambdas = Filled(config.num_layers, 0.5);
  const SensitivityResult blocks = model.Measure(ids, lambdas, 16),
                          whole = model.Measure(ids, lambdas);
  // A block longer than the text takes no more memory than the text.
  EXPECT_EQ(model.Measure(ids, lambdas, int64_t{1} << 44).gradient,
            whole.gradient);
  EXPECT_EQ(blocks.num_blocks, 5);
  EXPECT_EQ(whole.num_blocks, 1);
  EXPECT_EQ(blocks.gradient.size(),
            static_cast<size_t>(config.num_layers * config.num_heads * 5));
  for (int64_t l = 0; l < config.num_layers; ++l)
    EXPECT_NEAR(blocks.OfLayer(l), whole.OfLayer(l), 1e-9);
}

TEST(Sensitivity, OnlyScoredTokensCount) {
  const ModelConfig config = SmallConfig(InnerModel::kLinear, Backbone::kMamba);
  const SensitivityModel model =
      SensitivityModel::FromTensors(config, RandomWeights(config, 5), true);
  const std::vector<int32_t> ids = RandomIds(40, config.vocab_size, 6);
  const std::vector<double> lambdas = Filled(config.num_layers, 0.5);
  std::vector<uint8_t> odd(40), even(40);
  for (size_t t = 1; t < 40; ++t) (t % 2 == 1 ? odd : even)[t] = 1;
  const SensitivityResult all = model.Measure(ids, lambdas),
                          a = model.Measure(ids, lambdas, 0, true, odd),
                          b = model.Measure(ids, lambdas, 0, true, even);
  EXPECT_NEAR(a.nll_sum + b.nll_sum, all.nll_sum, 1e-9);
  for (int64_t l = 0; l < config.num_layers; ++l)
    EXPECT_NEAR(a.OfLayer(l) + b.OfLayer(l), all.OfLayer(l), 1e-9);
  EXPECT_THROW(
      model.Measure(ids, lambdas, 0, true, std::vector<uint8_t>(39, 1)), Error);
}

TEST(Sensitivity, LossIsTheModelsUnderTheSameMultipliers) {
  const ModelConfig config = SmallConfig(InnerModel::kLinear, Backbone::kMamba);
  const TensorMap weights = RandomWeights(config, 5);
  const Model model = Model::FromTensors(
      config, weights, {.lane = Lane::kCpuReferenceFp64, .num_threads = 1});
  const std::vector<int32_t> ids = RandomIds(70, config.vocab_size, 6);
  for (const auto& [name, lambda] :
       {std::pair{"uniform", 1.0}, std::pair{"uniform@0.5", 0.5},
        std::pair{"frozen", 0.0}}) {
    double sum = 0;
    for (const double nats :
         model.Score(ids, 1, Profile::Parse(name, config.num_layers)).nll)
      sum += nats;
    const SensitivityResult result =
        SensitivityModel::FromTensors(config, weights, true)
            .Measure(ids, Filled(config.num_layers, lambda));
    EXPECT_NEAR(result.nll_sum, sum, 1e-9) << name;
    // At 0 too there is a way up or down.
    EXPECT_NE(result.OfLayer(0), 0) << name;
  }
}

TEST(Sensitivity, TrainingKernelsAgree) {
  ModelConfig config = SmallConfig(InnerModel::kLinear, Backbone::kMamba);
  config.hidden_size = 128;
  config.num_heads = 2;
  const TensorMap weights = RandomWeights(config, 5);
  const std::vector<int32_t> ids = RandomIds(70, config.vocab_size, 6);
  const std::vector<double> lambdas = Filled(config.num_layers, 0.5);
  const SensitivityResult fp32 = SensitivityModel::FromTensors(config, weights,
                                                               false)
                                     .Measure(ids, lambdas, 32),
                          fp64 = SensitivityModel::FromTensors(config, weights,
                                                               true)
                                     .Measure(ids, lambdas, 32);
  double scale = 0;
  for (const double g : fp64.gradient) scale = std::max(scale, std::fabs(g));
  for (size_t i = 0; i < fp64.gradient.size(); ++i)
    EXPECT_NEAR(fp32.gradient[i], fp64.gradient[i], 1e-3 * scale);
}

TEST(Sensitivity, BadInputIsRefused) {
  const ModelConfig config = SmallConfig(InnerModel::kLinear, Backbone::kMamba);
  const SensitivityModel model =
      SensitivityModel::FromTensors(config, RandomWeights(config, 5), false);
  const std::vector<int32_t> ids = RandomIds(20, config.vocab_size, 6);
  EXPECT_THROW(model.Measure(ids, {1.0}), Error);
  EXPECT_THROW(model.Measure(ids, Filled(config.num_layers, 1), 20), Error);
  for (const double multiplier : {double{NAN}, double{INFINITY}, 1e308})
    EXPECT_THROW(model.Measure(ids, Filled(config.num_layers, multiplier)),
                 Error);
  EXPECT_THROW(
      model.Measure(std::span(ids).first(1), Filled(config.num_layers, 1)),
      Error);
}

}  // namespace
}  // namespace plastometer
