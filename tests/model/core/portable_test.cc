// The portable lane: the same bits whatever the instruction set, threads,
// batch and chunks; as near to fp64 as LibTorch's fp32.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/files.h"
#include "datasets/tokenizer.h"
#include "model/ops/portable/cpu/kernels.h"
#include "tests/model/core/parity_data.h"
#include "tests/paths.h"

namespace plastometer {
namespace {

constexpr const char* kIsas[] = {"scalar", "avx2", "avx512"};

// Caps the kernels of the calls made while it lives.
class IsaCap {
 public:
  explicit IsaCap(const char* isa) { setenv("PLASTOMETER_MAX_ISA", isa, 1); }
  ~IsaCap() { unsetenv("PLASTOMETER_MAX_ISA"); }
};

Model MakeModel(Kind kind, int num_threads = 1) {
  const ModelConfig config = SmallConfig(kind.inner_model, kind.backbone);
  return Model::FromTensors(
      config, RandomWeights(config, 11),
      {.lane = Lane::kCpuPortable, .num_threads = num_threads});
}

std::string ShippedFolder() { return SourcePath("model/pretrained/text-3m"); }

Model Shipped(Lane lane, int num_threads = 1) {
  return Model::Load(ShippedFolder() + "/model.safetensors",
                     {.lane = lane, .num_threads = num_threads});
}

// Real text in the shipped model's tokens: the project's own pages.
std::vector<int32_t> RealIds(size_t count) {
  const auto tokenizer = LoadTokenizer(ShippedFolder() + "/tokenizer.model");
  std::vector<int32_t> ids;
  for (const char* page : {"statistics.md", "profiles.md", "intervals.md"})
    for (const int32_t id :
         tokenizer->Encode(ReadFile(SourcePath("docs/") + page)))
      ids.push_back(id);
  EXPECT_GE(ids.size(), count);
  ids.resize(count);
  return ids;
}

bool SameBits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

void ExpectSame(const TensorMap& a, const TensorMap& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a)
    EXPECT_TRUE(tensor.bytes == b.at(name).bytes) << name;
}

void ExpectSame(const ForwardResult& a, const ForwardResult& b) {
  EXPECT_TRUE(SameBits(a.nll, b.nll));
  ExpectSame(a.logits, b.logits);
  ExpectSame(a.statistics, b.statistics);
  ExpectSame(a.state, b.state);
  EXPECT_EQ(a.counters, b.counters);
}

constexpr ForwardOptions kEverything = {
    .logits = true, .final_state = true, .statistics = StatisticsMode::kOn};

TEST(Portable, EveryInstructionSetGivesTheSameBits) {
  for (const Kind kind : kKinds) {
    const Model model = MakeModel(kind);
    const Profile profile =
        Profile::Parse("layers:0,2@0.5", model.config().num_layers);
    const std::vector<int32_t> ids =
        RandomIds(2 * 53, model.config().vocab_size, 5);
    const ForwardResult expected = model.Score(ids, 2, profile, kEverything);
    for (const char* isa : kIsas) {
      SCOPED_TRACE(isa);
      const IsaCap cap(isa);
      ExpectSame(model.Score(ids, 2, profile, kEverything), expected);
    }
  }
}

TEST(Portable, EveryInstructionSetGivesTheSameBitsOnTheShippedModel) {
  const Model model = Shipped(Lane::kCpuPortable);
  const std::vector<int32_t> ids = RealIds(600);
  const Profile profile = Profile::Parse("uniform", model.config().num_layers);
  const ForwardOptions options = {.final_state = true,
                                  .statistics = StatisticsMode::kOn};
  const ForwardResult expected = model.Score(ids, 1, profile, options);
  for (const char* isa : {"avx2", "avx512"}) {
    const IsaCap cap(isa);
    ExpectSame(model.Score(ids, 1, profile, options), expected);
  }
  const std::span<const int32_t> start(ids.data(), 100);  // scalar is slow
  const ForwardResult short_one = model.Score(start, 1, profile, options);
  const IsaCap cap("scalar");
  ExpectSame(model.Score(start, 1, profile, options), short_one);
}

TEST(Portable, ThreadsChangeNothing) {
  for (const Kind kind : kKinds) {
    const Model one = MakeModel(kind);
    const std::vector<int32_t> ids =
        RandomIds(5 * 67, one.config().vocab_size, 6);
    const Profile profile = Profile::Parse("uniform", one.config().num_layers);
    for (const int num_threads : {2, 3}) {
      const Model many = MakeModel(kind, num_threads);
      for (const ForwardOptions& options : {ForwardOptions{}, kEverything})
        ExpectSame(many.Score(ids, 5, profile, options),
                   one.Score(ids, 5, profile, options));
    }
  }
  const std::vector<int32_t> ids = RealIds(1000);
  const Model one = Shipped(Lane::kCpuPortable),
              three = Shipped(Lane::kCpuPortable, 3);
  const Profile profile = Profile::Parse("retina", one.config().num_layers);
  ExpectSame(three.Score(ids, 1, profile), one.Score(ids, 1, profile));
}

TEST(Portable, ARowIsTheSameInAnyBatch) {
  constexpr int64_t T = 37;
  for (const Kind kind : kKinds) {
    const Model model = MakeModel(kind);
    const Profile profile =
        Profile::Parse("uniform", model.config().num_layers);
    const std::vector<int32_t> ids =
        RandomIds(5 * T, model.config().vocab_size, 7);
    const std::vector<double> five = model.Score(ids, 5, profile).nll;
    for (const int64_t B : {1, 2}) {
      for (int64_t row = 0; row + B <= 5; ++row) {
        const std::vector<double> part =
            model.Score(std::span(ids).subspan(row * T, B * T), B, profile).nll;
        EXPECT_TRUE(SameBits(part, {five.begin() + row * (T - 1),
                                    five.begin() + (row + B) * (T - 1)}))
            << B << " " << row;
      }
    }
  }
}

// Statistics of two calls, put together along the last axis.
std::vector<double> Joined(const HostTensor& a, const HostTensor& b) {
  const std::vector<double> x = ToDoubles(a), y = ToDoubles(b);
  const int64_t n = a.shape.back(), m = b.shape.back();
  const int64_t rows = n > 0 ? static_cast<int64_t>(x.size()) / n
                             : static_cast<int64_t>(y.size()) / m;
  std::vector<double> all;
  for (int64_t r = 0; r < rows; ++r) {
    all.insert(all.end(), x.begin() + r * n, x.begin() + (r + 1) * n);
    all.insert(all.end(), y.begin() + r * m, y.begin() + (r + 1) * m);
  }
  return all;
}

TEST(Portable, EverySplitUpTo70TokensIsOnePass) {
  constexpr int64_t T = 71;
  for (const Kind kind : kKinds) {
    const Model model = MakeModel(kind);
    for (const char* name :
         {"uniform", "layers:1;every=2", "uniform;eta=shuffle;reset=32",
          "retina;eta=flip;reset-every=16"}) {
      const Profile profile = Profile::Parse(name, model.config().num_layers);
      const std::vector<int32_t> ids =
          RandomIds(T, model.config().vocab_size, 8);
      const ForwardOptions options = {.final_state = true,
                                      .statistics = StatisticsMode::kOn};
      const ForwardResult whole = model.Score(ids, 1, profile, options);
      for (int64_t cut = 1; cut < T; ++cut) {
        SCOPED_TRACE(std::string(name) + " cut " + std::to_string(cut));
        Sequences sequences = model.Start(1, profile);
        const std::span<const int32_t> all(ids);
        const ForwardResult a =
            model.Forward(sequences, all.first(cut), options);
        const ForwardResult b =
            model.Forward(sequences, all.subspan(cut), options);
        std::vector<double> nll = a.nll;
        nll.insert(nll.end(), b.nll.begin(), b.nll.end());
        EXPECT_TRUE(SameBits(nll, whole.nll));
        ExpectSame(b.state, whole.state);
        for (const char* array : {"token_grad_norm", "token_step", "gate",
                                  "update_norm", "relative_update"})
          EXPECT_TRUE(
              SameBits(Joined(a.statistics.at(array), b.statistics.at(array)),
                       ToDoubles(whole.statistics.at(array))))
              << array;
      }
    }
  }
}

TEST(Portable, DecodingIsPrefill) {
  const auto check = [](const Model& model, const std::vector<int32_t>& ids,
                        size_t prefill) {
    const Profile profile =
        Profile::Parse("uniform", model.config().num_layers);
    const ForwardResult whole =
        model.Score(ids, 1, profile, {.final_state = true});
    Sequences sequences = model.Start(1, profile);
    const std::span<const int32_t> all(ids);
    std::vector<double> nll =
        model.Forward(sequences, all.first(prefill), {}).nll;
    for (size_t t = prefill; t < ids.size(); ++t)
      for (const double loss :
           model.Forward(sequences, all.subspan(t, 1), {}).nll)
        nll.push_back(loss);
    EXPECT_TRUE(SameBits(nll, whole.nll));
    ExpectSame(sequences.FastWeights(), whole.state);
  };
  for (const Kind kind : kKinds) {
    const Model model = MakeModel(kind);
    check(model, RandomIds(70, model.config().vocab_size, 9), 1);
  }
  check(Shipped(Lane::kCpuPortable), RealIds(150), 37);
}

TEST(Portable, ASnapshotKeepsItsState) {
  const Model model = MakeModel(kKinds[2]);
  const Profile profile = Profile::Parse("uniform", model.config().num_layers);
  const std::vector<int32_t> ids = RandomIds(90, model.config().vocab_size, 4);
  const std::span<const int32_t> all(ids);
  Sequences sequences = model.Start(1, profile);
  model.Forward(sequences, all.first(41), {});
  Sequences snapshot = sequences.Snapshot();
  const std::vector<double> first =
      model.Forward(sequences, all.subspan(41), {}).nll;
  EXPECT_TRUE(
      SameBits(first, model.Forward(snapshot, all.subspan(41), {}).nll));
}

// Absolute differences from fp64 of the losses of one lane.
std::vector<double> Errors(const std::vector<double>& nll,
                           const std::vector<double>& exact) {
  std::vector<double> errors;
  for (size_t i = 0; i < nll.size(); ++i)
    errors.push_back(std::abs(nll[i] - exact[i]));
  return errors;
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2,
                   values.end());
  return values[values.size() / 2];
}

