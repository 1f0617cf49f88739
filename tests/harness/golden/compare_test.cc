// One golden, one planted difference each time: the tier that must see it sees
// it, and says where.
#include "harness/golden/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "tests/harness/golden/whole_golden.h"

namespace plastometer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

void InClass(Golden& golden, const std::string& lane) {
  golden.metrics.lane = lane;
  golden.metrics.numeric_class = lane + "+2.11+avx2+t2";
}

void Move(Golden& golden, double nats_per_window) {
  for (WindowTrace& w : golden.trace.windows) {
    w.nll_sum += nats_per_window;
    for (double& nll : w.nll) nll += nats_per_window / (kTokens - 1);
    for (uint64_t& digest : w.block_digests) ++digest;
  }
}

const TierResult& Tier(const Comparison& c, size_t tier) {
  EXPECT_LT(tier, c.tiers.size());
  EXPECT_EQ(c.tiers[tier].tier, static_cast<int>(tier));
  return c.tiers[tier];
}

Comparison AfterChange(const Change& change) {
  const Golden golden = Whole();
  Golden candidate = golden;
  change(candidate);
  return Compare(candidate, &golden);
}

TEST(Compare, EqualGoldensPassAtEveryTier) {
  const Comparison c = AfterChange([](Golden&) {});
  EXPECT_EQ(c.verdict, Verdict::kPass);
  EXPECT_EQ(ExitCode(c.verdict), 0);
  EXPECT_EQ(c.chosen_tier, 3);
  EXPECT_THAT(c.chosen_because, HasSubstr("every machine"));
  ASSERT_EQ(c.tiers.size(), 4U);
  for (const TierResult& tier : c.tiers) {
    EXPECT_EQ(tier.outcome, TierResult::kPassed) << tier.name;
    EXPECT_FALSE(tier.detail.empty());
  }
  EXPECT_FALSE(c.divergence);
  EXPECT_EQ(c.mean_nll_change, 0);
  EXPECT_EQ(c.max_abs_nll_change, 0);
  EXPECT_EQ(c.probe_kl, 0);
}

TEST(Compare, NoGoldenIsInvalid) {
  const Golden candidate = Whole();
  const Comparison c = Compare(candidate, nullptr);
  EXPECT_EQ(c.verdict, Verdict::kInvalid);
  EXPECT_EQ(ExitCode(c.verdict), 4);
  EXPECT_EQ(c.chosen_tier, 0);
  EXPECT_THAT(Tier(c, 0).detail, HasSubstr("no golden"));
}

TEST(Compare, EveryPinIsTheContract) {
  const std::pair<std::string, Change> pins[] = {
      {"suite", [](Golden& g) { g.pins.suite += "2"; }},
      {"case", [](Golden& g) { g.pins.name += "2"; }},
      {"profile", [](Golden& g) { g.pins.profile += "2"; }},
      {"profile_lambdas", [](Golden& g) { g.pins.profile_lambdas += ",1"; }},
      {"model_sha256", [](Golden& g) { g.pins.model_sha256[63] = 'f'; }},
      {"config", [](Golden& g) { g.pins.config_json += " "; }},
      {"tokenizer_sha256", [](Golden& g) { g.pins.tokenizer_sha256 = ""; }},
      {"data_sha256", [](Golden& g) { g.pins.data_sha256[0] = '0'; }},
      {"expect", [](Golden& g) { g.pins.expect = "diverges"; }},
      {"windows", [](Golden& g) { ++g.pins.num_windows; }},
      {"context_tokens", [](Golden& g) { ++g.pins.context_tokens; }},
      {"traced_windows", [](Golden& g) { ++g.pins.traced_windows; }}};
  for (const auto& [name, change] : pins) {
    const Comparison c = AfterChange(change);
    EXPECT_EQ(c.verdict, Verdict::kInvalid) << name;
    EXPECT_EQ(Tier(c, 0).outcome, TierResult::kFailed) << name;
    EXPECT_THAT(Tier(c, 0).detail, AllOf(HasSubstr("pin " + name + " is "),
                                         HasSubstr("the golden's is ")));
  }
}

TEST(Compare, TheNameOfTheModelsFileDecidesNothing) {
  EXPECT_EQ(AfterChange([](Golden& g) { g.pins.model_name += "2"; }).verdict,
            Verdict::kPass);
}

