// Dynamic evaluation against sets e_* (tests/data/parity/README.md), and its
// cost formulas against the products that LibTorch really computes.
#include "model/adapt/end_to_end.h"

#include <ATen/record_function.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "tests/model/core/parity_data.h"

namespace plastometer {
namespace {

using testing::HasSubstr;

Profile PerLayer(const std::vector<double>& lambdas) {
  std::vector<LayerSchedule> layers;
  for (const double lambda : lambdas)
    layers.push_back(LayerSchedule{.lambda = lambda});
  return {"per-layer", layers};
}

std::vector<double> Expected(const ParitySet& set, const std::string& name) {
  return ToDoubles(set.tensors.Read(name));
}

// [out, in] of PyTorch against our [in, out].
double TransposedDifference(const HostTensor& ours, const HostTensor& theirs) {
  const std::vector<double> a = ToDoubles(ours), b = ToDoubles(theirs);
  const int64_t in = ours.shape[0], out = ours.shape[1];
  double worst = 0;
  for (int64_t i = 0; i < in; ++i)
    for (int64_t o = 0; o < out; ++o)
      worst = std::max(worst, std::fabs(a[i * out + o] - b[o * in + i]));
  return worst;
}

// The sets take a step after the last chunk too. Ours would change nothing that
// is read and is left out: with one token more it is there.
std::vector<int32_t> OneMore(const ParitySet& set) {
  std::vector<int32_t> ids = Ids(set);
  ids.push_back(0);
  return ids;
}

EndToEndOptions OptionsOf(const ParitySet& set) {
  EndToEndOptions options;
  options.rate = set.json.at("sgd_lr");
  options.chunk_tokens = set.json.at("chunk");
  options.carry = set.name.find("carry") != std::string::npos;
  return options;
}

TEST(EndToEnd, EqualsTheParitySets) {
  size_t num_sets = 0;
  for (const ParitySet& set : ParitySets("e_")) {
    SCOPED_TRACE(set.name);
    ++num_sets;
    ModelConfig config;
    const TensorMap weights = ImportParityWeights(set, &config);
    const EndToEndModel fp64 =
                            EndToEndModel::FromTensors(config, weights, true),
                        fp32 =
                            EndToEndModel::FromTensors(config, weights, false);
    for (const auto& [name, lambdas] : set.json.at("lambda_sets").items()) {
      SCOPED_TRACE(name);
      const Profile profile = PerLayer(lambdas.get<std::vector<double>>());
      const EndToEndResult result =
          fp64.Adapt(Ids(set), profile, OptionsOf(set));
      const std::vector<double> expected = Expected(set, "token_loss." + name);
      const double worst = MaxAbsDifference(result.nll, expected);
      std::printf("%s %s losses max|diff| %.2e\n", set.name.c_str(),
                  name.c_str(), worst);
      EXPECT_LE(worst, 1e-10);
      EXPECT_LE(
          MaxAbsDifference(fp32.Adapt(Ids(set), profile, OptionsOf(set)).nll,
                           expected),
          5e-5);
      if (name != "ones") continue;
      const std::string last =
          "final.ones.model.layers." + std::to_string(config.num_layers - 1);
      const std::string ours =
          "model/h/" + std::to_string(config.num_layers - 1) + "/feed_forward/";
      const TensorMap final_weights =
          fp64.Adapt(OneMore(set), profile, OptionsOf(set), true).final_weights;
      int compared = 0;
      for (const auto& [theirs, mine] :
           {std::pair{".mlp.gate_proj.weight", "w1/kernel"},
            std::pair{".mlp.up_proj.weight", "w3/kernel"},
            std::pair{".mlp.down_proj.weight", "w2/kernel"}}) {
        if (!set.tensors.Has(last + theirs)) continue;
        ++compared;
        EXPECT_LE(TransposedDifference(final_weights.at(ours + mine),
                                       set.tensors.Read(last + theirs)),
                  1e-6);  // stored as fp32
      }
      EXPECT_GT(compared, 0);
    }
  }
  EXPECT_GE(num_sets, 3U);
}

TEST(EndToEnd, WeightsMoveAsFarAsTheParitySetsSay) {
  for (const ParitySet& set : ParitySets("e_")) {
    SCOPED_TRACE(set.name);
    ModelConfig config;
    const TensorMap weights = ImportParityWeights(set, &config);
    const EndToEndModel model =
        EndToEndModel::FromTensors(config, weights, true);
    for (const auto& [name, lambdas] : set.json.at("lambda_sets").items()) {
      const EndToEndResult result = model.Adapt(
          OneMore(set), PerLayer(lambdas.get<std::vector<double>>()),
          OptionsOf(set));
      for (int64_t l = 0; l < config.num_layers; ++l) {
        const char* parts[] = {"gate_proj", "up_proj", "down_proj"};
        for (size_t i = 0; i < 3; ++i) {
          const double expected = Expected(
              set, "delta_norm." + name + ".model.layers." + std::to_string(l) +
                       ".mlp." + parts[i] + ".weight")[0];
          EXPECT_NEAR(result.weight_change[static_cast<size_t>(l) * 3 + i],
                      expected, 1e-9);
        }
      }
    }
  }
}

// Products of two matrices that run while it lives, 2 FLOPs a multiply-add.
class ProductCounter {
 public:
  ProductCounter() {
    flops = 0;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(&OnEnter).needsInputs(true).scopes(
            {at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
  }
  ~ProductCounter() { at::removeCallback(handle_); }
  static inline int64_t flops = 0;

 private:
  static std::unique_ptr<at::ObserverContext> OnEnter(
      const at::RecordFunction& f) {
    if (std::string(f.name()) == "aten::mm") {
      const at::Tensor a = f.inputs()[0].toTensor(),
                       b = f.inputs()[1].toTensor();
      flops += 2 * a.size(0) * a.size(1) * b.size(1);
    }
    return nullptr;
  }
  at::CallbackHandle handle_;
};

// Products with weights, forward and backward, of one chunk. The inner loop's
// are products of batches of small matrices ("aten::bmm") and not among them.
int64_t ExpectedProducts(const ModelConfig& c, const std::vector<bool>& chosen,
                         int64_t n) {
  const int64_t D = c.hidden_size, F = c.intermediate_size, V = c.vocab_size,
                H = c.num_heads;
  // Q, V, O, G and the rates, SwiGLU; the head.
  const int64_t mixer = 4 * 2 * D * D + 2 * D * H, swiglu = 6 * D * F;
  int64_t flops = c.num_layers * (mixer + swiglu) + 2 * D * V;
  const auto first = std::find(chosen.begin(), chosen.end(), true);
  if (first == chosen.end()) return n * flops;
  flops += 2 * D * V;
  for (auto layer = first; layer != chosen.end(); ++layer) {
    if (*layer) flops += swiglu;
    flops += 2 * D * F;
    if (layer != first) flops += 4 * D * F + mixer;
  }
  return n * flops;
}

TEST(EndToEnd, ProductsThatRunAreThoseOfTheFormula) {
  const ModelConfig config = SmallConfig(InnerModel::kLinear, Backbone::kMamba);
  const EndToEndModel model =
      EndToEndModel::FromTensors(config, RandomWeights(config, 3), false);
  const std::vector<int32_t> ids = RandomIds(17 + 16, config.vocab_size, 4);
  const int64_t L = config.num_layers;
  for (const char* name : {"frozen", "uniform", "early:1", "late:1"}) {
    SCOPED_TRACE(name);
    const Profile profile = Profile::Parse(name, L);
    std::vector<bool> chosen, none(static_cast<size_t>(L), false);
    for (int64_t l = 0; l < L; ++l) chosen.push_back(profile.Lambda(l, 0) > 0);
    const ProductCounter counter;
    const EndToEndResult result = model.Adapt(ids, profile, {});
    // Two chunks; after the last there is no step.
    EXPECT_EQ(ProductCounter::flops, ExpectedProducts(config, chosen, 16) +
                                         ExpectedProducts(config, none, 16));
    // And the whole formula holds them and no less.
    EXPECT_GE(result.cost.forward_flops + result.cost.backward_flops,
              ProductCounter::flops);
  }
}

TEST(EndToEnd, LateLayersStopTheBackwardPassEarly) {
  const ModelConfig config = SmallConfig(InnerModel::kLinear, Backbone::kMamba);
  const EndToEndModel model =
      EndToEndModel::FromTensors(config, RandomWeights(config, 3), false);
  const std::vector<int32_t> ids = RandomIds(129, config.vocab_size, 4);
  const auto cost = [&](const char* name) {
    return model
        .Adapt(ids, Profile::Parse(name, config.num_layers),
               {.rate = 0.01, .chunk_tokens = 64})
        .cost;
  };
  const EndToEndCost uniform = cost("uniform"), early = cost("early:1"),
                     late = cost("late:1"), frozen = cost("frozen");
  EXPECT_EQ(frozen.backward_flops, 0);
  EXPECT_EQ(frozen.steps, 0);
  EXPECT_EQ(frozen.forward_flops, uniform.forward_flops);
  EXPECT_LT(late.backward_flops, early.backward_flops);
  EXPECT_LT(early.backward_flops, uniform.backward_flops);
  EXPECT_LT(late.peak_activation_bytes, early.peak_activation_bytes);
  EXPECT_GT(frozen.peak_activation_bytes, 0);
  EXPECT_EQ(late.adapted_bytes, early.adapted_bytes);
}

TEST(EndToEnd, NoLossSeesItsOwnGradient) {
  const ModelConfig config = SmallConfig(InnerModel::kLinear, Backbone::kMamba);
  const EndToEndModel model =
      EndToEndModel::FromTensors(config, RandomWeights(config, 3), true);
  std::vector<int32_t> ids = RandomIds(65, config.vocab_size, 4);
  const Profile uniform = Profile::Parse("uniform", config.num_layers);
  const EndToEndResult before = model.Adapt(ids, uniform, {.rate = 0.5});
  ids[40] = (ids[40] + 1) % static_cast<int32_t>(config.vocab_size);
  const EndToEndResult after = model.Adapt(ids, uniform, {.rate = 0.5});
  for (size_t i = 0; i < 39; ++i) EXPECT_EQ(before.nll[i], after.nll[i]) << i;
  EXPECT_NE(before.nll[39], after.nll[39]);
}

TEST(EndToEnd, BadInputIsNamed) {
  const ModelConfig config = SmallConfig(InnerModel::kLinear, Backbone::kMamba);
  const EndToEndModel model =
      EndToEndModel::FromTensors(config, RandomWeights(config, 3), false);
  const Profile uniform = Profile::Parse("uniform", config.num_layers);
  const auto message = [&](const std::vector<int32_t>& ids,
                           const Profile& profile,
                           const EndToEndOptions& options) -> std::string {
    try {
      model.Adapt(ids, profile, options);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message({1, 2, 3}, uniform, {.chunk_tokens = 20}),
              HasSubstr("multiple of 16"));
  EXPECT_THAT(message({1, 2, 3}, uniform, {.rate = -1}), HasSubstr("rate"));
  EXPECT_THAT(message({1}, uniform, {}), HasSubstr("at least 2"));
  EXPECT_THAT(message({1, 99999}, uniform, {}), HasSubstr("99999"));
  EXPECT_THAT(
      message({1, 2}, Profile::Parse("uniform;eta=flip", config.num_layers),
              {}),
      HasSubstr("controls of the inner loop"));
}

}  // namespace
}  // namespace plastometer