double Worst(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}

void ExpectNoWorse(const char* what, const std::vector<double>& portable,
                   const std::vector<double>& reference) {
  const double median = Median(portable) / Median(reference),
               worst = Worst(portable) / Worst(reference);
  std::printf(
      "%s: error against fp64, portable over LibTorch fp32: median %.3f "
      "(%.3g nats), worst %.3f (%.3g nats), %zu losses\n",
      what, median, Median(portable), worst, Worst(portable), portable.size());
  EXPECT_LE(median, 1.25) << what;
  EXPECT_LE(worst, 1.25) << what;
}

TEST(Portable, AsNearToFp64AsLibTorchOnTheParitySets) {
  std::vector<double> portable, reference;
  for (const char* prefix : {"a_", "b_"}) {
    for (const ParitySet& set : ParitySets(prefix)) {
      const std::vector<int32_t> ids = Ids(set);
      const auto score = [&](Lane lane) {
        const Model model = ImportParityModel(set, lane);
        const int64_t B = 2;
        return model
            .Score(ids, B, Profile::Parse("uniform", model.config().num_layers))
            .nll;
      };
      const std::vector<double> exact = score(Lane::kCpuReferenceFp64);
      for (const double e : Errors(score(Lane::kCpuPortable), exact))
        portable.push_back(e);
      for (const double e : Errors(score(Lane::kCpuReference), exact))
        reference.push_back(e);
    }
  }
  ExpectNoWorse("parity sets", portable, reference);
}