TEST(Compare, ALongPinIsCutToWhereItDiffers) {
  const Comparison c =
      AfterChange([](Golden& g) { g.pins.model_sha256[60] = 'f'; });
  EXPECT_THAT(Tier(c, 0).detail, HasSubstr("...aaaaaaaaaaaaaaafaaa,"));
  EXPECT_LT(Tier(c, 0).detail.size(), 100U);
}

TEST(Compare, TheBatchIsAPinWherePromisesDependOnIt) {
  const Change batch = [](Golden& g) { g.pins.batch_size = 1; };
  EXPECT_EQ(AfterChange(batch).verdict, Verdict::kPass);
  Golden golden = Whole();
  InClass(golden, "cpu-reference");
  Golden candidate = golden;
  batch(candidate);
  const Comparison c = Compare(candidate, &golden);
  EXPECT_EQ(c.verdict, Verdict::kInvalid);
  EXPECT_THAT(Tier(c, 0).detail, HasSubstr("batch_size is 1"));
}

TEST(Compare, EveryShapeIsTheContract) {
  const std::pair<std::string, Change> shapes[] = {
      {"layers: 3", [](Golden& g) { g.trace.num_layers = 3; }},
      {"heads: 1", [](Golden& g) { g.trace.num_heads = 1; }},
      {"windows: 7", [](Golden& g) { g.trace.windows.pop_back(); }},
      {"tokens of window 5: 69",
       [](Golden& g) { g.trace.windows[5].num_tokens = 69; }},
      {"traced losses of window 1: 0",
       [](Golden& g) { g.trace.windows[1].nll.clear(); }},
      {"probe tokens of window 0: 1", [](Golden& g) {
         g.trace.windows[0].probe.ids.pop_back();
         g.trace.windows[0].probe.logits.pop_back();
       }}};
  for (const auto& [text, change] : shapes) {
    const Comparison c = AfterChange(change);
    EXPECT_EQ(c.verdict, Verdict::kInvalid) << text;
    EXPECT_THAT(Tier(c, 0).detail, HasSubstr(text));
  }
}

TEST(Compare, ALossThatIsNotFiniteIsARegression) {
  const Change traced = [](Golden& g) { g.trace.windows[1].nll[20] = kNan; };
  const Comparison c = AfterChange(traced);
  EXPECT_EQ(c.verdict, Verdict::kRegression);
  EXPECT_THAT(Tier(c, 1).detail, HasSubstr("window 1, token 21"));
  const Comparison plain =
      AfterChange([](Golden& g) { g.trace.windows[4].nll_sum = INFINITY; });
  EXPECT_EQ(plain.verdict, Verdict::kRegression);
  EXPECT_THAT(Tier(plain, 1).detail, HasSubstr("at window 4"));
}

TEST(Compare, ACaseThatIsToDivergePassesWhenItDivergesAtTheSameToken) {
  const Golden golden = Diverged(30);
  EXPECT_EQ(Compare(golden, &golden).verdict, Verdict::kPass);
  Golden other_nan = golden;  // the store writes "nan", whatever its sign
  other_nan.metrics.values["nll_nats"] = -kNan;
  EXPECT_EQ(Compare(other_nan, &golden).verdict, Verdict::kPass);
  const Comparison earlier = Compare(Diverged(29), &golden);
  EXPECT_EQ(earlier.verdict, Verdict::kRegression);
  EXPECT_THAT(
      Tier(earlier, 1).detail,
      AllOf(HasSubstr("token 29"), HasSubstr("the golden at window 0, token "
                                             "30")));
  Golden finite = Whole();
  finite.pins.expect = "diverges";
  const Comparison never = Compare(finite, &golden);
  EXPECT_EQ(never.verdict, Verdict::kRegression);
  EXPECT_THAT(Tier(never, 1).detail, HasSubstr("nowhere"));
}

