// Controls: flipped and shuffled eta, resets, start at the mean state.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "model/mixers/ttt/gate_shuffle.h"
#include "model/weights/mean_state.h"
#include "model/weights/model_file.h"
#include "model/weights/parameter_specs.h"
#include "tests/model/core/parity_data.h"

namespace plastometer {
namespace {

constexpr int64_t kLayers = 3;
constexpr const char* kControls[] = {
    "uniform;eta=flip",
    "uniform;eta=shuffle",
    "uniform;reset=32",
    "uniform;reset-every=16",
    "uniform;every=2;eta=shuffle;reset=48",
    "layers:1@0.5;until=48;eta=shuffle;reset-every=32",
    "retina;eta=flip;reset=16;start=mean",
    "frozen;start=mean"};

Profile Parse(const std::string& text) { return Profile::Parse(text, kLayers); }

Model FromTensors(Kind kind, const TensorMap& weights, Lane lane) {
  return Model::FromTensors(SmallConfig(kind.inner_model, kind.backbone),
                            weights, {.lane = lane, .num_threads = 1});
}

// The last token's rate decides the step of the carried state: never clipped at
// 0 here.
TensorMap WeightsOf(Kind kind) {
  TensorMap weights =
      RandomWeights(SmallConfig(kind.inner_model, kind.backbone), 21);
  for (auto& [name, tensor] : weights) {
    if (name.ends_with("learnable_token_idx")) tensor.As<float>()[15] = 0.0625F;
  }
  return weights;
}

// The fast weights of another random model.
TensorMap SomeMean(Kind kind) {
  const ModelConfig config = SmallConfig(kind.inner_model, kind.backbone);
  const TensorMap other = RandomWeights(config, 22);
  TensorMap mean;
  for (const ParameterSpec& spec : InitialFastWeights(config))
    mean[spec.name] = other.at(spec.name);
  return mean;
}

// A model file with a mean state beside it.
class Pair {
 public:
  Pair(Kind kind, const TensorMap& mean) : kind_(kind) {
    const ModelConfig config = SmallConfig(kind.inner_model, kind.backbone);
    SaveModelFile(File(), config, WeightsOf(kind));
    WriteMeanState(folder_.path() / kMeanStateFile, config, mean,
                   {{"model_sha256", Sha256OfFile(File())}});
  }
  Model Load(Lane lane) const {
    return Model::Load(File(), {.lane = lane, .num_threads = 1});
  }
  std::filesystem::path File() const {
    return folder_.path() / "m.safetensors";
  }
  std::filesystem::path MeanFile() const {
    return folder_.path() / kMeanStateFile;
  }
  std::vector<int32_t> Ids(int64_t count) const {
    return RandomIds(count, 61, 23);
  }

