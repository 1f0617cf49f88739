#include "harness/report/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "harness/report/format.h"
#include "tests/harness/report/fixed_results.h"

namespace plastometer {
namespace {

using testing::HasSubstr;

TEST(Table, WideLayout) {
  EXPECT_EQ("\n" + RunTable(FixedResults(), {120, false, "runs/x"}), R"(
model text-3m (sha256 aaaaaaaaaaaa), tokenizer sentencepiece-4096 (sha256 bbbbbbbbbbbb), lane cpu-reference, 2 threads
data held-out text (sha256 cccccccccccc): novels, go; 32 windows from 20 works, 65,536 tokens (65,504 scored); windows
  of at most 2,048 tokens, each read with a fresh state

         plastic perplex- bits/ nats lost against    retention            inner        FLOPs/          ms/1k adaptive
profile  layers       ity  byte uniform [95 %]       [95 %]             updates  saved  token saved   tokens    state P
uniform  all        48.50 2.000 0 (reference)        100.0%               98.3k   0.0%  6.70M  0.0% 61.0±1.2  780 KiB *
retina   0-1        51.50 2.150 0.300 [0.290, 0.320] 25.0% [23.0, 28.0]   24.6k  75.0%  6.17M  7.5% 61.0±1.2  195 KiB
(frozen) none       52.50 2.200 0.400 [0.390, 0.420] 0.0%                     0 100.0%  6.00M 10.0% 61.0±1.2      0 B *

plastic layers: layers whose inner model learns while reading. bits/byte: comparable between tokenizers.
nats lost: loss per token above uniform (all layers learn). retention: share of the gap frozen - uniform that is kept.
[95 %]: intervals over independent works (books, packages), never over windows of one work.
inner updates: gradient steps applied, all windows. FLOPs/token: algorithmic, exact. saved: against uniform.
ms/1k tokens: median over batches, ± half the interquartile range. adaptive state: per sequence.
P: * no other profile is better (by a paired interval) at no higher FLOPs; other costs in results.json.
(profile): not asked for; measured because retention needs it.
note: 2 short documents were left out
Run folder: runs/x (windows.csv names every window and its work)
)");
}

// Numbers as wide as they come; beside each other where there is room.
TEST(Table, WhatIsLeftOfAFitsTheTerminal) {
  Results results = FixedResults();
  const Measured m{-12.3456, -12.4567, -12.2345, ""};
  const Measured late{{}, 1008, {}, "not within 2048 tokens"};
  results.continual = {1024, 2048, 4096, 64, {{"uniform", m, m, m, m, late}}};
  for (const int width : {80, 140}) {
    const std::string text = RunTable(results, {width, false, ""});
    EXPECT_LE(WidestLine(text), width);
    EXPECT_THAT(text, HasSubstr("-12.3456 [-12.4567, -12.2345]"));
    EXPECT_THAT(text, HasSubstr("> 2,048 [1008, > 2,048]"));
  }
}

TEST(Table, NarrowLayout) {
  EXPECT_EQ("\n" + RunTable(FixedResults(), {80, false, ""}), R"(
model text-3m (sha256 aaaaaaaaaaaa), tokenizer sentencepiece-4096 (sha256
  bbbbbbbbbbbb), lane cpu-reference, 2 threads
data held-out text (sha256 cccccccccccc): novels, go; 32 windows from 20 works,
  65,536 tokens (65,504 scored); windows of at most 2,048 tokens, each read with
  a fresh state

          plastic  perplex-  bits/  nats lost against     retention
profile   layers        ity   byte  uniform [95 %]        [95 %]
uniform   all         48.50  2.000  0 (reference)         100.0%
retina    0-1         51.50  2.150  0.300 [0.290, 0.320]  25.0% [23.0, 28.0]
(frozen)  none        52.50  2.200  0.400 [0.390, 0.420]  0.0%

            inner          FLOPs/            ms/1k  adaptive
profile   updates   saved   token  saved    tokens     state  P
uniform     98.3k    0.0%   6.70M   0.0%  61.0±1.2   780 KiB  *
retina      24.6k   75.0%   6.17M   7.5%  61.0±1.2   195 KiB
(frozen)        0  100.0%   6.00M  10.0%  61.0±1.2       0 B  *

plastic layers: layers whose inner model learns while reading. bits/byte:
  comparable between tokenizers.
nats lost: loss per token above uniform (all layers learn). retention: share of
  the gap frozen - uniform that is kept.
[95 %]: intervals over independent works (books, packages), never over windows
  of one work.
inner updates: gradient steps applied, all windows. FLOPs/token: algorithmic,
  exact. saved: against uniform.
ms/1k tokens: median over batches, ± half the interquartile range. adaptive
  state: per sequence.
P: * no other profile is better (by a paired interval) at no higher FLOPs; other
  costs in results.json.
(profile): not asked for; measured because retention needs it.
note: 2 short documents were left out
)");
}

TEST(Table, FitsTheWidthItWasGiven) {
  for (int width : {80, 100, 118, 120, 200}) {
    EXPECT_LE(WidestLine(RunTable(FixedResults(), {width, true, ""})), width)
        << width;
  }
}

TEST(Table, FewWorksSaySo) {
  const std::string text = RunTable(FixedResults(), {120, true, ""});
  EXPECT_THAT(text, HasSubstr("go: 32 windows from 5 works"));
  EXPECT_THAT(text, HasSubstr("5 works, fewer than 12: estimates only"));
  EXPECT_THAT(text, HasSubstr("0.300 [n/a]"));
}

TEST(Table, MissingRetentionComesWithItsReason) {
  Results results = FixedResults();
  results.all.cases[1].retention = {
      std::nullopt, {}, {}, "the gap's interval contains 0"};
  const std::string text = RunTable(results, {120, false, ""});
  EXPECT_THAT(text, HasSubstr("not available  "));
  EXPECT_THAT(
      text,
      HasSubstr("retention not available: the gap's interval contains 0."));
}

TEST(Table, UnknownIsNotZero) {
  Results results = FixedResults();
  results.all.cases[1].bits_per_byte.reset();
  results.all.cases[1].ms_per_1k_tokens = {};
  results.all.cases[1].pareto["flops"] = std::nullopt;
  const std::string text = RunTable(results, {120, false, ""});
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line) && line.rfind("retina", 0) != 0) {
  }
  EXPECT_THAT(line, HasSubstr("n/a"));
  EXPECT_EQ(line.back(), '?');
}

TEST(Table, EqualMultipliersAreOneRowThatSaysSo) {
  Results results = FixedResults();
  results.all.cases[1].same_as = {"early:2"};
  EXPECT_THAT(RunTable(results, {120, false, ""}),
              HasSubstr("[1] retina = early:2: plastic layers 0-1 (the same "
                        "multipliers under several names: one row)"));
}

TEST(Table, LongNamesGoToTheLegend) {
  Results results = FixedResults();
  results.all.cases[1].profile = "layers:0-4@2,5-23@0.1;until=2048";
  const std::string text = RunTable(results, {80, false, ""});
  EXPECT_THAT(
      text,
      HasSubstr("[1] layers:0-4@2,5-23@0.1;until=2048: plastic layers 0-1"));
  EXPECT_LE(WidestLine(text), 80);
}

TEST(Table, DivergedProfileIsMarked) {
  Results results = FixedResults();
  CaseResult& row = results.all.cases[1];
  row.nll_nats = row.perplexity = std::numeric_limits<double>::quiet_NaN();
  row.lost = {std::nullopt, {}, {}, "diverged"};
  EXPECT_THAT(RunTable(results, {120, false, ""}),
              HasSubstr("profile retina diverged"));
}

}  // namespace
}  // namespace plastometer