TEST(Compare, ADivergingCaseOfAnotherLaneIsHeldToItsFiniteLosses) {
  Golden golden = Diverged(30);
  golden.metrics.tolerances["cpu-native"] = {1e-3, 1e-4, "measured"};
  Golden candidate = golden;
  InClass(candidate, "cpu-native");
  candidate.trace.windows[0].nll[3] += 5e-4;
  EXPECT_EQ(Compare(candidate, &golden).verdict, Verdict::kPass);
  candidate.trace.windows[0].nll[3] += 5e-3;
  EXPECT_EQ(Compare(candidate, &golden).verdict, Verdict::kRegression);
}

TEST(Compare, CountersAreExactAndNamedOnBothSides) {
  const Comparison moved = AfterChange([](Golden& g) {
    ++g.metrics.counts["inner_updates"];
    g.metrics.counts["flops"] = 3;
    g.metrics.counts.erase("tokens");
  });
  EXPECT_EQ(moved.verdict, Verdict::kRegression);
  EXPECT_THAT(Tier(moved, 2).detail,
              AllOf(HasSubstr("inner_updates 1152921504606846977, golden "
                              "1152921504606846976"),
                    HasSubstr("flops 3, golden missing"),
                    HasSubstr("tokens missing, golden ")));
}

TEST(Compare, CountersAreExactInOtherClassesToo) {
  const Golden golden = Whole();
  Golden candidate = golden;
  InClass(candidate, "cpu-native");
  ++candidate.metrics.counts["tokens"];
  EXPECT_EQ(Compare(candidate, &golden).verdict, Verdict::kRegression);
}

TEST(Compare, EveryBitCounts) {
  const std::pair<std::string, Change> bits[] = {
      {"window 3: losses 64 and on",
       [](Golden& g) { g.trace.windows[3].block_digests[1] ^= 1; }},
      {"window 7: the sum of losses",
       [](Golden& g) {
         double& sum = g.trace.windows[7].nll_sum;
         sum = std::nextafter(sum, 0);
       }},
      {"window 0: loss 12 of the traced pass",
       [](Golden& g) {
         double& nll = g.trace.windows[0].nll[12];
         nll = std::nextafter(nll, 0);
       }},
      {"window 1: a row",
       [](Golden& g) { ++g.trace.windows[1].row_digests[9]; }},
      {"window 1: a state",
       [](Golden& g) { ++g.trace.windows[1].state_digests[9]; }},
      {"window 0: the probe",
       [](Golden& g) { g.trace.windows[0].probe.logits[1] = -1.0F; }},
      {"window 0: the probe",
       [](Golden& g) { ++g.trace.windows[0].probe.ids[1]; }},
      {"window 0: the probe",
       [](Golden& g) { ++g.trace.windows[0].probe.target_id; }},
      {"value or hash",
       [](Golden& g) { g.metrics.values["nll_nats"] += 1e-12; }},
      {"value or hash", [](Golden& g) { g.metrics.values["new"] = 1; }},
      {"value or hash",
       [](Golden& g) { g.metrics.hashes["nll_sha256"][0] = 'f'; }}};
  for (const auto& [text, change] : bits) {
    const Comparison c = AfterChange(change);
    EXPECT_THAT(c.verdict, Not(Verdict::kPass)) << text;
    EXPECT_EQ(c.tiers.size(), 4U) << text;
    EXPECT_EQ(Tier(c, 3).outcome, TierResult::kFailed) << text;
    EXPECT_THAT(Tier(c, 3).detail, HasSubstr(text));
  }
}

TEST(Compare, ZeroIsNotMinusZero) {
  Golden golden = Whole();
  golden.trace.windows[0].probe.logits[1] = 0.0F;
  Golden candidate = golden;
  candidate.trace.windows[0].probe.logits[1] = -0.0F;
  EXPECT_EQ(Compare(candidate, &golden).verdict, Verdict::kRegression);
}

TEST(Compare, WhatMadeAGoldenIsNotCompared) {
  EXPECT_EQ(AfterChange([](Golden& g) {
              g.metrics.code_tree = std::string(40, 'f');
              g.metrics.environment = {{"compiler", "other"}};
              g.metrics.lane = "cuda-portable";
              g.metrics.tolerances["cpu-native"] = {1, 1, "x"};
            }).verdict,
            Verdict::kPass);
}

