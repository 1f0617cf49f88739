// How often the 95 % interval holds the truth, on works that are skewed and
// unequal in size as texts are.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "base/philox.h"
#include "harness/stats/basic.h"
#include "harness/stats/bootstrap.h"

namespace plastometer::stats {
namespace {

constexpr int kNumSimulations = 2000;

// Simulated works: log-normal weights, and means that follow the weight and
// scatter as a normal or an exponential variable. Means of texts lie between
// the two.
enum class Population { kNormal, kExponential };

// The truth is the ratio of expectations: with weight = exp(y / 2), y normal,
// E[w y] / E[w] = 1/2.
constexpr double kTruth = 3.0 + 0.3 * 0.3 * 0.5;

WorkTotals SimulatedWork(Population population, PhiloxStream* stream) {
  const double y = NormalQuantile(stream->NextUniform());
  const double u = stream->NextUniform();
  const double scatter =
      population == Population::kNormal ? NormalQuantile(u) : -std::log(u) - 1;
  const double weight = std::exp(0.5 * y);
  return {weight * (3.0 + 0.3 * (0.3 * y + scatter)), weight};
}

// How often the interval covers the truth: nominally 0.95.
double SimulatedCoverage(Population population, size_t num_works,
                         Method method = Method::kStudentised) {
  constexpr uint64_t kSeed = 20;
  int num_covered = 0;
  for (int i = 0; i < kNumSimulations; ++i) {
    // The data come from another key than the resamples; a shared one would tie
    // the draws to the data.
    PhiloxStream stream(~kSeed, static_cast<uint64_t>(i));
    std::vector<WorkTotals> works(num_works);
    for (WorkTotals& w : works) w = SimulatedWork(population, &stream);
    const Interval interval = WeightedMean(
        works, kSeed + static_cast<uint64_t>(i), kNumResamples, method);
    if (interval.low <= kTruth && kTruth <= interval.high) ++num_covered;
  }
  return static_cast<double>(num_covered) / kNumSimulations;
}

struct Limits {
  size_t num_works;
  double normal_low, exponential_low;
};

class Coverage : public ::testing::TestWithParam<Limits> {};

TEST_P(Coverage, OfTheInterval) {
  const auto [num_works, normal_low, exponential_low] = GetParam();
  const double normal = SimulatedCoverage(Population::kNormal, num_works);
  const double exponential =
      SimulatedCoverage(Population::kExponential, num_works);
  const double bca =
      SimulatedCoverage(Population::kNormal, num_works, Method::kBca);
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
