// How often the 95 % interval holds the truth, on works that are skewed and
// unequal in size as texts are.
#include <gtest/gtest.h>

#include <cstdio>

#include "harness/stats/bootstrap.h"

namespace plastometer::stats {
namespace {

constexpr int kNumSimulations = 2000;

struct Limits {
  size_t num_works;
  double normal_low, exponential_low;
};

class Coverage : public ::testing::TestWithParam<Limits> {};

TEST_P(Coverage, OfTheInterval) {
  const auto [num_works, normal_low, exponential_low] = GetParam();
  const double normal =
      SimulatedCoverage(Population::kNormal, num_works, kNumSimulations, 20);
  const double exponential = SimulatedCoverage(Population::kExponential,
                                               num_works, kNumSimulations, 20);
  const double bca = SimulatedCoverage(Population::kNormal, num_works,
                                       kNumSimulations, 20, Method::kBca);
  std::printf(
      "%2zu works: studentised %.3f (normal) %.3f (exponential); BCa %.3f "
      "(normal)\n",
      num_works, normal, exponential, bca);
  EXPECT_GE(normal, normal_low);
  EXPECT_LE(normal, 0.98);
  EXPECT_GE(exponential, exponential_low);
  // Why the studentised interval is the default.
  EXPECT_GT(normal, bca);
}

// Measured with 20,000 simulations: normal 0.935 0.937 0.941 0.944, exponential
// 0.910 0.929 0.936 0.945; less 4 standard errors of 2,000 simulations.
INSTANTIATE_TEST_SUITE_P(Sizes, Coverage,
                         ::testing::Values(Limits{8, 0.915, 0.885},
                                           Limits{16, 0.917, 0.903},
                                           Limits{32, 0.921, 0.911},
                                           Limits{64, 0.924, 0.919}));

}  // namespace
}  // namespace plastometer::stats