TEST(Compare, BetterInEveryWindowIsAnImprovementElseARegression) {
  const Comparison better = AfterChange([](Golden& g) { Move(g, -0.5); });
  EXPECT_EQ(better.verdict, Verdict::kImprovement);
  EXPECT_EQ(ExitCode(better.verdict), 6);
  EXPECT_NEAR(*better.mean_nll_change, -0.5 / (kTokens - 1), 1e-12);
  EXPECT_LT(*better.change_high, 0);
  const Comparison worse = AfterChange([](Golden& g) { Move(g, 0.5); });
  EXPECT_EQ(worse.verdict, Verdict::kRegression);
  EXPECT_EQ(ExitCode(worse.verdict), 1);
  EXPECT_GT(*worse.change_low, 0);
  const Comparison mixed = AfterChange([](Golden& g) {
    for (size_t w = 0; w < 8; ++w)
      g.trace.windows[w].nll_sum += w % 2 == 0 ? -0.5 : 0.5;
  });
  EXPECT_EQ(mixed.verdict, Verdict::kRegression);
  const Comparison fewer = AfterChange([](Golden& g) {
    Move(g, -0.5);
    ++g.metrics.counts["tokens"];
  });
  EXPECT_EQ(fewer.verdict, Verdict::kRegression);
}

TEST(Compare, TheSameClassIsHeldToItsBits) {
  Golden golden = Whole();
  InClass(golden, "cpu-native-bf16");
  Golden candidate = golden;
  Comparison c = Compare(candidate, &golden);
  EXPECT_EQ(c.chosen_tier, 3);
  EXPECT_THAT(c.chosen_because, HasSubstr("cpu-native-bf16+2.11+avx2+t2"));
  EXPECT_EQ(c.verdict, Verdict::kPass);
  ++candidate.trace.windows[2].block_digests[0];
  EXPECT_EQ(Compare(candidate, &golden).verdict, Verdict::kRegression);
}

TEST(Compare, AnotherLaneWithoutLimitIsInconclusive) {
  const Golden golden = Whole();
  for (const char* lane : {"cpu-native", "cpu-native-bf16"}) {
    Golden candidate = golden;
    InClass(candidate, lane);
    const Comparison c = Compare(candidate, &golden);
    EXPECT_EQ(c.verdict, Verdict::kInconclusive) << lane;
    EXPECT_EQ(ExitCode(c.verdict), 7);
    EXPECT_EQ(Tier(c, 3).outcome, TierResult::kNotApplicable);
    EXPECT_EQ(c.tiers.back().outcome, TierResult::kNotApplicable);
    EXPECT_THAT(c.tiers.back().detail,
                HasSubstr("no tolerance for lane " + std::string(lane)));
    EXPECT_EQ(c.chosen_tier, lane == std::string("cpu-native") ? 4 : 5);
    EXPECT_EQ(c.tiers.back().tier, c.chosen_tier);
  }
}

TEST(Compare, AToleranceLimitsTheMeanAndEveryToken) {
  for (const char* lane : {"cpu-native", "cpu-native-bf16"}) {
    Golden golden = Whole();
    golden.metrics.tolerances[lane] = {1e-2, 1e-4, "twice what was measured"};
    Golden candidate = golden;
    InClass(candidate, lane);
    Move(candidate, 1e-4 * (kTokens - 1) / 2);
    const Comparison passed = Compare(candidate, &golden);
    EXPECT_EQ(passed.verdict, Verdict::kPass) << lane;
    EXPECT_THAT(passed.tiers.back().detail,
                HasSubstr("twice what was measured"));
    Golden token = candidate;
    token.trace.windows[1].nll[5] += 2e-2;
    EXPECT_EQ(Compare(token, &golden).verdict, Verdict::kRegression) << lane;
    Golden mean = candidate;
    Move(mean, 1e-4 * (kTokens - 1));
    EXPECT_EQ(Compare(mean, &golden).verdict, Verdict::kRegression) << lane;
    Move(mean, -3e-4 * (kTokens - 1));
    EXPECT_EQ(Compare(mean, &golden).verdict, Verdict::kImprovement) << lane;
  }
}