 private:
  Kind kind_;
  TemporaryFolder folder_;
};

void ExpectSame(const TensorMap& a, const TensorMap& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a)
    EXPECT_TRUE(tensor.bytes == b.at(name).bytes) << name;
}

TEST(Controls, EveryCutAndDecodingGiveTheBitsOfOnePass) {
  constexpr int64_t T = 71;
  for (const Kind kind : kKinds) {
    const Pair pair(kind, SomeMean(kind));
    const Model model = pair.Load(Lane::kCpuPortable);
    const std::vector<int32_t> ids = pair.Ids(T);
    const std::span<const int32_t> all(ids);
    std::set<std::vector<double>> different;
    for (const char* name : kControls) {
      const Profile profile = Parse(name);
      const ForwardResult whole =
          model.Score(ids, 1, profile, {.final_state = true});
      different.insert(whole.nll);
      for (int64_t step = 1; step < T; ++step) {  // 1: token by token
        SCOPED_TRACE(std::string(name) + " step " + std::to_string(step));
        Sequences sequences = model.Start(1, profile);
        std::vector<double> nll;
        Counters counters;
        for (int64_t t = 0; t < T; t += step) {
          const ForwardResult part = model.Forward(
              sequences, all.subspan(t, std::min(step, T - t)), {});
          nll.insert(nll.end(), part.nll.begin(), part.nll.end());
          counters += part.counters;
        }
        ASSERT_EQ(nll, whole.nll);
        ExpectSame(sequences.FastWeights(), whole.state);
        EXPECT_EQ(counters, whole.counters);
      }
    }
    EXPECT_EQ(different.size(), std::size(kControls));
  }
}

// This CPU may lack bf16 products.
std::optional<Model> LoadIfThere(const Pair& pair, Lane lane) try {
  return pair.Load(lane);
} catch (const Error& error) {
  EXPECT_EQ(lane, Lane::kCpuNativeBf16) << error.what();
  return std::nullopt;
}

TEST(Controls, LanesAgreeAndTheCausalityProbeHolds) {
  for (const Kind kind : kKinds) {
    const Pair pair(kind, SomeMean(kind));
    const Model oracle = pair.Load(Lane::kCpuReferenceFp64);
    const std::vector<int32_t> ids = pair.Ids(2 * 70);
    for (const Lane lane :
         {Lane::kCpuReferenceFp64, Lane::kCpuReference, Lane::kCpuPortable,
          Lane::kCpuNative, Lane::kCpuNativeBf16}) {
      const std::optional<Model> model = LoadIfThere(pair, lane);
      if (!model) continue;
      const double tolerance = lane == Lane::kCpuNativeBf16 ? 3e-2 : 1e-4;
      for (const char* name : kControls) {
        SCOPED_TRACE(ToString(lane) + " " + name);
        EXPECT_NO_THROW(
            model->CheckCausality(std::span(ids).first(70), Parse(name)));
        const std::vector<double> expected =
            oracle.Score(ids, 2, Parse(name)).nll;
        EXPECT_LE(
            MaxAbsDifference(model->Score(ids, 2, Parse(name)).nll, expected),
            tolerance * MaxAbs(expected));
      }
    }
  }
}

TEST(Controls, SnapshotsAreIndependent) {
  const Pair pair(kKinds[0], SomeMean(kKinds[0]));
  const Model model = pair.Load(Lane::kCpuPortable);
  const std::vector<int32_t> ids = pair.Ids(90), other = RandomIds(40, 61, 24);
  const std::span<const int32_t> all(ids);
  for (const char* name : kControls) {
    Sequences sequences = model.Start(1, Parse(name));
    model.Forward(sequences, all.first(25), {});
    Sequences saved = sequences.Snapshot();
    const std::vector<double> first =
        model.Forward(sequences, all.subspan(25), {}).nll;
    Sequences detour = saved.Snapshot();
    model.Forward(detour, other, {});
    EXPECT_EQ(model.Forward(saved, all.subspan(25), {}).nll, first) << name;
  }
}

TEST(Controls, StatisticsChangeNothing) {
  for (const Kind kind : kKinds) {
    const Pair pair(kind, SomeMean(kind));
    const Model model = pair.Load(Lane::kCpuPortable);
    const std::vector<int32_t> ids = pair.Ids(2 * 70);
    for (const char* name : kControls) {
      const ForwardResult plain =
          model.Score(ids, 2, Parse(name), {.final_state = true});
      for (const StatisticsMode mode :
           {StatisticsMode::kOn, StatisticsMode::kVirtual}) {
        const ForwardResult seen = model.Score(
            ids, 2, Parse(name), {.final_state = true, .statistics = mode});
        EXPECT_EQ(seen.nll, plain.nll) << name;
        ExpectSame(seen.state, plain.state);
        EXPECT_EQ(seen.counters, plain.counters);
      }
    }
  }
}

// After one mini-batch W = W0 - step, flipped W0 + the same step: the mean of
// the two is W0.
TEST(Flip, OneMiniBatchGoesTheOtherWay) {
  for (const Kind kind : kKinds) {
    const Model model =
        FromTensors(kind, WeightsOf(kind), Lane::kCpuReferenceFp64);
    const std::vector<int32_t> ids = RandomIds(16, 61, 25);
    const auto state = [&](const std::string& profile) {
      return model.Score(ids, 1, Parse(profile), {.final_state = true}).state;
    };
    const TensorMap down = state("layers:0"), up = state("layers:0;eta=flip"),
                    start = state("frozen");
    for (const auto& [name, tensor] : start) {
      const std::vector<double> a = ToDoubles(down.at(name)),
                                b = ToDoubles(up.at(name)),
                                w0 = ToDoubles(tensor);
      for (size_t i = 0; i < w0.size(); ++i)
        ASSERT_NEAR(a[i] + b[i], 2 * w0[i], 1e-13) << name;
      if (name.starts_with("final_state.0."))
        EXPECT_GT(MaxAbsDifference(a, w0), 1e-4) << name;
    }
  }
}

TEST(Flip, IsANegativeBaseRate) {
  for (const Kind kind : kKinds) {
    ModelConfig config = SmallConfig(kind.inner_model, kind.backbone);
    const Model plain = FromTensors(kind, WeightsOf(kind), Lane::kCpuPortable);
    config.ttt_base_lr = -config.ttt_base_lr;
    const Model negative =
        Model::FromTensors(config, WeightsOf(kind),
                           {.lane = Lane::kCpuPortable, .num_threads = 1});
    const std::vector<int32_t> ids = RandomIds(2 * 70, 61, 26);
    const ForwardOptions options = {.final_state = true,
                                    .statistics = StatisticsMode::kOn};
    const ForwardResult a =
        plain.Score(ids, 2, Parse("uniform;eta=flip"), options);
    const ForwardResult b = negative.Score(ids, 2, Parse("uniform"), options);
    EXPECT_EQ(a.nll, b.nll);
    ExpectSame(a.state, b.state);
    for (const double norm : ToDoubles(a.statistics.at("update_norm")))
      EXPECT_GT(norm, 0);
  }
}

TEST(Shuffle, OrderIsAPinnedPermutationForEachLayerAndMiniBatch) {
  std::set<std::array<int64_t, 16>> different;
  for (int64_t layer = 0; layer < 4; ++layer) {
    for (int64_t m = 0; m < 8; ++m) {
      auto order = GateOrder(layer, m);
      different.insert(order);
      std::sort(order.begin(), order.end());
      for (int64_t i = 0; i < 16; ++i) EXPECT_EQ(order[i], i);
    }
  }
  EXPECT_EQ(different.size(), 32u);
  EXPECT_EQ(GateOrder(1, 2),
            (std::array<int64_t, 16>{6, 9, 7, 8, 2, 11, 15, 12, 4, 13, 1, 0, 5,
                                     14, 10, 3}));
}

// Layer 0 reads before anything is learned: its own gates are those of uniform.
TEST(Shuffle, GatesAreThoseOfTheMiniBatchLearnedFromBefore) {
  constexpr int64_t B = 2, T = 89, L = kLayers, H = 2;
  for (const Kind kind : kKinds) {
    const Model model =
        FromTensors(kind, WeightsOf(kind), Lane::kCpuReferenceFp64);
    const std::vector<int32_t> ids = RandomIds(B * T, 61, 27);
    const auto gates = [&](const std::string& profile) {
      return ToDoubles(model
                           .Score(ids, B, Parse(profile),
                                  {.statistics = StatisticsMode::kOn})
                           .statistics.at("gate"));
    };
    const std::vector<double> own = gates("uniform");
    for (const int64_t every : {1, 2}) {
      const std::vector<double> used =
          gates("uniform;eta=shuffle;every=" + std::to_string(every));
      for (int64_t row = 0; row < B * H; ++row) {
        const int64_t base = (row / H * L * H + row % H) * T;  // layer 0
        for (int64_t t = 0; t < T; ++t) {
          const int64_t m = t / 16, source = (m - every) * 16;
          if (m % every != 0) continue;
          const int64_t from = m == 0 ? t : source + GateOrder(0, m)[t % 16];
          EXPECT_EQ(used[base + t], own[base + from]) << t;
        }
      }
    }
  }
}

// Convolutions that see the current token only: nothing but the fast weights
// reaches back.
TensorMap WithoutHistory(TensorMap weights) {
  for (auto& [name, tensor] : weights) {
    if (name.find("/conv") == std::string::npos || tensor.shape.size() != 3)
      continue;
    const int64_t width = tensor.shape[2];
    std::fill_n(tensor.As<float>(), 3 * width, 0.0F);
  }
  return weights;
}

TEST(Reset, IsAFreshWindow) {
  constexpr int64_t T = 96, N = 32;
  for (const Kind kind : kKinds) {
    const Model model =
        FromTensors(kind, WithoutHistory(WeightsOf(kind)), Lane::kCpuPortable);
    const std::vector<int32_t> ids = RandomIds(T, 61, 28);
    const std::span<const int32_t> all(ids);
    const auto read = [&](std::span<const int32_t> part,
                          const std::string& profile) {
      return model.Score(part, 1, Parse(profile), {.final_state = true});
    };
    const ForwardResult once = read(all, "uniform;reset=32"),
                        every = read(all, "uniform;reset-every=32"),
                        fresh = read(all.subspan(N), "uniform"),
                        last = read(all.subspan(2 * N), "uniform"),
                        never = read(all, "uniform");
    // nll[i] is the loss of token i + 1; the loss of token N is decided before.
    for (int64_t i = 0; i < T - 1; ++i) {
      EXPECT_EQ(once.nll[i], i < N ? never.nll[i] : fresh.nll[i - N]) << i;
      EXPECT_EQ(every.nll[i], i < 2 * N ? once.nll[i] : last.nll[i - 2 * N])
          << i;
    }
    EXPECT_NE(never.nll[N], fresh.nll[0]);
    ExpectSame(once.state, fresh.state);
    ExpectSame(every.state, last.state);
  }
}

TEST(Reset, KeepsTheHistoryOfConvolutions) {
  const Model model =
      FromTensors(kKinds[0], WeightsOf(kKinds[0]), Lane::kCpuPortable);
  const std::vector<int32_t> ids = RandomIds(64, 61, 29);
  const std::vector<double>
      reset = model.Score(ids, 1, Parse("uniform;reset=32")).nll,
      fresh = model.Score(std::span(ids).subspan(32), 1, Parse("uniform")).nll;
  EXPECT_NE(reset[32], fresh[0]);
}

TEST(StartMean, EqualToW0IsUniform) {
  for (const Kind kind : kKinds) {
    TensorMap w0 = SomeMean(kind);
    for (auto& [name, tensor] : w0) tensor = WeightsOf(kind).at(name);
    const Pair pair(kind, w0);
    const Model model = pair.Load(Lane::kCpuPortable);
    const std::vector<int32_t> ids = pair.Ids(2 * 70);
    for (const std::string name : {"uniform", "frozen", "retina;reset=32"}) {
      const ForwardOptions options = {.final_state = true};
      const ForwardResult a = model.Score(ids, 2, Parse(name), options),
                          b = model.Score(ids, 2, Parse(name + ";start=mean"),
                                          options);
      EXPECT_EQ(a.nll, b.nll) << name;
      ExpectSame(a.state, b.state);
      EXPECT_EQ(a.counters, b.counters);
    }
  }
}

TEST(StartMean, IsAModelWithThatStart) {
  for (const Kind kind : kKinds) {
    const Pair pair(kind, SomeMean(kind));
    TensorMap weights = WeightsOf(kind);
    for (const auto& [name, tensor] : SomeMean(kind)) weights[name] = tensor;
    for (const Lane lane : {Lane::kCpuPortable, Lane::kCpuReferenceFp64}) {
      const Model model = pair.Load(lane),
                  other = FromTensors(kind, weights, lane);
      const std::vector<int32_t> ids = pair.Ids(70);
      for (const std::string name : {"uniform", "frozen", "uniform;reset=32"}) {
        const ForwardOptions options = {.final_state = true,
                                        .statistics = StatisticsMode::kVirtual};
        const ForwardResult a = model.Score(ids, 1, Parse(name + ";start=mean"),
                                            options),
                            b = other.Score(ids, 1, Parse(name), options);
        EXPECT_EQ(a.nll, b.nll) << name;
        ExpectSame(a.state, b.state);
        ExpectSame(a.statistics, b.statistics);
      }
    }
  }
}

// The error of a start at the mean, and its exit code.
std::string StartError(const Model& model, int exit_code) {
  EXPECT_NO_THROW(model.Start(1, Parse("uniform")));
  try {
    model.Start(1, Parse("frozen;start=mean"));
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), exit_code);
    return error.what();
  }
  return "no error";
}

