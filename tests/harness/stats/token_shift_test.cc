#include "harness/stats/token_shift.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "base/error.h"

namespace plastometer::stats {
namespace {

using Logits = std::vector<double>;

TokenShift Shift(const Logits& from, const Logits& to) {
  return ShiftBetween(Softmax(from), Softmax(to));
}

// Logits of {p, 1 - p}.
Logits Coin(double p) { return {std::log(p), std::log(1 - p)}; }

TEST(TokenShift, SoftmaxIgnoresAConstantAndSumsToOne) {
  const Distribution d = Softmax(Logits{1001, 1000, 998});
  const double sum = 1 + std::exp(-1.0) + std::exp(-3.0);
  EXPECT_NEAR(d.p[0], 1 / sum, 1e-15);
  EXPECT_NEAR(d.p[2], std::exp(-3.0) / sum, 1e-15);
  EXPECT_NEAR(d.log_p[1], -1 - std::log(sum), 1e-14);
}

TEST(TokenShift, TwoCoinsHaveClosedForms) {
  const double p = 0.8, q = 0.3, m = (p + q) / 2;
  const auto kl = [](double a, double b) {
    return a * std::log(a / b) + (1 - a) * std::log((1 - a) / (1 - b));
  };
  const TokenShift shift = Shift(Coin(p), Coin(q));
  EXPECT_NEAR(shift.kl, kl(p, q), 1e-15);
  EXPECT_NEAR(shift.js, (kl(p, m) + kl(q, m)) / 2, 1e-15);
  EXPECT_TRUE(shift.top_flipped);
  EXPECT_NEAR(Shift(Coin(q), Coin(p)).kl, kl(q, p), 1e-15);
  EXPECT_NEAR(Shift(Coin(q), Coin(p)).js, shift.js, 1e-15);
  EXPECT_FALSE(Shift(Coin(p), Coin(0.6)).top_flipped);
}

// KL of one shift of all tokens but one: softmax(x) against softmax(x + c e_0)
// is log(1 + p_0 (e^c - 1)) - p_0 c.
TEST(TokenShift, OneLogitRaised) {
  const Logits x = {0.3, -1, 2, 0};
  const double p = Softmax(x).p[0];
  for (const double c : {1e-4, 0.5, 4.0}) {
    Logits y = x;
    y[0] += c;
    EXPECT_NEAR(Shift(x, y).kl, std::log1p(p * std::expm1(c)) - p * c, 1e-15);
  }
}

TEST(TokenShift, EqualDistributionsAreExactlyZero) {
  std::mt19937 generator(1);
  std::normal_distribution<double> normal(0, 5);
  Logits x(4096);
  for (double& v : x) v = normal(generator);
  const TokenShift shift = Shift(x, x);
  EXPECT_EQ(shift.kl, 0);
  EXPECT_EQ(shift.js, 0);
  EXPECT_FALSE(shift.top_flipped);
}

TEST(TokenShift, BoundsHold) {
  std::mt19937 generator(2);
  std::normal_distribution<double> normal(0, 1);
  for (const double scale : {1e-9, 1e-4, 1.0, 30.0, 1000.0}) {
    for (int i = 0; i < 50; ++i) {
      Logits x(37), y(37);
      for (size_t j = 0; j < x.size(); ++j) {
        x[j] = 10 * normal(generator);
        y[j] = x[j] + scale * normal(generator);
      }
      const TokenShift shift = Shift(x, y);
      EXPECT_GE(shift.kl, 0);
      EXPECT_GE(shift.js, 0);
      EXPECT_LE(shift.js, std::numbers::ln2);
      // KL is convex in its second argument: JS is a quarter of both KL at
      // most.
      EXPECT_LE(shift.js, (shift.kl + Shift(y, x).kl) / 4 + 1e-15);
    }
  }
}

TEST(TokenShift, DisjointDistributionsAreLnTwoApart) {
  EXPECT_EQ(Shift({2000, 0}, {0, 2000}).js, std::numbers::ln2);
  EXPECT_EQ(Shift({2000, 0}, {0, 2000}).kl, 2000);
  // The smaller one is a denormal number.
  EXPECT_EQ(Shift({740, 0}, {0, 740}).js, std::numbers::ln2);
}

TEST(TokenShift, NotFiniteIsUnknown) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const TokenShift shift = Shift({0, 1}, {nan, 1});
  EXPECT_TRUE(std::isnan(shift.kl));
  EXPECT_TRUE(std::isnan(shift.js));
}

TEST(TokenShift, EqualTopsCountAsTheLowestId) {
  EXPECT_FALSE(Shift({1, 1, 0}, {2, 1, 0}).top_flipped);
  EXPECT_TRUE(Shift({1, 1, 0}, {1, 2, 0}).top_flipped);
}

TEST(TokenShift, RefusesDifferentSizes) {
  EXPECT_THROW(Shift({0, 1}, {0, 1, 2}), Error);
  EXPECT_THROW(Softmax({}), Error);
}

}  // namespace
}  // namespace plastometer::stats
