// Losses by word class with planted truth.
#include "harness/results/class_losses.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/philox.h"
#include "harness/stats/basic.h"

namespace plastometer {
namespace {

constexpr int64_t kTokens = 400;
constexpr size_t kUniform = 0, kRetina = 1, kCortex = 2;

double Mean(const ByWork& works) {
  double sum = 0, weight = 0;
  for (const stats::WorkTotals& w : works) sum += w.sum, weight += w.weight;
  return sum / weight;
}

struct Planted {
  RunRecord record;
  std::vector<std::vector<uint8_t>> classes;
  ClassLosses Losses() const {
    ClassLosses losses(record);
    for (size_t w = 0; w < classes.size(); ++w)
      losses.Add(record, w, classes[w]);
    return losses;
  }
};

// 16 works. Function words have a uniform loss of 0 to 4 nats, content words of
// 1 to 7. Retina loses a tenth of the loss's bin (by whole nats), and of
// function words `of_class` more; cortex loses nothing.
Planted Make(double of_class) {
  Planted planted;
  planted.record.uniform_idx = kUniform;
  planted.record.profiles.resize(3);
  PhiloxStream stream(7, 0);
  for (int64_t w = 0; w < 16; ++w) {
    planted.record.windows.push_back({"s", w < 8 ? "prose" : "tales",
                                      "work " + std::to_string(w), "d", 0,
                                      kTokens, 100, w * (kTokens - 1)});
    auto& classes = planted.classes.emplace_back();
    for (int64_t t = 0; t < kTokens; ++t) {
      const bool function = stream.NextBelow(2) == 0;
      classes.push_back(
          static_cast<uint8_t>(function ? 1 : 2 + stream.NextBelow(2)));
      if (t == 0) continue;
      const double u = stream.NextUniform(),
                   loss = function ? 4 * u : 1 + 6 * u;
      double edge = 0;
      for (const double e : kEqualLossEdges)
        if (loss >= e) edge = e;
      planted.record.profiles[kUniform].nll.push_back(loss);
      planted.record.profiles[kCortex].nll.push_back(loss);
      planted.record.profiles[kRetina].nll.push_back(loss + 0.1 * edge +
                                                     (function ? of_class : 0));
    }
  }
  return planted;
}

TEST(ClassLosses, DifferencesAreTheClasssOwn) {
  const Planted planted = Make(0.25);
  const ClassLosses losses = planted.Losses();
  ByWork bin = losses.DifferenceInBin(4, kRetina, kUniform, FunctionWords());
  EXPECT_NEAR(Mean(bin), 0.1 * 3 + 0.25, 1e-12);
  EXPECT_EQ(bin.size(), 16u);
  bin = losses.DifferenceInBin(4, kRetina, kUniform, ContentWords());
  EXPECT_NEAR(Mean(bin), 0.1 * 3, 1e-12);
  EXPECT_EQ(losses.Tokens(FunctionWords()) + losses.Tokens(ContentWords()),
            16 * (kTokens - 1));
  EXPECT_EQ(losses.Tokens(Keywords()), 0);
  EXPECT_EQ(losses.Loss(kUniform, Keywords())[3].weight, 0);
  EXPECT_NEAR(Mean(losses.Loss(kUniform, FunctionWords())), 2, 0.1);
  EXPECT_EQ(losses.domain_of_work().front(), "prose");
  EXPECT_EQ(losses.domain_of_work().back(), "tales");
}

// What retina loses follows from the loss alone: function words, which are
// easier, seem to lose less, and at equal loss they do not.
TEST(ClassLosses, EqualLossTakesOutWhatIsEasy) {
  const ClassLosses losses = Make(0).Losses();
  const auto contrast = [&](auto of) {
    return Mean(
        (losses.*of)(kRetina, kCortex, FunctionWords(), ContentWords()));
  };
  EXPECT_LT(contrast(&ClassLosses::Contrast), -0.1);
  EXPECT_NEAR(contrast(&ClassLosses::ContrastAtEqualLoss), 0, 1e-12);
}

TEST(ClassLosses, WhatIsTheClasssRemainsAtEqualLoss) {
  const ClassLosses losses = Make(0.25).Losses();
  EXPECT_NEAR(Mean(losses.ContrastAtEqualLoss(kRetina, kCortex, FunctionWords(),
                                              ContentWords())),
              0.25, 1e-12);
  EXPECT_NEAR(Mean(losses.ContrastAtEqualLoss(kCortex, kUniform,
                                              FunctionWords(), ContentWords())),
              0, 1e-12);
}

TEST(ClassLosses, ATokenThatDivergedCountsNowhere) {
  Planted planted = Make(0);
  const int64_t all = planted.Losses().Tokens(FunctionWords()) +
                      planted.Losses().Tokens(ContentWords());
  planted.record.profiles[kCortex].nll[5] = stats::kUnknown;
  const ClassLosses losses = planted.Losses();
  EXPECT_EQ(losses.Tokens(FunctionWords()) + losses.Tokens(ContentWords()),
            all - 1);
  planted.classes[0].pop_back();
  EXPECT_THROW(planted.Losses(), Error);
}

// Of a generated task only some tokens are scored.
TEST(ClassLosses, OnlyScoredTokensCount) {
  Planted planted = Make(0);
  for (WindowRecord& w : planted.record.windows) w.scored = {{10, 20}};
  const ClassLosses losses = planted.Losses();
  EXPECT_EQ(losses.Tokens(FunctionWords()) + losses.Tokens(ContentWords()),
            16 * 10);
}

}  // namespace
}  // namespace plastometer