TEST(Portable, AsNearToFp64AsLibTorchOnTheShippedModel) {
  const std::vector<int32_t> ids = RealIds(2 * 700);
  const auto score = [&](Lane lane) {
    const Model model = Shipped(lane);
    return model
        .Score(ids, 2, Profile::Parse("uniform", model.config().num_layers))
        .nll;
  };
  const std::vector<double> exact = score(Lane::kCpuReferenceFp64);
  ExpectNoWorse("text-3m", Errors(score(Lane::kCpuPortable), exact),
                Errors(score(Lane::kCpuReference), exact));
}

// bf16 has 8 bits: 3e-3 of a logit of 10, many of them averaged.
TEST(Native, Bf16IsNearAndCountsTheSame) {
  const std::vector<int32_t> ids = RealIds(700);
  const Model exact = Shipped(Lane::kCpuReference);
  const Profile profile = Profile::Parse("retina", exact.config().num_layers);
  const ForwardResult expected = exact.Score(ids, 1, profile);
  for (const Lane lane :
       {Lane::kCpuPortable, Lane::kCpuNative, Lane::kCpuNativeBf16}) {
    SCOPED_TRACE(ToString(lane));
    try {
      const ForwardResult result = Shipped(lane).Score(ids, 1, profile);
      EXPECT_EQ(result.counters, expected.counters);
      double sum = 0, sum_expected = 0;
      for (size_t i = 0; i < result.nll.size(); ++i) {
        sum += result.nll[i];
        sum_expected += expected.nll[i];
      }
      EXPECT_NEAR(sum / sum_expected, 1.0,
                  lane == Lane::kCpuNativeBf16 ? 3e-3 : 1e-6);
    } catch (const Error& error) {  // this CPU may lack bf16 products
      EXPECT_EQ(lane, Lane::kCpuNativeBf16) << error.what();
      EXPECT_EQ(error.exit_code(), 2);
      EXPECT_NE(std::string(error.what()).find("cpu-portable"),
                std::string::npos);
    }
  }
}

