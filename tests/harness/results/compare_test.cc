// Two runs whose losses were made up, so that every answer is known.
#include "harness/results/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/philox.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kWorks = 20, kScored = 4;

struct Planted {
  std::string name;
  double nats;
};
const std::vector<Planted> kProfiles = {
    {"uniform", 2.0}, {"retina", 2.25}, {"frozen", 2.5}};

// Works of 1 or 2 windows of 4 scored tokens in two domains; the work adds the
// same to every profile, a little of it its own.
ComparedRun RunOf(const std::vector<Planted>& profiles = kProfiles) {
  ComparedRun run;
  run.name = "run";
  run.suite = "s";
  run.group = "text";
  run.code_tree = "c";
  RunRecord& r = run.record;
  r.model_name = "m";
  r.model_sha256 = "w";
  r.data_name = "made up";
  r.data_sha256 = "d";
  r.seed = 1;
  for (int w = 0; w < kWorks; ++w)
    for (int i = 0; i <= w % 2; ++i) {
      WindowRecord window;
      window.source = "s";
      window.domain = w < kWorks / 2 ? "novels" : "code";
      window.work = window.document = "w" + std::to_string(w);
      window.first_token = i * kScored;
      window.num_tokens = kScored + 1;
      window.loss_begin = static_cast<int64_t>(r.windows.size()) * kScored;
      r.windows.push_back(window);
    }
  for (const auto& [name, nats] : profiles) {
    ProfileRecord p;
    p.name = name;
    PhiloxStream stream(3, 0);
    for (size_t i = 0; i < r.windows.size() * kScored; ++i)
      p.nll.push_back(nats + 0.2 * stream.NextUniform());
    p.times = {{100, 0.2}, {100, 0.3}, {100, 0.4}};
    r.profiles.push_back(p);
  }
  r.frozen_idx = profiles.size() - 1;
  return run;
}

ComparedRun Changed(const std::function<void(ComparedRun&)>& change) {
  ComparedRun run = RunOf();
  change(run);
  return run;
}

RunComparison Compared(const ComparedRun& a, const ComparedRun& b,
                       const std::vector<std::string>& profiles = {}) {
  return CompareRuns({a}, {b}, profiles).at(0);
}

std::string Refusal(const ComparedRun& a, const ComparedRun& b,
                    int exit_code = 5,
                    const std::vector<std::string>& profiles = {}) {
  try {
    Compared(a, b, profiles);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), exit_code);
    return error.what();
  }
  return "";
}

TEST(CompareRuns, EqualRunsDifferByExactlyZero) {
  const RunComparison c = Compared(RunOf(), RunOf());
  ASSERT_EQ(c.slices.size(), 3U);
  EXPECT_EQ(c.slices[0].num_works, kWorks);
  EXPECT_EQ(c.slices[0].scored_tokens, kWorks * 3 / 2 * kScored);
  for (const ComparedRow& row : c.slices[0].rows) {
    EXPECT_TRUE(row.equal);
    EXPECT_EQ(row.change.value, 0.0);
    EXPECT_EQ(row.change.low, 0.0);
    EXPECT_EQ(row.change.high, 0.0);
    EXPECT_EQ(row.retention_change.value, 0.0);
    EXPECT_EQ(row.ms_ratio, 1.0);
  }
  EXPECT_EQ(c.slices[0].rows[1].retention_change.low, 0.0);
  EXPECT_EQ(c.slices[0].rows[1].retention_change.high, 0.0);
  for (const ComparedSetting& s : c.settings) EXPECT_FALSE(s.differs());
}

TEST(CompareRuns, APlantedShiftIsFoundWithItsSign) {
  const ComparedRun b = Changed([](ComparedRun& run) {
    for (size_t i = 0; i < run.record.profiles[1].nll.size(); ++i)
      run.record.profiles[1].nll[i] -=
          0.05 + (i % 2 == 0 ? 0.01 : -0.01) + (i % 16 < 4 ? 0.002 : 0.0);
    for (BatchTime& time : run.record.profiles[1].times) time.seconds *= 2;
  });
  const RunComparison c = Compared(RunOf(), b);
  const ComparedRow& row = c.slices[0].rows[1];
  EXPECT_FALSE(row.equal);
  EXPECT_TRUE(c.slices[0].rows[0].equal);
  EXPECT_NEAR(*row.change.value, -0.0505, 0.0005);
  EXPECT_LT(*row.change.low, *row.change.value);
  EXPECT_LT(*row.change.high, -0.049);
  EXPECT_NEAR(*row.perplexity_b() / *row.perplexity_a(),
              std::exp(*row.change.value), 1e-12);
  // 0.05 nats of a gap of 0.5.
  EXPECT_NEAR(*row.retention_change.value, 0.101, 0.001);
  EXPECT_GT(*row.retention_change.low, 0.09);
  EXPECT_LT(*row.retention_change.high, 0.11);
  EXPECT_EQ(row.ms_ratio, 2.0);
  // Works of a domain alone are too few for an interval.
  EXPECT_EQ(c.slices[1].name, "code");
  EXPECT_TRUE(c.slices[1].rows[1].change.value);
  EXPECT_FALSE(c.slices[1].rows[1].change.low);
  EXPECT_THAT(c.slices[1].rows[1].change.reason, HasSubstr("10 works"));
  const RunComparison back = Compared(b, RunOf());
  EXPECT_EQ(*back.slices[0].rows[1].change.value, -*row.change.value);
}

