// State: chunks, token by token, snapshots, lambda = 0, causality, independence
// of rows.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/model/core/parity_data.h"

namespace plastometer {
namespace {

Model MakeModel(Kind kind, Lane lane = Lane::kCpuReferenceFp64) {
  const ModelConfig config = SmallConfig(kind.inner_model, kind.backbone);
  return Model::FromTensors(config, RandomWeights(config, 7),
                            {.lane = lane, .num_threads = 1});
}

std::vector<int32_t> Columns(const std::vector<int32_t>& ids, int64_t B,
                             int64_t begin, int64_t n) {
  const int64_t T = static_cast<int64_t>(ids.size()) / B;
  std::vector<int32_t> result;
  for (int64_t row = 0; row < B; ++row)
    result.insert(result.end(), ids.begin() + row * T + begin,
                  ids.begin() + row * T + begin + n);
  return result;
}

// Feeds [B, T] in pieces that end at `cuts`; losses come back as [B, T-1].
std::vector<double> InPieces(const Model& model, const Profile& profile,
                             const std::vector<int32_t>& ids, int64_t B,
                             std::vector<int64_t> cuts,
                             Counters* counters = nullptr,
                             TensorMap* state = nullptr) {
  const int64_t T = static_cast<int64_t>(ids.size()) / B;
  cuts.push_back(T);
  Sequences sequences = model.Start(B, profile);
  std::vector<std::vector<double>> rows(B);
  int64_t begin = 0;
  for (int64_t end : cuts) {
    const ForwardResult part =
        model.Forward(sequences, Columns(ids, B, begin, end - begin), {});
    for (int64_t row = 0; row < B; ++row) {
      rows[row].insert(rows[row].end(),
                       part.nll.begin() + row * part.num_losses,
                       part.nll.begin() + (row + 1) * part.num_losses);
    }
    if (counters != nullptr) *counters += part.counters;
    begin = end;
  }
  if (state != nullptr) *state = sequences.FastWeights();
  std::vector<double> all;
  for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
  return all;
}

constexpr const char* kProfiles[] = {"uniform", "retina", "uniform;every=2",
                                     "uniform;until=32", "layers:1@0.5"};

TEST(State, EveryCutGivesOnePass) {
  constexpr int64_t B = 2, T = 71;
  for (const Kind kind : kKinds) {
    const Model model = MakeModel(kind);
    const std::vector<int32_t> ids =
        RandomIds(B * T, model.config().vocab_size, 3);
    for (const std::string name : kProfiles) {
      SCOPED_TRACE(ToString(kind.inner_model) + " " + ToString(kind.backbone) +
                   " " + name);
      const Profile profile = Profile::Parse(name, model.config().num_layers);
      const ForwardResult whole =
          model.Score(ids, B, profile, {.final_state = true});
      for (int64_t cut = 1; cut <= 70; ++cut) {
        Counters counters;
        TensorMap state;
        const std::vector<double> parts =
            InPieces(model, profile, ids, B, {cut}, &counters, &state);
        ASSERT_LE(MaxAbsDifference(parts, whole.nll), 1e-12 * MaxAbs(whole.nll))
            << "cut " << cut;
        ASSERT_EQ(counters, whole.counters) << "cut " << cut;
        for (const auto& [key, value] : whole.state) {
          ASSERT_LE(
              MaxAbsDifference(ToDoubles(state.at(key)), ToDoubles(value)),
              1e-12 * (1 + MaxAbs(ToDoubles(value))))
              << key;
        }
      }
    }
  }
}

TEST(State, TokenByTokenGivesOnePass) {
  constexpr int64_t B = 2, T = 71;
  std::vector<int64_t> every_token;
  for (int64_t t = 1; t < T; ++t) every_token.push_back(t);
  for (const Kind kind : kKinds) {
    const Model model = MakeModel(kind);
    const std::vector<int32_t> ids =
        RandomIds(B * T, model.config().vocab_size, 4);
    for (const std::string name : kProfiles) {
      const Profile profile = Profile::Parse(name, model.config().num_layers);
      const ForwardResult whole = model.Score(ids, B, profile);
      Counters counters;
      const std::vector<double> parts =
          InPieces(model, profile, ids, B, every_token, &counters);
      EXPECT_LE(MaxAbsDifference(parts, whole.nll), 1e-12 * MaxAbs(whole.nll));
      EXPECT_EQ(counters, whole.counters);
    }
  }
}

TEST(State, SnapshotIsIndependentAndRestores) {
  const Model model = MakeModel(kKinds[0]);
  const Profile uniform = Profile::Parse("uniform", model.config().num_layers);
  const std::vector<int32_t> ids = RandomIds(60, model.config().vocab_size, 5),
                             other =
                                 RandomIds(30, model.config().vocab_size, 6);
  Sequences sequences = model.Start(1, uniform);
  model.Forward(sequences, std::span(ids).first(25), {});
  Sequences saved = sequences.Snapshot();
  const std::vector<double> first =
      model.Forward(sequences, std::span(ids).subspan(25), {}).nll;
  Sequences detour = saved.Snapshot();
  model.Forward(detour, other, {});
  EXPECT_EQ(saved.position(), 25);
  EXPECT_EQ(model.Forward(saved, std::span(ids).subspan(25), {}).nll, first);
}

// eta = 0 computed in full: a multiplier so small that every correction is
// rounded away is not the same as lambda = 0, so the full path is reached by
// the virtual statistics and by a learned rate of zero.
TEST(State, LambdaZeroEqualsEtaZero) {
  for (const Kind kind : kKinds) {
    const ModelConfig config = SmallConfig(kind.inner_model, kind.backbone);
    TensorMap weights = RandomWeights(config, 7);
    const Model frozen = Model::FromTensors(
        config, weights, {.lane = Lane::kCpuReferenceFp64, .num_threads = 1});
    for (int64_t l = 0; l < config.num_layers; ++l) {
      // token_idx = -1 makes max(0, 1/(t+1) + idx) = 0 everywhere: eta = 0 on
      // the plastic path.
      weights.at("model/h/" + std::to_string(l) +
                 "/seq_modeling_block/learnable_token_idx") =
          HostTensor::FromF32({16}, std::vector<float>(16, -1.0f));
    }
    const Model eta_zero = Model::FromTensors(
        config, weights, {.lane = Lane::kCpuReferenceFp64, .num_threads = 1});
    const std::vector<int32_t> ids = RandomIds(2 * 53, config.vocab_size, 8);
    const ForwardResult a =
        frozen.Score(ids, 2, Profile::Parse("frozen", config.num_layers));
    const ForwardResult b =
        eta_zero.Score(ids, 2, Profile::Parse("uniform", config.num_layers));
    EXPECT_LE(MaxAbsDifference(a.nll, b.nll), 1e-12 * MaxAbs(a.nll));
    EXPECT_LT(a.counters.flops, b.counters.flops);
    EXPECT_EQ(a.counters.inner_updates, 0);
    // and it matters: the plastic model differs
    EXPECT_GT(
        MaxAbsDifference(
            a.nll,
            frozen.Score(ids, 2, Profile::Parse("uniform", config.num_layers))
                .nll),
        1e-3);
  }
}

TEST(State, VirtualStatisticsChangeNothing) {
  for (const Kind kind : kKinds) {
    const Model model = MakeModel(kind);
    const std::vector<int32_t> ids =
        RandomIds(2 * 53, model.config().vocab_size, 9);
    const Profile profile =
        Profile::Parse("layers:1;until=32", model.config().num_layers);
    const ForwardResult plain = model.Score(ids, 2, profile);
    const ForwardResult observed =
        model.Score(ids, 2, profile, {.statistics = StatisticsMode::kVirtual});
    const ForwardResult normal =
        model.Score(ids, 2, profile, {.statistics = StatisticsMode::kOn});
    EXPECT_EQ(observed.nll, plain.nll);
    EXPECT_EQ(normal.nll, plain.nll);
    EXPECT_EQ(observed.counters, plain.counters);
    for (double value : ToDoubles(observed.statistics.at("grad_norm")))
      EXPECT_TRUE(std::isfinite(value) && value > 0);
    const std::vector<double> grad =
        ToDoubles(normal.statistics.at("grad_norm"));  // [2, 3, 2, 3]
    for (size_t i = 0; i < grad.size(); ++i) {
      const bool plastic =
          (i / 6) % 3 == 1 && i % 3 < 2;  // layer 1, mini-batches 0 and 1
      EXPECT_EQ(std::isnan(grad[i]), !plastic) << i;
    }
  }
}

TEST(State, RowsDoNotSeeEachOtherAndTheProbePasses) {
  for (const Kind kind : kKinds) {
    const Model model = MakeModel(kind, Lane::kCpuReference);
    const Profile uniform =
        Profile::Parse("uniform", model.config().num_layers);
    EXPECT_NO_THROW(model.CheckCausality(
        RandomIds(70, model.config().vocab_size, 10), uniform));
  }
}

TEST(State, ChangingATokenChangesNothingBefore) {
  for (const Kind kind : kKinds) {
    const Model model = MakeModel(kind);
    const Profile uniform =
        Profile::Parse("uniform", model.config().num_layers);
    std::vector<int32_t> ids = RandomIds(70, model.config().vocab_size, 11);
    const std::vector<double> before = model.Score(ids, 1, uniform).nll;
    for (int64_t t : {1, 15, 16, 17, 40, 69}) {
      std::vector<int32_t> changed = ids;
      changed[t] =
          (changed[t] + 1) % static_cast<int32_t>(model.config().vocab_size);
      const std::vector<double> after = model.Score(changed, 1, uniform).nll;
      for (int64_t i = 0; i + 1 < t; ++i)
        EXPECT_EQ(after[i], before[i])
            << "changed " << t << " loss of " << i + 1;
      EXPECT_NE(after[t - 1], before[t - 1]);
    }
  }
}

// The way of every default run: rows shared among threads.
TEST(State, RowsSharedAmongThreadsGiveTheSame) {
  const ModelConfig config = SmallConfig(InnerModel::kLinear, Backbone::kMamba);
  const TensorMap weights = RandomWeights(config, 7);
  const auto make = [&](int threads) {
    return Model::FromTensors(
        config, weights,
        {.lane = Lane::kCpuReferenceFp64, .num_threads = threads});
  };
  constexpr int64_t B = 5, T = 45;
  std::vector<int32_t> ids = RandomIds(B * T, config.vocab_size, 12);
  const Profile profile = Profile::Parse("retina;every=2", config.num_layers);
  const ForwardResult one = make(1).Score(ids, B, profile);
  for (int threads : {2, 3, 8}) {
    const ForwardResult many = make(threads).Score(ids, B, profile);
    EXPECT_LE(MaxAbsDifference(many.nll, one.nll), 1e-12 * MaxAbs(one.nll));
    EXPECT_EQ(many.counters, one.counters);
    EXPECT_EQ(many.num_losses, T - 1);
  }
  ids[3 * T + 2] = 61;
  try {
    make(3).Score(ids, B, profile);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("at index 137"), std::string::npos)
        << error.what();
  }
}

TEST(State, StatisticsOfFrozenLayersAndShortTextsAreNaNNotAbsent) {
  for (const Kind kind : kKinds) {
    const Model model = MakeModel(kind);
    const int64_t L = model.config().num_layers;
    const std::vector<int32_t> ids =
        RandomIds(40, model.config().vocab_size, 13);
    const ForwardResult frozen =
        model.Score(ids, 1, Profile::Parse("frozen", L),
                    {.statistics = StatisticsMode::kOn});
    const ForwardResult uniform =
        model.Score(ids, 1, Profile::Parse("uniform", L),
                    {.statistics = StatisticsMode::kOn});
    ASSERT_EQ(frozen.statistics.size(), uniform.statistics.size());
    for (const auto& [name, array] : uniform.statistics) {
      const HostTensor& missing = frozen.statistics.at(name);
      EXPECT_EQ(missing.shape, array.shape) << name;
      for (double value : ToDoubles(missing)) EXPECT_TRUE(std::isnan(value));
      for (double value : ToDoubles(array))
        EXPECT_TRUE(std::isfinite(value)) << name;
    }
    const ForwardResult brief =
        model.Score(std::span(ids).first(5), 1, Profile::Parse("uniform", L),
                    {.statistics = StatisticsMode::kOn});
    EXPECT_EQ(brief.statistics.at("grad_norm").shape,
              (std::vector<int64_t>{1, L, 2, 0}));
    EXPECT_EQ(brief.statistics.at("gate").shape,
              (std::vector<int64_t>{1, L, 2, 5}));
  }
}

// Rows of a batch land where they belong: as if each had been alone.
TEST(State, StatisticsOfABatchAreThoseOfItsRows) {
  const Model model = MakeModel(kKinds[0]);
  const int64_t L = model.config().num_layers, T = 40;
  const Profile profile = Profile::Parse("layers:0,2", L);
  const std::vector<int32_t> ids =
      RandomIds(2 * T, model.config().vocab_size, 14);
  const ForwardOptions options{.statistics = StatisticsMode::kOn};
  const ForwardResult both = model.Score(ids, 2, profile, options);
  for (int64_t row = 0; row < 2; ++row) {
    const ForwardResult alone =
        model.Score(std::span(ids).subspan(row * T, T), 1, profile, options);
    for (const std::string name :
         {"grad_norm", "relative_update", "state_distance", "token_grad_norm",
          "token_step", "gate"}) {
      const std::vector<double> all = ToDoubles(both.statistics.at(name));
      const std::vector<double> one = ToDoubles(alone.statistics.at(name));
      ASSERT_EQ(all.size(), 2 * one.size());
      for (size_t i = 0; i < one.size(); ++i) {
        const double value = all[row * one.size() + i];
        if (std::isnan(one[i])) {
          EXPECT_TRUE(std::isnan(value)) << name;
        } else {
          EXPECT_NEAR(value, one[i], 1e-11 * (1 + std::abs(one[i]))) << name;
        }
      }
    }
  }
}

TEST(State, StatisticsCannotBeSwitchedOnInsideAMiniBatch) {
  const Model model = MakeModel(kKinds[0]);
  const std::vector<int32_t> ids = RandomIds(40, model.config().vocab_size, 15);
  Sequences sequences =
      model.Start(1, Profile::Parse("uniform", model.config().num_layers));
  model.Forward(sequences, std::span(ids).first(5), {});
  EXPECT_THROW(model.Forward(sequences, std::span(ids).subspan(5),
                             {.statistics = StatisticsMode::kOn}),
               Error);
}

TEST(State, BadRequestsNamePlaceAndExpectation) {
  const Model model = MakeModel(kKinds[0]);
  const Profile uniform = Profile::Parse("uniform", 3);
  try {
    model.Score(std::vector<int32_t>{1, 61, 2}, 1, uniform);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 4);
    EXPECT_STREQ(error.what(),
                 "token id 61 at index 1 is outside the vocabulary [0, 61)");
  }
  EXPECT_THROW(model.Score(std::vector<int32_t>{1, 2, 3}, 2, uniform), Error);
  EXPECT_THROW(model.Start(1, Profile::Parse("uniform", 4)), Error);
}

}  // namespace
}  // namespace plastometer
