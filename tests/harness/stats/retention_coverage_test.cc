// How often the intervals behind verdicts hold the truth, on works as texts
// have them: few windows in most and many in some, gains that are skewed,
// window noise, and a denominator that may be near 0. Prints the table of
// docs/intervals.md.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "base/philox.h"
#include "harness/stats/contrast.h"
#include "harness/stats/ratio.h"

namespace plastometer::stats {
namespace {

constexpr int kNumSimulations = 2000, kNumResampled = 1000;
constexpr double kShare = 0.05;  // of the gap that may be lost

struct Planted {
  const char* name;
  double gap, spread;  // frozen - uniform over works, nats: mean, deviation
  bool skewed;         // exponential, else normal
  double retention;
};

struct Sample {
  std::vector<double> kept, gap, weights;
};

// Tokens of a work: 1 to 12 windows, most of them few.
Sample Draw(const Planted& planted, size_t num_works, uint64_t simulation) {
  PhiloxStream stream(~uint64_t{7}, simulation);
  const auto normal = [&] { return NormalQuantile(stream.NextUniform()); };
  Sample sample;
  for (size_t i = 0; i < num_works; ++i) {
    const double windows =
        std::min(12.0, 1 + std::floor(-2 * std::log(stream.NextUniform())));
    const double weight = 2047 * windows;
    const double scatter =
        planted.skewed ? -std::log(stream.NextUniform()) - 1 : normal();
    const double gap = planted.gap + planted.spread * scatter +
                       0.02 * normal() / std::sqrt(windows);
    const double share = planted.retention + 0.15 * normal();
    const double kept = share * gap + 0.02 * normal() / std::sqrt(windows);
    sample.kept.push_back(kept * weight);
    sample.gap.push_back(gap * weight);
    sample.weights.push_back(weight);
  }
  return sample;
}

struct Counts {
  double contrast = 0, studentised = 0, retention = 0, available = 0, yes = 0,
         no = 0;
};

Counts Simulate(const Planted& planted, size_t num_works) {
  const double truth = (1 - kShare - planted.retention) * planted.gap;
  Counts counts;
  int num_available = 0, num_ratio = 0;
  for (int i = 0; i < kNumSimulations; ++i) {
    const Sample s = Draw(planted, num_works, static_cast<uint64_t>(i));
    std::vector<WorkTotals> works;  // L_p - .05 L_f - .95 L_u
    for (size_t w = 0; w < num_works; ++w)
      works.push_back({(1 - kShare) * s.gap[w] - s.kept[w], s.weights[w]});
    const Interval contrast =
        VerdictInterval(works, 1000 + static_cast<uint64_t>(i), kNumResampled);
    const Interval alone =
        WeightedMean(works, 1000 + static_cast<uint64_t>(i), kNumResampled);
    counts.studentised += alone.low <= truth && truth <= alone.high;
    counts.contrast += contrast.low <= truth && truth <= contrast.high;
    counts.yes += IsNegative(contrast) == Verdict::kYes;
    counts.no += IsNegative(contrast) == Verdict::kNo;
    const RatioResult ratio = FiellerRatio(s.kept, s.gap, s.weights);
    if (!ratio.interval) continue;
    ++num_available;
    num_ratio += ratio.interval->low <= planted.retention &&
                 planted.retention <= ratio.interval->high;
  }
  counts.contrast /= kNumSimulations;
  counts.studentised /= kNumSimulations;
  counts.yes /= kNumSimulations;
  counts.no /= kNumSimulations;
  counts.available = static_cast<double>(num_available) / kNumSimulations;
  counts.retention = static_cast<double>(num_ratio) / num_available;
  return counts;
}

// Two checkpoints on the same works: the gap of B is the gap of A and some
// noise of its own.
double DifferenceCoverage(const Planted& planted, size_t num_works) {
  int num_held = 0, num_shown = 0;
  for (int i = 0; i < kNumSimulations; ++i) {
    const Sample a = Draw(planted, num_works, static_cast<uint64_t>(i));
    PhiloxStream stream(~uint64_t{8}, static_cast<uint64_t>(i));
    Sample b = a;
    std::vector<WorkTotals> gap_a, gap_b;
    for (size_t w = 0; w < num_works; ++w) {
      const auto noise = [&] {
        return 0.05 * planted.gap * NormalQuantile(stream.NextUniform()) *
               a.weights[w];
      };
      b.gap[w] += noise();
      // 0.1 of the gap of A more, whatever the gap of B is.
      b.kept[w] += 0.1 * a.gap[w] + noise();
      gap_a.push_back({a.gap[w], a.weights[w]});
      gap_b.push_back({b.gap[w], b.weights[w]});
    }
    if (!(WeightedMean(gap_a, 1, 200).low > 0) ||
        !(WeightedMean(gap_b, 1, 200).low > 0))
      continue;
    ++num_shown;
    const Interval d =
        RatioDifference({b.kept, b.gap}, {a.kept, a.gap}, a.weights);
    num_held += d.low <= 0.1 && 0.1 <= d.high;
  }
  const double coverage = static_cast<double>(num_held) / num_shown;
  std::printf("%-28s %2zu works: retention B - A %.3f of %d shown\n",
              planted.name, num_works, coverage, num_shown);
  return coverage;
}

TEST(RetentionDifference, CoversTheTruthWhereItIsShown) {
  for (const size_t num_works : {16, 32, 64}) {
    EXPECT_GT(
        DifferenceCoverage({"normal gains", 0.3, 0.1, false, 0.5}, num_works),
        0.92);
    EXPECT_GT(
        DifferenceCoverage({"skewed gains", 0.3, 0.3, true, 0.5}, num_works),
        0.90);
  }
}

class RetentionCoverage
    : public ::testing::TestWithParam<std::tuple<Planted, size_t>> {};

TEST_P(RetentionCoverage, OfContrastAndRatio) {
  const auto& [planted, num_works] = GetParam();
  const Counts c = Simulate(planted, num_works);
  std::printf(
      "%-28s %2zu works: verdict interval %.3f (studentised alone %.3f), yes "
      "%.3f, no %.3f; retention %.3f, available %.3f\n",
      planted.name, num_works, c.contrast, c.studentised, c.yes, c.no,
      c.retention, c.available);
  // Four standard errors of 2,000 simulations at .95 are .020.
  EXPECT_GT(c.contrast, 0.915);
  EXPECT_LT(c.contrast, 0.985);
  if (planted.retention == 1 - kShare) {  // on the line: both are wrong
    EXPECT_LT(c.yes, 0.04);
    EXPECT_LT(c.no, 0.04);
  }
  if (planted.gap > 2 * planted.spread / std::sqrt(num_works))
    EXPECT_GT(c.retention, 0.90);
}

INSTANTIATE_TEST_SUITE_P(
    Planted, RetentionCoverage,
    ::testing::Combine(
        ::testing::Values(
            Planted{"normal gains, R = .95", 0.3, 0.1, false, 0.95},
            Planted{"skewed gains, R = .95", 0.3, 0.3, true, 0.95},
            Planted{"skewed gains, R = .5", 0.3, 0.3, true, 0.5},
            Planted{"gap near 0, R = .5", 0.02, 0.06, false, 0.5}),
        ::testing::Values(size_t{16}, size_t{32}, size_t{64})));

}  // namespace
}  // namespace plastometer::stats
