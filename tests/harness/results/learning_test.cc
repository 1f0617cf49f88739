// Statistics with planted truth: what the summary must find.
#include "harness/results/learning.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/philox.h"
#include "harness/stats/basic.h"

namespace plastometer {
namespace {

constexpr int64_t kL = 4, kH = 2, kT = 512, kM = kT / 16;
constexpr int kNumWorks = 20;
const std::vector<std::string> kClasses = {"other", "function", "seen content",
                                           "new content"};

RunRecord Record() {
  RunRecord record;
  record.seed = 1;
  for (int w = 0; w < kNumWorks; ++w)
    record.windows.push_back({"s", "prose", "work " + std::to_string(w), "d", 0,
                              kT, 100, w * (kT - 1)});
  return record;
}

// Layer 3 is frozen. Steps follow the loss two tokens later, times the word's
// class, times a strong pattern of the place in the mini-batch and of time; the
// gate is noise; layer l's norms are l + 1, the relative update halves from
// first to last quarter in layer 0 only, and the second head's is three times
// the first's.
WindowStatistics Planted(uint64_t window) {
  PhiloxStream stream(3, window);
  const auto normal = [&] {
    return stats::NormalQuantile(stream.NextUniform());
  };
  WindowStatistics s;
  s.L = kL, s.H = kH, s.T = kT, s.M = kM;
  for (int64_t t = 0; t < kT; ++t) {
    s.loss.push_back(t == 0 ? stats::kUnknown : 3 + normal());
    s.word_class.push_back(static_cast<uint8_t>(1 + stream.NextBelow(3)));
    s.token_ids.push_back(static_cast<int32_t>(stream.NextBelow(50)));
  }
  const float nan = std::nanf("");
  for (int64_t l = 0; l < kL; ++l) {
    for (int64_t h = 0; h < kH; ++h) {
      for (int64_t m = 0; m < kM; ++m) {
        const float norm = l == 3 ? nan : static_cast<float>(l + 1);
        s.grad_norm.push_back(norm);
        s.update_norm.push_back(2 * norm);
        const float of_head = h == 0 ? norm / 2 : norm * 3 / 2;
        s.relative_update.push_back(l == 0 && m >= 3 * kM / 4 ? of_head / 2
                                                              : of_head);
      }
      for (int64_t t = 0; t < kT; ++t) {
        const double place = 1 + 10 * static_cast<double>(t % 16 == 3);
        const double time = t < 16 ? 30 : 1;
        const double before = t + 2 < kT ? s.loss[t + 2] : 3;
        const double word = s.word_class[t] == 3 ? 1.5 : 1;
        const double step = place * time * word * std::exp(0.2 * before);
        s.token_grad_norm.push_back(l == 3 ? nan : static_cast<float>(step));
        s.token_step.push_back(l == 3 ? nan : static_cast<float>(step));
        s.gate.push_back(l == 3 ? nan : static_cast<float>(normal()));
      }
    }
  }
  return s;
}

Learning Summary() {
  static const RunRecord record = Record();
  std::map<int32_t, int64_t> counts;
  for (int32_t id = 0; id < 50; ++id) counts[id] = 100 - id;
  LearningSummary summary(record, "layers:0-2", counts, kClasses);
  for (size_t w = 0; w < kNumWorks; ++w) summary.Add(w, Planted(w));
  return summary.Finish();
}

TEST(Learning, MapHoldsMeansOfNormsAndLeavesFrozenRowsOut) {
  const Learning learning = Summary();
  ASSERT_EQ(learning.map.edges.size(), kM + 1);  // 32 mini-batches, 32 bins
  EXPECT_EQ(learning.map.edges.back(), kT);
  for (size_t k = 0; k < kM; ++k) {
    EXPECT_EQ(learning.map.update_norm[1][k], 4);
    EXPECT_TRUE(std::isnan(learning.map.update_norm[3][k]));
    EXPECT_TRUE(std::isnan(learning.map.relative_update[3][k]));
  }
  EXPECT_EQ(learning.map.relative_update[0][kM - 1], 0.5);
  ASSERT_EQ(learning.map.relative_by_head.size(), kL * kH);
  EXPECT_EQ(learning.map.relative_by_head[kH][0], 1);
  EXPECT_EQ(learning.map.relative_by_head[kH + 1][0], 3);
  EXPECT_TRUE(std::isnan(learning.map.relative_by_head[3 * kH][0]));
}

TEST(Learning, DepthAndChange) {
  const Learning learning = Summary();
  EXPECT_NEAR(learning.depth_gradient.estimate, 1, 1e-12);
  EXPECT_NEAR(learning.relative_change[0].estimate, std::log(0.5), 1e-6);
  EXPECT_NEAR(learning.relative_change[1].estimate, 0, 1e-12);
  EXPECT_TRUE(std::isnan(learning.relative_change[3].estimate));
  EXPECT_NEAR(learning.gradient_change[0].estimate, 0, 1e-12);
  EXPECT_NEAR(learning.gradient_by_depth.early.estimate, 0, 1e-12);
  const DepthChange& relative = learning.relative_by_depth;
  EXPECT_NEAR(relative.early.estimate, std::log(0.5), 1e-6);
  EXPECT_NEAR(relative.others.estimate, 0, 1e-12);
  EXPECT_NEAR(relative.early_burn_in.estimate, 0, 1e-12);
  ASSERT_EQ(relative.difference.size(), size_t{kNumWorks});
  EXPECT_NEAR(relative.difference[5].sum, std::log(0.5), 1e-6);
}

// loss[t] and the step at t - 2: the peak is at lag -2, nothing elsewhere, in
// spite of position's pattern.
TEST(Learning, SurpriseIsFoundAtItsLag) {
  const Learning learning = Summary();
  const auto& step = learning.by_lag[1];
  EXPECT_GT(step[kMaxLag - 2].low, 0.6);
  for (int64_t lag : {-8, -1, 0, 1, 8})
    EXPECT_NEAR(step[kMaxLag + lag].estimate, 0, 0.05) << lag;
  for (const auto& at : learning.by_lag[2]) EXPECT_NEAR(at.estimate, 0, 0.05);
  EXPECT_TRUE(std::isnan(learning.by_layer[1][3].estimate));
}

TEST(Learning, ClassesAreFoundAlsoWithinBins) {
  const Learning learning = Summary();
  ASSERT_EQ(learning.words.contrasts.size(), 3u);
  for (const ClassContrast& c : learning.words.contrasts) {
    const bool has_new = c.a == "new content";
    for (const stats::Interval& i :
         {c.plain, c.equal_loss, c.equal_frequency}) {
      EXPECT_NEAR(i.estimate, has_new ? std::log(1.5) : 0, 0.02)
          << c.a << " - " << c.b;
      EXPECT_EQ(i.excludes_zero(), has_new) << c.a << " - " << c.b;
    }
  }
}

// Some learned rates are clipped to exactly 0: of one layer, of all of them, of
// a whole mini-batch. What remains is found as before.
TEST(Learning, StepsOfZeroLeaveTheRestAlone) {
  static const RunRecord record = Record();
  LearningSummary summary(record, "layers:0-2", {}, kClasses);
  for (size_t w = 0; w < kNumWorks; ++w) {
    WindowStatistics s = Planted(w);
    for (int64_t row = 0; row < 3 * kH; ++row) {
      float* step = s.token_step.data() + row * kT;
      step[100] = 0;
      if (row < kH) step[200] = 0;
      for (int64_t t = 320; t < 336; ++t) step[t] = 0;
    }
    summary.Add(w, s);
  }
  const Learning learning = summary.Finish();
  const WordLearning& words = learning.words;
  EXPECT_EQ(words.steps, int64_t{kNumWorks} * 3 * (kT - 1));
  EXPECT_EQ(words.zero_steps, int64_t{kNumWorks} * (3 + 1 + 3 * 16));
  EXPECT_EQ(words.zero_tokens, int64_t{kNumWorks} * 17);
  int64_t in_classes = 0, in_norms = 0;
  for (const ClassMean& c : words.classes)
    if (c.condition == "all") in_classes += c.tokens;
  for (const ClassNorms& c : words.norms) in_norms += c.tokens;
  EXPECT_EQ(in_classes, int64_t{kNumWorks} * (kT - 1 - 17));
  EXPECT_EQ(in_norms, int64_t{kNumWorks} * (kT - 1));
  EXPECT_NEAR(words.contrasts[0].plain.estimate, std::log(1.5), 0.03);
  EXPECT_NEAR(words.contrasts[0].equal_loss.estimate, std::log(1.5), 0.03);
  for (const auto& measure : learning.by_surprise)
    for (const stats::Interval& i : measure)
      EXPECT_TRUE(std::isfinite(i.estimate));
}

TEST(Learning, MeanNormsOfClasses) {
  const Learning learning = Summary();
  ASSERT_EQ(learning.words.norms.size(), 3u);
  const ClassNorms& fresh = learning.words.norms[2];
  EXPECT_EQ(fresh.word_class, "new content");
  double sum = 0, count = 0;
  for (size_t w = 0; w < kNumWorks; ++w) {
    const WindowStatistics s = Planted(w);
    const std::vector<double> norm = WholeNorm(s, s.token_grad_norm);
    for (size_t t = 1; t < norm.size(); ++t)
      if (s.word_class[t] == 3) sum += norm[t], count += 1;
  }
  EXPECT_EQ(fresh.tokens, static_cast<int64_t>(count));
  EXPECT_NEAR(fresh.gradient.estimate, sum / count, 1e-9 * sum / count);
  EXPECT_EQ(fresh.step.estimate, fresh.gradient.estimate);
  EXPECT_LT(fresh.gradient.low, fresh.gradient.estimate);
}

TEST(WholeNorm, IsTheRootOfTheSumOfSquaresOfWhatLearns) {
  WindowStatistics s;
  s.L = 2, s.H = 2, s.T = 2;
  const float nan = std::nanf("");
  const std::vector<double> norm =
      WholeNorm(s, {3, nan, 4, nan, 12, nan, nan, nan});
  EXPECT_EQ(norm[0], 13);
  EXPECT_TRUE(std::isnan(norm[1]));
}

// The gradient follows the loss one token earlier.
TEST(SurprisePairs, PairTheLossWithTheNextTokensGradient) {
  SurprisePairs pairs(kNumWorks, 1);
  for (size_t w = 0; w < kNumWorks; ++w) {
    WindowStatistics s = Planted(w);
    for (int64_t row = 0; row < kL * kH; ++row)
      for (int64_t t = 0; t < kT; ++t)
        s.token_grad_norm[static_cast<size_t>(row * kT + t)] =
            t < 2 || t == 50 ? 0 : static_cast<float>(std::exp(s.loss[t - 1]));
    pairs.Add(w, s);
  }
  const SurpriseDensity density = pairs.Finish();
  EXPECT_NEAR(density.rank.estimate, 0.99, 0.01);
  EXPECT_GT(density.rank_without_position.low, 0.8);
  EXPECT_EQ(density.zero_gradients, kNumWorks);
  EXPECT_EQ(density.pairs, int64_t{kNumWorks} * (kT - 3));
  int64_t in_cells = 0;
  for (const auto& [cell, count] : density.cells) in_cells += count;
  EXPECT_EQ(in_cells, density.pairs);
}

// Found by a fuzzer: no int holds the cell of such a loss.
TEST(SurprisePairs, ALossBeyondEveryCellIsInTheLast) {
  SurprisePairs pairs(kNumWorks, 1);
  WindowStatistics s = Planted(0);
  s.loss[10] = -3e38;
  s.loss[20] = 3e38;
  pairs.Add(0, s);
  const SurpriseDensity density = pairs.Finish();
  EXPECT_EQ(density.cells.begin()->first.first, -1000000000);
  EXPECT_EQ(density.cells.rbegin()->first.first, 1000000000);
}

TEST(MapOfWindow, HoldsEveryMiniBatch) {
  const PlasticityMap map = MapOfWindow(Planted(0));
  ASSERT_EQ(map.edges.size(), kM + 1);
  EXPECT_EQ(map.edges[1], 16);
  EXPECT_EQ(map.grad_norm[2][5], 3);
  EXPECT_EQ(map.relative_update[0][kM - 1], 0.5);
  EXPECT_EQ(map.relative_by_head[3][0], 3);
  EXPECT_TRUE(std::isnan(map.update_norm[3][0]));
}

TEST(WithoutPosition, WhatIsNotFiniteChangesNothingElse) {
  std::vector<double> series(kT);
  for (size_t t = 0; t < series.size(); ++t)
    series[t] = static_cast<double>(t % 7);
  std::vector<double> spoilt = series;
  spoilt[40] = -std::numeric_limits<double>::infinity();
  const std::vector<double> rest = WithoutPosition(spoilt);
  EXPECT_TRUE(std::isnan(rest[40]));
  spoilt[40] = stats::kUnknown;
  const std::vector<double> unknown = WithoutPosition(spoilt);
  for (size_t t = 0; t < series.size(); ++t)
    EXPECT_TRUE(t == 40 || rest[t] == unknown[t]) << t;
}

TEST(WithoutPosition, RemovesPlaceAndOctave) {
  std::vector<double> series(kT);
  for (size_t t = 0; t < series.size(); ++t)
    series[t] = 5.0 * static_cast<double>(t % 16) + (t < 16 ? 100 : 0);
  for (const double x : WithoutPosition(series)) EXPECT_NEAR(x, 0, 1e-9);
  series[7] = stats::kUnknown;
  EXPECT_TRUE(std::isnan(WithoutPosition(series)[7]));
}

}  // namespace
}  // namespace plastometer
