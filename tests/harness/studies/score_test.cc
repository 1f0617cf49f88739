#include "harness/studies/score.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/harness/run/tiny_model.h"

namespace plastometer {
namespace {

TEST(ScoreTokens, ChunksOfAnySizeGiveTheSame) {
  const Model model = TinyModel();
  const Profile profile = Profile::Parse("uniform;until=32", 4);
  TokenIds tokens{2, 45, {}};
  for (int32_t salt : {1, 2}) {
    const Window window = TinyWindow("a", 45, salt);
    tokens.ids.insert(tokens.ids.end(), window.ids.begin(), window.ids.end());
  }
  const ScoreOutput whole = ScoreTokens(model, profile, tokens,
                                        {true, true, StatisticsMode::kOff, 0});
  for (int64_t chunk : {1, 16, 17, 44, 100}) {
    const ScoreOutput parts = ScoreTokens(
        model, profile, tokens, {true, true, StatisticsMode::kOff, chunk});
    ASSERT_EQ(parts.tensors.size(), whole.tensors.size());
    EXPECT_EQ(parts.counters, whole.counters);
    for (const auto& [name, tensor] : whole.tensors) {
      const auto x = ToDoubles(tensor), y = ToDoubles(parts.tensors.at(name));
      ASSERT_EQ(parts.tensors.at(name).shape, tensor.shape) << name;
      for (size_t i = 0; i < x.size(); ++i) {
        if (std::isnan(x[i])) continue;  // loss of token 0
        ASSERT_NEAR(x[i], y[i], 1e-10) << name << " " << chunk;
      }
    }
  }
}

// The first token has logits and a state, but no loss: without either there
// is nothing to write.
TEST(ScoreTokens, OneTokenIsEnoughForLogitsOrState) {
  const Model model = TinyModel();
  const Profile profile = Profile::Parse("uniform", 4);
  const TokenIds one{2, 1, {1, 5}}, more{2, 3, {1, 2, 3, 5, 6, 7}};
  const ScoreOutput logits = ScoreTokens(model, profile, one, {true, false});
  EXPECT_EQ(logits.tensors.at("nll").shape, (std::vector<int64_t>{2, 0}));
  EXPECT_EQ(logits.tensors.at("loss").shape, (std::vector<int64_t>{2, 1}));
  EXPECT_TRUE(std::isnan(logits.mean_nll));
  const auto first = ToDoubles(logits.tensors.at("logits"));
  const auto all = ToDoubles(
      ScoreTokens(model, profile, more, {true, false}).tensors.at("logits"));
  ASSERT_EQ(all.size(), 3 * first.size());
  for (size_t i = 0; i < first.size(); ++i) {
    const size_t row = i / (first.size() / 2), rest = i % (first.size() / 2);
    ASSERT_NEAR(first[i], all[row * all.size() / 2 + rest], 1e-6) << i;
  }
  const ScoreOutput state = ScoreTokens(model, profile, one, {false, true});
  EXPECT_TRUE(state.tensors.contains("final_state.0.W1"));
  EXPECT_THROW(ScoreTokens(model, profile, one, {}), Error);
  EXPECT_THROW(ScoreTokens(model, profile, {1, 0, {}}, {true, true}), Error);
}

TEST(ScoreTokens, TheFirstLossThatIsNotFiniteIsPlaced) {
  const double nan = std::nan("");
  const NotFinite found = FindNotFinite({1, 2, 3, 4, INFINITY, nan}, 4);
  EXPECT_EQ(found.row, 1);
  EXPECT_EQ(found.token, 2);
  EXPECT_EQ(found.count, 2);
  EXPECT_EQ(FindNotFinite({nan, 2}, 2).token, 1);
  EXPECT_EQ(FindNotFinite({1, 2}, 2).count, 0);
  EXPECT_EQ(FindNotFinite({}, 1).count, 0);
}

// A scale of the inner norm whose square fp32 does not hold.
TEST(ScoreTokens, AModelThatDivergesIsNotTakenForOneWithoutLosses) {
  const Model model = TinyModel(
      [](const std::string& name, HostTensor& tensor) {
        if (!name.ends_with("ttt_norm/scale")) return;
        const auto n = static_cast<size_t>(tensor.NumElements());
        tensor = HostTensor::FromF32(tensor.shape, std::vector(n, 1e25F));
      },
      {Lane::kCpuPortable, 1});
  const TokenIds tokens{1, 40, TinyWindow("a", 40, 1).ids};
  const ScoreOutput output =
      ScoreTokens(model, Profile::Parse("uniform", 4), tokens, {});
  EXPECT_EQ(output.not_finite.row, 0);
  EXPECT_GT(output.not_finite.count, 0);
  EXPECT_TRUE(std::isnan(output.mean_nll));
}

TEST(ScoreTokens, RefusesIdsOutsideTheVocabulary) {
  const Model model = TinyModel();
  const Profile profile = Profile::Parse("uniform", 4);
  EXPECT_THROW(ScoreTokens(model, profile, {1, 3, {1, 64, 2}}, {}), Error);
  EXPECT_THROW(ScoreTokens(model, profile, {1, 1, {1}}, {}), Error);
  EXPECT_THROW(ScoreTokens(model, profile, {0, 0, {}}, {}), Error);
}

}  // namespace
}  // namespace plastometer
