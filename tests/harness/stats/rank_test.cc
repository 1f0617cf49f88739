// Ranks and correlations against SciPy 1.17 (rankdata, spearmanr, pearsonr).
#include "harness/stats/rank.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "harness/stats/basic.h"

namespace plastometer::stats {
namespace {

const std::vector<double> kA = {0.5, 2.0, 2.0, -1.0, 7.5, 3.25, 0.0, 2.0};
const std::vector<double> kB = {1.0, 3.0, 2.5, 0.5, 2.5, 9.0, -4.0, 1.5};

TEST(Ranks, TiesShareTheMeanRank) {
  EXPECT_THAT(Ranks(kA), testing::ElementsAre(3, 5, 5, 1, 8, 7, 2, 5));
}

TEST(Ranks, WhatIsUnknownHasNoRank) {
  const auto ranks = Ranks(std::vector<double>{2, kUnknown, 1});
  EXPECT_EQ(ranks[0], 2);
  EXPECT_TRUE(std::isnan(ranks[1]));
  EXPECT_EQ(ranks[2], 1);
}

TEST(Correlation, IsSciPys) {
  EXPECT_NEAR(RankCorrelation(kA, kB), 0.8222251619036417, 1e-14);
  EXPECT_NEAR(LaggedCorrelation(kA, kB), 0.4533141906217385, 1e-14);
  EXPECT_NEAR(LaggedCorrelation(kA, kB, 2), -0.9084890932430351, 1e-14);
  EXPECT_NEAR(LaggedCorrelation(kA, kB, -1), -0.368487680065071, 1e-14);
}

TEST(Correlation, PassesOverUnknownPairs) {
  std::vector<double> a = kA, b = kB;
  a.insert(a.begin() + 3, kUnknown);
  b.insert(b.begin() + 3, 100.0);
  EXPECT_NEAR(RankCorrelation(a, b), 0.8222251619036417, 1e-14);
}

TEST(Correlation, NothingVariesOrTooFew) {
  EXPECT_TRUE(std::isnan(RankCorrelation(std::vector<double>{1, 1, 1},
                                         std::vector<double>{1, 2, 3})));
  EXPECT_TRUE(std::isnan(LaggedCorrelation(kA, kB, 6)));
  EXPECT_TRUE(std::isnan(LaggedCorrelation(kA, kB, 20)));
}

}  // namespace
}  // namespace plastometer::stats
