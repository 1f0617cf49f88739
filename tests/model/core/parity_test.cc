// Whole models against the official implementations: sets a_* and ts_* (JAX,
// through the byte streams that the official checkpointer wrote) and b_*
// (PyTorch, through Hugging Face safetensors).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "tests/model/core/parity_data.h"

namespace plastometer {
namespace {

std::vector<double> Expected(const ParitySet& set, const std::string& name) {
  return ToDoubles(set.tensors.Read(name));
}

Profile PerLayer(const std::vector<double>& lambdas) {
  std::vector<LayerSchedule> layers;
  for (double lambda : lambdas)
    layers.push_back(LayerSchedule{.lambda = lambda});
  return {"per-layer", layers};
}

std::vector<double> Logits(const Model& model, const ParitySet& set,
                           const Profile& profile) {
  const ForwardResult result =
      model.Score(Ids(set), set.json.at("batch"), profile, {.logits = true});
  return ToDoubles(result.logits.at("logits"));
}

TEST(Parity, JaxLogitsLossesAndMultipliers) {
  for (const ParitySet& set : ParitySets("a_")) {
    SCOPED_TRACE(set.name);
    const double tolerance = set.json.at("tolerance").at("logits_fp32_max_abs");
    const int64_t B = set.json.at("batch");
    for (const Lane lane : {Lane::kCpuReference, Lane::kCpuReferenceFp64}) {
      const Model model = ImportParityModel(set, lane);
      const Profile uniform =
          Profile::Parse("uniform", model.config().num_layers);
      const ForwardResult result =
          model.Score(Ids(set), B, uniform, {.logits = true});
      const double worst = MaxAbsDifference(
          ToDoubles(result.logits.at("logits")), Expected(set, "logits"));
      std::printf("%s %s logits max|diff| %.2e (tolerance %.1e)\n",
                  set.name.c_str(), ToString(lane).c_str(), worst, tolerance);
      EXPECT_LE(worst, tolerance);
      const double ce_tolerance = set.json.at("tolerance").at("token_ce_abs");
      EXPECT_LE(MaxAbsDifference(result.nll, Expected(set, "token_ce")),
                ce_tolerance);
      // Without logits the losses take another way.
      EXPECT_LE(MaxAbsDifference(model.Score(Ids(set), B, uniform).nll,
                                 Expected(set, "token_ce")),
                ce_tolerance);
      int variants = 0;
      for (const auto& [name, variant] :
           set.json.at("lambda_variants").items()) {
        const auto lambdas =
            variant.at("lambda_per_layer").get<std::vector<double>>();
        EXPECT_LE(MaxAbsDifference(Logits(model, set, PerLayer(lambdas)),
                                   Expected(set, "logits." + name)),
                  tolerance)
            << name;
        ++variants;
      }
      EXPECT_GE(variants, 1);
    }
  }
}

TEST(Parity, JaxStatistics) {
  for (const ParitySet& set : ParitySets("a_")) {
    const double tolerance = set.json.at("tolerance").at("stats_rel");
    const Model model = ImportParityModel(set, Lane::kCpuReferenceFp64);
    const int64_t L = model.config().num_layers;
    const ForwardResult result = model.Score(
        Ids(set), set.json.at("batch"), Profile::Parse("uniform", L),
        {.statistics = StatisticsMode::kOn});
    for (const std::string name :
         {"ttt_loss_mse_init", "ttt_loss_mse_step_0", "ttt_loss_mse_step_1",
          "ssl_tgt_last_in_mini_batch_from_mean_mse"}) {
      const std::vector<double> ours = ToDoubles(result.statistics.at(name));
      const int64_t M = static_cast<int64_t>(ours.size()) / L;
      for (int64_t l = 0; l < L; ++l) {
        const std::vector<double> theirs =
            Expected(set, "stats." + std::to_string(l) + "." + name);
        ASSERT_EQ(static_cast<int64_t>(theirs.size()), M);
        for (int64_t m = 0; m < M; ++m) {
          EXPECT_NEAR(ours[l * M + m], theirs[m],
                      tolerance * std::abs(theirs[m]))
              << set.name << " " << name << " layer " << l << " m " << m;
        }
      }
    }
  }
}

TEST(Parity, JaxTrainStateInBf16) {
  for (const ParitySet& set : ParitySets("ts_")) {
    SCOPED_TRACE(set.name);
    const Model model = ImportParityModel(set, Lane::kCpuReference);
    const Profile uniform =
        Profile::Parse("uniform", model.config().num_layers);
    const std::vector<double> expected = Expected(set, "logits_bf16_weights");
    const auto B = set.tensors.tensors().at("input_ids").shape.at(0);
    const ForwardResult result =
        model.Score(Ids(set), B, uniform, {.logits = true});
    const double tolerance = set.json.at("tolerance").at("logits_max_abs");
    EXPECT_LE(MaxAbsDifference(ToDoubles(result.logits.at("logits")), expected),
              tolerance);
    EXPECT_LE(
        MaxAbsDifference(result.nll, Expected(set, "token_ce_bf16_weights")),
        2 * tolerance);
  }
}

// The first n tokens of every row.
std::vector<int32_t> Prefix(const std::vector<int32_t>& ids, int64_t B,
                            int64_t T, int64_t begin, int64_t n) {
  std::vector<int32_t> result;
  for (int64_t row = 0; row < B; ++row) {
    result.insert(result.end(), ids.begin() + row * T + begin,
                  ids.begin() + row * T + begin + n);
  }
  return result;
}

TEST(Parity, PyTorchRaggedLengths) {
  for (const ParitySet& set : ParitySets("b_")) {
    SCOPED_TRACE(set.name);
    const Model model = ImportParityModel(set, Lane::kCpuReference);
    const Profile uniform =
        Profile::Parse("uniform", model.config().num_layers);
    const int64_t B = set.json.at("batch"),
                  T = set.tensors.tensors().at("input_ids").shape.at(1);
    for (int64_t n : set.json.at("T").get<std::vector<int64_t>>()) {
      const ForwardResult result = model.Score(Prefix(Ids(set), B, T, 0, n), B,
                                               uniform, {.logits = true});
      EXPECT_LE(
          MaxAbsDifference(ToDoubles(result.logits.at("logits")),
                           Expected(set, "logits_T" + std::to_string(n))),
          set.json.at("tolerance").at("fp32_logits_max_abs").get<double>())
          << "T " << n;
    }
  }
}

TEST(Parity, PyTorchFp64) {
  for (const ParitySet& set : ParitySets("b_")) {
    SCOPED_TRACE(set.name);
    const Model model = ImportParityModel(set, Lane::kCpuReferenceFp64);
    const Profile uniform =
        Profile::Parse("uniform", model.config().num_layers);
    const ForwardResult result =
        model.Score(Ids(set), set.json.at("batch"), uniform,
                    {.logits = true, .final_state = true});
    const std::vector<double> expected = Expected(set, "logits_fp64");
    const double worst =
        MaxAbsDifference(ToDoubles(result.logits.at("logits")), expected);
    std::printf("%s fp64 logits max|diff| %.2e of %.1f\n", set.name.c_str(),
                worst, MaxAbs(expected));
    EXPECT_LE(worst, 1e-9 * MaxAbs(expected));
    EXPECT_LE(MaxAbsDifference(result.nll, Expected(set, "token_ce")), 1e-9);
    for (const auto& [name, info] : set.tensors.tensors()) {
      if (!name.starts_with("final_state.")) continue;
      // Stored rounded to fp32.
      EXPECT_LE(MaxAbsDifference(ToDoubles(result.state.at(name)),
                                 Expected(set, name)),
                1e-6)
          << name;
    }
  }
}

TEST(Parity, PyTorchPrefillThenTokenByToken) {
  for (const ParitySet& set : ParitySets("b_")) {
    SCOPED_TRACE(set.name);
    const Model model = ImportParityModel(set, Lane::kCpuReference);
    const int64_t B = set.json.at("batch"),
                  T = set.tensors.tensors().at("input_ids").shape.at(1),
                  V = model.config().vocab_size;
    const int64_t prefill = set.json.at("prefill");
    Sequences sequences =
        model.Start(B, Profile::Parse("uniform", model.config().num_layers));
    const std::vector<double> expected =
        Expected(set, "logits_decode_prefill" + std::to_string(prefill));
    const double tolerance = set.json.at("tolerance").at("decode_fp32_max_abs");
    for (int64_t t = 0; t < T;) {
      const int64_t n = t == 0 ? prefill : 1;
      const ForwardResult step = model.Forward(
          sequences, Prefix(Ids(set), B, T, t, n), {.logits = true});
      const std::vector<double> logits = ToDoubles(step.logits.at("logits"));
      for (int64_t row = 0; row < B; ++row) {
        for (int64_t i = 0; i < n * V; ++i) {
          ASSERT_NEAR(logits[row * n * V + i], expected[(row * T + t) * V + i],
                      tolerance)
              << "token " << t << " row " << row;
        }
      }
      t += n;
    }
  }
}

}  // namespace
}  // namespace plastometer