TEST(CompareRuns, TheOrderOfWindowsDecidesNothing) {
  const ComparedRun b = Changed([](ComparedRun& run) {
    PhiloxStream stream(9, 0);
    for (double& nll : run.record.profiles[1].nll)
      nll += 0.1 * stream.NextUniform();
  });
  ComparedRun mixed = b;
  std::ranges::reverse(mixed.record.windows);
  const ComparedRow plain = Compared(RunOf(), b).slices[0].rows[1],
                    other = Compared(RunOf(), mixed).slices[0].rows[1];
  EXPECT_EQ(plain.nll_b, other.nll_b);
  EXPECT_EQ(plain.change.low, other.change.low);
  EXPECT_EQ(plain.change.high, other.change.high);
  EXPECT_EQ(plain.retention_change.high, other.retention_change.high);
}

TEST(CompareRuns, RetentionNeedsAGapAboveZeroInBoth) {
  const ComparedRun flat =
      RunOf({{"uniform", 2.0}, {"retina", 2.0}, {"frozen", 2.0}});
  const ComparedRow row = Compared(RunOf(), flat).slices[0].rows[1];
  EXPECT_TRUE(row.retention_a.value);
  EXPECT_FALSE(row.retention_b.value);
  EXPECT_FALSE(row.retention_change.value);
  EXPECT_THAT(row.retention_change.reason,
              HasSubstr("B: the gap frozen - uniform is not above 0: "));
  const ComparedRun hurt =
      RunOf({{"uniform", 2.5}, {"retina", 2.2}, {"frozen", 2.0}});
  EXPECT_THAT(Compared(hurt, hurt).slices[0].rows[1].retention_change.reason,
              AllOf(HasSubstr(std::string("A: ") + kLearningHurts),
                    HasSubstr(std::string("B: ") + kLearningHurts)));
}

TEST(CompareRuns, RefusesWhatHasNoPartnerAndNamesBothValues) {
  EXPECT_THAT(Refusal(RunOf(), Changed([](ComparedRun& run) {
                        run.record.data_sha256 = "e";
                        run.record.data_name = "other text";
                        run.record.tokenizer_sha256 = "t";
                      })),
              AllOf(HasSubstr("made up (sha256 of the windows d"),
                    HasSubstr("other text (sha256 of the windows e"),
                    HasSubstr("bits per byte")));
  EXPECT_THAT(Refusal(RunOf(), Changed([](ComparedRun& run) {
                        run.record.windows[3].scored = {{2, 4}};
                      })),
              AllOf(HasSubstr("4 scored of 5"), HasSubstr("2 scored of 5")));
  EXPECT_THAT(Refusal(RunOf(), Changed([](ComparedRun& run) {
                        run.record.windows[3].document = "another";
                      })),
              HasSubstr("other text"));
  EXPECT_THAT(Refusal(RunOf(), RunOf(), 2, {"cortex"}),
              AllOf(HasSubstr("no profile 'cortex'"),
                    HasSubstr("uniform, retina, frozen")));
}

TEST(CompareRuns, ProfilesOfOneRunAloneAndOtherMeaningsAreNamed) {
  ComparedRun a = RunOf(),
              b = RunOf({{"uniform", 2}, {"early:25%", 2.1}, {"frozen", 2.5}});
  b.record.profiles[1].same_as = {"late:2"};
  RunComparison c = Compared(a, b);
  EXPECT_EQ(c.slices[0].rows.size(), 2U);
  EXPECT_THAT(c.notes, Contains(HasSubstr("A alone, left out: retina")));
  EXPECT_THAT(c.notes, Contains(HasSubstr("B alone, left out: early:25%")));
  b.record.profiles[1].same_as = {"retina"};
  a.multipliers = {"0-3:1", "0:1 1-3:0", "0-3:0"};
  b.multipliers = {"0-3:1", "0-1:1 2-3:0", "0-3:0"};
  c = Compared(a, b);
  EXPECT_EQ(c.slices[0].rows.size(), 3U);
  EXPECT_THAT(c.notes,
              ElementsAre(HasSubstr("retina is not the same in both")));
  EXPECT_EQ(Compared(a, b, {"retina"}).slices[0].rows.size(), 1U);
}

TEST(CompareRuns, GroupsArePairedByName) {
  const auto named = [](const std::string& name) {
    ComparedRun run = RunOf();
    run.group = name;
    return run;
  };
  const auto pairs =
      CompareRuns({named("x"), named("y")}, {named("z"), named("y")});
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(pairs[0].group, "y");
  EXPECT_THAT(pairs[0].notes.back(),
              AllOf(HasSubstr("A's x"), HasSubstr("B's z")));
  EXPECT_EQ(CompareRuns({named("x")}, {named("y")}).size(), 1U);
  EXPECT_THROW(CompareRuns({named("x"), named("y")}, {named("z")}), Error);
}

TEST(CompareRuns, WhatDiffersBetweenTheRunsIsListed) {
  const RunComparison c = Compared(RunOf(), Changed([](ComparedRun& run) {
                                     run.record.model_sha256 = "other";
                                     run.record.batch_size = 3;
                                   }));
  std::vector<std::string> differing;
  for (const ComparedSetting& s : c.settings)
    if (s.differs()) differing.push_back(s.what);
  EXPECT_THAT(differing, ElementsAre("weights", "batch"));
}

}  // namespace
}  // namespace plastometer
