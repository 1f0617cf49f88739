// What the page says where a run has no answer: a sentence must not be false
// for a run that is short of works, of finite losses or of a gap.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "harness/report/page/gnuplot.h"
#include "harness/report/questions/questions.h"
#include "tests/harness/report/planted_run.h"

namespace plastometer {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<PlantedProfile> Profiles(double gap) {
  std::vector<PlantedProfile> profiles = WithGap(gap);
  profiles.insert(profiles.end() - 1,
                  {{"frozen;start=mean", "none", gap * 1.5, 800, 0, 0},
                   {"early:25%;start=mean", "0", gap * 0.5, 900, 100, 1024}});
  return profiles;
}

template <class Change>
ReportRun Changed(const Change& change, int num_works = 20) {
  ReportRun run = PlantedRun(num_works, Profiles(0.4));
  RunRecord record = run.results.record;
  change(record);
  run.results = Summarise(std::move(record));
  return run;
}

ReportRun Diverged(size_t profile) {
  return Changed([&](RunRecord& record) {
    for (double& x : record.profiles[profile].nll)
      x = std::numeric_limits<double>::quiet_NaN();
  });
}

std::string PageOf(const ReportRun& run) {
  return MarkdownPage(MakeReport({run}), {});
}

TEST(Sentences, ADivergedProfileIsNotUndecided) {
  for (const char* id : {"rq1", "time", "depth"}) {
    const Answer answer = AnswerOf(Diverged(2), id);
    EXPECT_EQ(answer.verdict, "not available") << id;
    EXPECT_EQ(answer.sentence,
              "A loss or a norm that this compares is not finite.")
        << id;
    EXPECT_EQ(answer.would_change, "") << id;
  }
  EXPECT_THAT(PageOf(Diverged(2)), Not(HasSubstr("keeps not available")));
}

TEST(Sentences, AGapThatIsNotFiniteIsNotCalledNoGain) {
  for (const size_t profile : {size_t{0}, size_t{8}}) {
    const Answer answer = AnswerOf(Diverged(profile), "rq1");
    EXPECT_EQ(answer.sentence,
              "The gap between `frozen` and `uniform` is not known: a loss is "
              "not finite.");
  }
}

// A profile that diverged beats none, and hides none that does.
TEST(Sentences, ADivergedProfileHidesNoBetterOne) {
  const std::string page = PageOf(Diverged(1));
  EXPECT_THAT(page, HasSubstr("By FLOPs, `late:25%`, `layers:1`"));
}

// every=4 loses .1: a quarter of the gap of .4, a sixth of the mean state's.
TEST(Sentences, SharesOfOneSentenceAreOfOneGap) {
  const ReportRun run = PlantedRun(20, Profiles(0.4));
  EXPECT_THAT(AnswerOf(run, "rq1").sentence,
              HasSubstr("takes as many steps and keeps 75.0 ["));
  EXPECT_THAT(AnswerOf(run, "rq1-mean-state").sentence,
              HasSubstr("takes as many steps and keeps 83.3 ["));
}

TEST(Sentences, WhatWouldDecideAnUndecidedAnswer) {
  const Answer few = AnswerOf(PlantedRun(1, Profiles(0.4)), "rq1");
  EXPECT_THAT(few.sentence, HasSubstr("Undecided: 1 work, fewer than 16"));
  EXPECT_THAT(few.would_change,
              testing::StartsWith("16 independent works or more. A model "
                                  "trained with these layers frozen"));
  const Answer domains =
      AnswerOf(PlantedRun(10, Profiles(0.4), {"a", "b"}), "rq1");
  EXPECT_THAT(domains.would_change,
              testing::StartsWith("16 works or more in a domain. "));
  EXPECT_THAT(AnswerOf(PlantedRun(20, Profiles(0.4)), "rq1").would_change,
              HasSubstr("the other side of 0"));
}

TEST(Sentences, AModelTrainedMaskedIsNotPostHoc) {
  const ReportRun run = Changed([](RunRecord& record) {
    record.training = {"retina", 1, ""};
  });
  for (const char* id : {"time", "depth"})
    EXPECT_THAT(AnswerOf(run, id).sentence,
                testing::StartsWith("This model learned under `retina`: "));
  const std::string page = PageOf(run);
  EXPECT_THAT(page, Not(HasSubstr("A frozen layer has also lost a mixer")));
  EXPECT_THAT(page, HasSubstr("not the gain of one that learned under"));
  EXPECT_THAT(AnswerOf(PlantedRun(20, Profiles(0.4)), "depth").sentence,
              testing::StartsWith("Arm post-hoc: "));
}

TEST(Sentences, AVerdictIsOfTheModelThatWasMeasured) {
  EXPECT_THAT(PageOf(PlantedRun(20)), HasSubstr("another seed may answer"));
}

// "hurts ... by 0.000 [0.000, 0.000]" says nothing.
TEST(Sentences, ASmallGapHasDigits) {
  EXPECT_EQ(NatsText({-0.00031, -0.0006, -0.00004, ""}),
            "-0.00031 [-0.00060, -0.00004]");
  EXPECT_EQ(NatsText({0.4, 0.39, 0.41, ""}), "0.400 [0.390, 0.410]");
  EXPECT_EQ(NatsText({0.0, 0.0, 0.0, ""}), "0.000 [0.000, 0.000]");
}

// A hundred names hide all others.
TEST(Sentences, RandomSetsBeyondEightAreSaidToBeLeftOut) {
  std::vector<PlantedProfile> profiles = Profiles(0.4);
  for (int k = 1; k <= 12; ++k)
    profiles.insert(profiles.end() - 1, {"random:1#" + std::to_string(k), "1",
                                         0.2 + k * 0.01, 950, 100, 1024});
  const std::string page = PageOf(PlantedRun(20, profiles));
  // Both of figure 4 and the table below it, four costs, two of time.
  size_t said = 0;
  for (size_t at = 0; (at = page.find("Of 12 sets", at)) != page.npos; ++at)
    ++said;
  EXPECT_EQ(said, 9) << page;
  EXPECT_THAT(page, HasSubstr("the first 8 are shown here"));
  EXPECT_THAT(page, HasSubstr("| random:1#12 |"));
}

TEST(Sentences, WithoutFiniteLossesTheFrontIsNotCalledShortOfWorks) {
  const std::string page = PageOf(Changed([](RunRecord& record) {
    for (ProfileRecord& p : record.profiles)
      for (double& x : p.nll) x = std::numeric_limits<double>::quiet_NaN();
  }));
  EXPECT_THAT(page, HasSubstr("not dominated is not available: a loss is not"));
  EXPECT_THAT(page, Not(HasSubstr("too few works for paired")));
}

// Text of one range alone has no first and last range.
TEST(Sentences, OneRangeOfPositionsHasNoCourse) {
  const ReportRun run = Changed([](RunRecord& record) {
    for (WindowRecord& w : record.windows) {
      w.condition = "own";
      w.scored = {{140, 250}};
    }
  });
  const Page page = MakeReport({run});
  const std::string text = MarkdownPage(page, {});
  EXPECT_THAT(text, HasSubstr("scored in one range alone, "));
  EXPECT_THAT(text, Not(HasSubstr("in the last one")));
  EXPECT_THAT(text, HasSubstr("after several contexts (own)"));
  for (const Block& block : page.blocks)
    if (const auto* figure = std::get_if<Figure>(&block);
        figure && figure->id == "adaptation-cumulative") {
      EXPECT_THAT(figure->plot, HasSubstr("set xrange ["));
    }
}

// ---- Figures of many profiles.

TEST(Sentences, BarsOfOneColourDiffer) {
  std::vector<std::string> parts;
  AddBars("'f' using 1:", {1, 2, 3}, 0, "", parts);
  AddBars("'f' using 1:", {1, 2, 3}, 8, "", parts);
  EXPECT_EQ(SeriesColor(0), SeriesColor(8));
  EXPECT_NE(parts[0], parts[2]);
}

TEST(Sentences, ALegendOfManyNamesHasItsLines) {
  // 16 long names in one column: 13 lines of 21 pixels beyond the usual three.
  EXPECT_EQ(LegendHeight(std::vector<std::string>(16, "early:25%;start=mean")),
            13 * 21);
}

}  // namespace
}  // namespace plastometer