TEST(StartMean, WithoutItsFileIsAnErrorThatSaysHowToMakeIt) {
  const Kind kind = kKinds[0];
  const auto has = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  const Pair pair(kind, SomeMean(kind));
  const auto write = [&](const TensorMap& mean, const std::string& sha256) {
    WriteMeanState(pair.MeanFile(),
                   SmallConfig(kind.inner_model, kind.backbone), mean,
                   {{"model_sha256", sha256}});
  };
  const auto load = [&] { return pair.Load(Lane::kCpuReference); };
  write(SomeMean(kind), std::string(64, 'a'));
  const std::string other = StartError(load(), 4);
  has(other, "belongs to a model with SHA-256 \"aaaa");
  has(other, "plastometer mean-state --model");
  WriteFile(pair.MeanFile(), "no safetensors");
  has(StartError(load(), 4), "mean_state.safetensors");
  WriteSafetensors(pair.MeanFile(), SomeMean(kind));
  has(StartError(load(), 4), "metadata \"format\" is absent");
  TensorMap short_one = SomeMean(kind);
  short_one.erase(short_one.begin());
  WriteSafetensors(pair.MeanFile(), short_one,
                   {{"format", kMeanStateFormat},
                    {"model_sha256", Sha256OfFile(pair.File())}});
  has(StartError(load(), 4), "ttt_bias_0\" is missing");
  std::filesystem::remove(pair.MeanFile());
  const std::string missing = StartError(load(), 2);
  has(missing, "there is no");
  has(missing, "plastometer mean-state --model");
  has(StartError(FromTensors(kind, WeightsOf(kind), Lane::kCpuReference), 2),
      "made of tensors has no mean state");
}

}  // namespace
}  // namespace plastometer
