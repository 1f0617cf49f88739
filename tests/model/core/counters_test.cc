// Counters that the ops report equal the formulas of config and profile.
#include <gtest/gtest.h>

#include <random>

#include "model/cost/cost.h"
#include "tests/model/core/parity_data.h"

namespace plastometer {
namespace {

std::string RandomProfile(std::mt19937_64& random, int64_t num_layers) {
  const char* shapes[] = {"uniform",    "frozen",    "retina",
                          "cortex@2",   "early:50%", "late:1",
                          "random:1#7", "ramp:0->1", "layers:0@0.5"};
  std::string profile = shapes[random() % 9];
  if (random() % 3 == 0)
    profile += ";every=" + std::to_string(1 + random() % 3);
  if (random() % 3 == 0)
    profile += ";until=" + std::to_string(16 * (random() % 5));
  const char* controls[] = {"",          "",
                            ";eta=flip", ";eta=shuffle",
                            ";reset=32", ";reset-every=16;eta=shuffle"};
  profile += controls[random() % 6];
  return profile;
}

TEST(Counters, EqualFormulasOnRandomConfigsProfilesLengthsAndChunkings) {
  std::mt19937_64 random(11);
  for (int trial = 0; trial < 50; ++trial) {
    ModelConfig config =
        SmallConfig(random() % 2 ? InnerModel::kLinear : InnerModel::kMlp,
                    random() % 2 ? Backbone::kMamba : Backbone::kTransformer);
    config.num_heads = 1 + static_cast<int64_t>(random() % 3);
    config.hidden_size =
        config.num_heads * 2 * (1 + static_cast<int64_t>(random() % 8));
    config.intermediate_size = 4 + static_cast<int64_t>(random() % 40);
    config.num_layers = 1 + static_cast<int64_t>(random() % 4);
    const Model model =
        Model::FromTensors(config, RandomWeights(config, trial),
                           {.lane = Lane::kCpuReference, .num_threads = 1});
    const int64_t B = 1 + static_cast<int64_t>(random() % 3),
                  T = 1 + static_cast<int64_t>(random() % 90);
    const Profile profile = Profile::Parse(
        RandomProfile(random, config.num_layers), config.num_layers);
    SCOPED_TRACE("trial " + std::to_string(trial) + " " + profile.name() +
                 " B " + std::to_string(B) + " T " + std::to_string(T));
    Sequences sequences = model.Start(B, profile);
    Counters total;
    for (int64_t t = 0; t < T;) {
      const int64_t n =
          std::min<int64_t>(T - t, 1 + static_cast<int64_t>(random() % 40));
      total += model
                   .Forward(sequences,
                            RandomIds(B * n, config.vocab_size, random()), {})
                   .counters;
      t += n;
    }
    EXPECT_EQ(total, CountersByFormula(config, profile, B, T));
  }
}

TEST(Counters, ControlsCostNothingButTheGatesTheyKeep) {
  const ModelConfig config = SmallConfig(InnerModel::kLinear, Backbone::kMamba);
  const Counters plain = CountersByFormula(
      config, Profile::Parse("retina", config.num_layers), 2, 90);
  for (const char* control : {";eta=flip", ";eta=shuffle", ";reset=32",
                              ";reset-every=16", ";start=mean"}) {
    Counters with = CountersByFormula(
        config,
        Profile::Parse(std::string("retina") + control, config.num_layers), 2,
        90);
    // One plastic layer, 2 heads, 16 rates, fp32.
    if (std::string(control) == ";eta=shuffle")
      with.carry_bytes -= int64_t{2} * 16 * 4;
    EXPECT_EQ(with, plain) << control;
  }
}

// Absolute figures for TTT-MLP too: ops and formulas share one table, so their
// agreement alone would not show a wrong constant.
TEST(Counters, PublishedOneBillionMlpFigures) {
  const ModelConfig config = NamedConfig("1b-mlp");
  constexpr int64_t T = 2048;
  const auto flops = [&](const std::string& name) {
    return static_cast<double>(
        CountersByFormula(config, Profile::Parse(name, 24), 1, T).flops);
  };
  const double uniform = flops("uniform");
  EXPECT_NEAR(uniform / T / 1e6, 2767, 1);
  EXPECT_NEAR(100 * (1 - flops("retina") / uniform), 10.1, 0.05);
  EXPECT_NEAR(100 * (1 - flops("cortex") / uniform), 11.2, 0.05);
  EXPECT_NEAR(100 * (1 - flops("frozen") / uniform), 12.8, 0.05);
}

// The figures of the published 1.3B model: 2,590 MF a token, retina saves 6.78
// % of it and 79.2 % of the updates.
TEST(Counters, PublishedOneBillionFigures) {
  const ModelConfig config = NamedConfig("1b");
  constexpr int64_t T = 2048;
  const auto count = [&](const std::string& name) {
    return CountersByFormula(config, Profile::Parse(name, 24), 1, T);
  };
  const Counters uniform = count("uniform");
  const auto saved = [&](const std::string& name) {
    return 100.0 * static_cast<double>(uniform.flops - count(name).flops) /
           static_cast<double>(uniform.flops);
  };
  EXPECT_NEAR(static_cast<double>(uniform.flops) / T / 1e6, 2590, 1);
  EXPECT_NEAR(saved("retina"), 6.78, 0.005);
  EXPECT_NEAR(saved("cortex"), 7.49, 0.005);
  EXPECT_NEAR(saved("early:25%"), 6.42, 0.005);
  EXPECT_NEAR(saved("frozen"), 8.56, 0.005);
  EXPECT_EQ(uniform.inner_updates, 24 * 32 * T / 16);
  EXPECT_NEAR(100.0 *
                  static_cast<double>(count("retina").inner_updates_skipped) /
                  static_cast<double>(uniform.inner_updates),
              79.17, 0.01);
  EXPECT_NEAR(
      static_cast<double>(count("retina").adaptive_state_bytes) / (1 << 20),
      2.54, 0.01);
}

}  // namespace
}  // namespace plastometer