TEST(Portable, StatisticsAreThoseOfTheOracle) {
  for (const Kind kind : kKinds) {
    const ModelConfig config = SmallConfig(kind.inner_model, kind.backbone);
    const TensorMap weights = RandomWeights(config, 11);
    const std::vector<int32_t> ids = RandomIds(2 * 53, config.vocab_size, 5);
    const Profile profile = Profile::Parse("layers:0,2@0.5", 3);
    const auto statistics = [&](Lane lane) {
      return Model::FromTensors(config, weights,
                                {.lane = lane, .num_threads = 1})
          .Score(ids, 2, profile, {.statistics = StatisticsMode::kVirtual})
          .statistics;
    };
    const TensorMap exact = statistics(Lane::kCpuReferenceFp64),
                    portable = statistics(Lane::kCpuPortable);
    ASSERT_EQ(exact.size(), portable.size());
    for (const auto& [name, tensor] : exact) {
      const std::vector<double> a = ToDoubles(tensor),
                                b = ToDoubles(portable.at(name));
      ASSERT_EQ(a.size(), b.size()) << name;
      for (size_t i = 0; i < a.size(); ++i) {
        ASSERT_EQ(std::isnan(a[i]), std::isnan(b[i])) << name << " " << i;
        // fp32, three layers of chaos-free random weights
        if (!std::isnan(a[i])) {
          ASSERT_NEAR(b[i], a[i], 2e-4 * (std::abs(a[i]) + 1e-2))
              << name << " " << i;
        }
      }
    }
  }
}

TEST(Portable, AWidthItCannotServeIsRefusedWithTheLanesThatCan) {
  ModelConfig config = SmallConfig(InnerModel::kLinear, Backbone::kMamba);
  config.num_heads = 4;  // d = 8
  for (const Lane lane : {Lane::kCpuPortable, Lane::kCpuNative}) {
    try {
      Model::FromTensors(config, RandomWeights(config, 1), {.lane = lane});
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      const std::string message = error.what();
      for (const char* part :
           {"head width is 8", "multiples of 16", "cpu-reference"})
        EXPECT_NE(message.find(part), std::string::npos) << message;
    }
  }
}

TEST(Portable, AnUnknownCapIsRefused) {
  const IsaCap cap("sse9");
  try {
    portable::SelectKernels();
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_NE(std::string(error.what()).find("sse9"), std::string::npos);
  }
}

}  // namespace
}  // namespace plastometer