TEST(Compare, AnFp64OracleArbitratesBetweenLanesOfOnePrecision) {
  const Golden oracle = Whole();
  Golden golden = oracle, candidate = oracle;
  InClass(candidate, "cpu-native");
  Move(golden, 1e-4);
  Move(candidate, -1.9e-4);
  EXPECT_EQ(Compare(candidate, &golden, &oracle).verdict, Verdict::kPass);
  Move(candidate, 4e-4);  // 2.1 times as far from fp64 as the golden
  const Comparison far = Compare(candidate, &golden, &oracle);
  EXPECT_EQ(far.verdict, Verdict::kRegression);
  EXPECT_THAT(Tier(far, 4).detail, HasSubstr("rmse from fp64"));
  // A tenth of the tolerance is slack.
  golden.metrics.tolerances["cpu-native"] = {1e-3, 0, "measured"};
  EXPECT_EQ(Compare(candidate, &golden, &oracle).verdict, Verdict::kPass);
}

// What a batch that mixes up its rows does: the mean over all is the same.
void SwapUntraced(Golden& golden) {
  std::swap(golden.trace.windows[2].nll_sum, golden.trace.windows[7].nll_sum);
}

TEST(Compare, AWindowThatIsNotTracedIsHeldToTheTolerance) {
  for (const char* lane : {"cpu-native", "cpu-native-bf16"}) {
    Golden golden = Whole();
    golden.metrics.tolerances[lane] = {1e-2, 1e-4, "measured"};
    Golden candidate = golden;
    InClass(candidate, lane);
    EXPECT_EQ(Compare(candidate, &golden).verdict, Verdict::kPass) << lane;
    SwapUntraced(candidate);
    const Comparison c = Compare(candidate, &golden);
    EXPECT_EQ(c.verdict, Verdict::kRegression) << lane;
    EXPECT_THAT(c.tiers.back().detail, HasSubstr("one window's mean by"));
  }
}

TEST(Compare, AWindowThatIsNotTracedIsHeldToTheOracle) {
  const Golden oracle = Whole();
  Golden golden = oracle, candidate = oracle;
  InClass(candidate, "cpu-native");
  Move(golden, 1e-4);
  EXPECT_EQ(Compare(candidate, &golden, &oracle).verdict, Verdict::kPass);
  Golden one = candidate;
  one.trace.windows[5].nll_sum += 50;
  EXPECT_EQ(Compare(one, &golden, &oracle).verdict, Verdict::kRegression);
  SwapUntraced(candidate);
  EXPECT_EQ(Compare(candidate, &golden, &oracle).verdict, Verdict::kRegression);
}

TEST(Compare, WithoutTracedWindowsTheOracleDecidesNothing) {
  Golden golden = Whole();
  for (WindowTrace& w : golden.trace.windows) w.nll.clear();
  Golden candidate = golden;
  InClass(candidate, "cpu-native");
  candidate.trace.windows[0].nll_sum += 50;
  const Comparison c = Compare(candidate, &golden, &golden);
  EXPECT_EQ(c.verdict, Verdict::kInconclusive);
  EXPECT_FALSE(c.max_abs_nll_change);
}

TEST(Compare, AnOracleOfAnotherShapeDecidesNothing) {
  const Golden golden = Whole();
  Golden candidate = golden, oracle = golden;
  InClass(candidate, "cpu-native");
  oracle.trace.windows.resize(1);
  const Comparison c = Compare(candidate, &golden, &oracle);
  EXPECT_EQ(c.verdict, Verdict::kInconclusive);
  EXPECT_THAT(Tier(c, 4).detail, HasSubstr("windows: 1"));
}

TEST(Compare, TheProbesDivergenceIsThatOfItsBuckets) {
  // p of tokens 4 and 9: exp(logit - target_logit - target_nll).
  const Comparison c = AfterChange([](Golden& g) {
    for (int w = 0; w < 2; ++w) g.trace.windows[w].probe.target_nll = 1.2;
  });
  const double g4 = std::exp(-0.7), g9 = std::exp(-1.7), c4 = std::exp(-1.2),
               c9 = std::exp(-2.2);
  const double expected =
      g4 * std::log(g4 / c4) + g9 * std::log(g9 / c9) +
      (1 - g4 - g9) * std::log((1 - g4 - g9) / (1 - c4 - c9));
  ASSERT_TRUE(c.probe_kl);
  EXPECT_NEAR(*c.probe_kl, expected, 1e-12);
}

}  // namespace
}  // namespace plastometer
