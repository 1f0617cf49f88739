#include "harness/run/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>
#include <random>

#include "base/error.h"
#include "base/files.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

using testing::HasSubstr;

JournalHeader Header() { return {"plan", "code", 1, 3}; }

JournalUnit Unit(int64_t window) {
  JournalUnit unit;
  unit.key = "key" + std::to_string(window);
  unit.window_idx = window;
  unit.batch_idx = 2;
  unit.batch_windows = 4;
  unit.batch_seconds = 0.125;
  unit.counters.tokens = 5;
  unit.counters.flops = int64_t{1} << 55;
  unit.nll = {1.5, std::numeric_limits<double>::quiet_NaN(), -0.0, 0.1F};
  return unit;
}

JournalTrace Traced() {
  JournalTrace trace;
  trace.key = "key7";
  trace.window_idx = 7;
  trace.trace.num_layers = 1;
  trace.trace.num_heads = 2;
  WindowTrace w;
  w.num_tokens = 17;
  w.nll.assign(16, 0.5);
  w.nll_sum = 8;
  w.block_digests = {42};
  w.row_digests.assign(17 * 2, 3);
  w.state_digests.assign(2, 4);
  w.probe = {{3, 1}, {2.5F, 1.0F}, 1, 1.0F, 0.5};
  trace.trace.windows.push_back(w);
  return trace;
}

std::string Whole() {
  return JournalLine(Header()) + JournalLine(Unit(3)) + JournalLine(Traced());
}

bool SameBits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), 8 * a.size()) == 0;
}

TEST(Journal, KeepsEveryBit) {
  const std::string text = Whole();
  const Journal journal = ParseJournal(text, "j");
  EXPECT_EQ(journal.header, Header());
  EXPECT_FALSE(journal.torn);
  EXPECT_EQ(journal.valid_bytes, text.size());
  ASSERT_EQ(journal.units.size(), 1U);
  EXPECT_EQ(journal.units[0].counters, Unit(3).counters);
  EXPECT_EQ(journal.units[0].batch_seconds, 0.125);
  EXPECT_TRUE(SameBits(journal.units[0].nll, Unit(3).nll));
  ASSERT_EQ(journal.traces.size(), 1U);
  EXPECT_EQ(journal.traces[0].trace, Traced().trace);
}

TEST(Journal, DoublesStayDoubles) {
  JournalUnit unit = Unit(0);
  unit.loss_bytes = 8;
  unit.nll = {0.1, 1e-300};
  const Journal journal =
      ParseJournal(JournalLine(Header()) + JournalLine(unit), "j");
  EXPECT_TRUE(SameBits(journal.units[0].nll, unit.nll));
}

TEST(Journal, CorrectStandsBesideTheLossesWhereItWasAskedFor) {
  JournalUnit unit = Unit(0);
  EXPECT_EQ(JournalLine(unit).find("correct"), std::string::npos);
  unit.correct = {1, 0, 0, 1};
  const std::string line = JournalLine(unit);
  EXPECT_THAT(line, HasSubstr("\"correct\":\"1001\""));
  EXPECT_EQ(ParseJournal(JournalLine(Header()) + line, "j").units[0].correct,
            unit.correct);
  // So has the memory; -1 where it is not there.
  EXPECT_EQ(
      ParseJournal(JournalLine(Header()) + line, "j").units[0].working_bytes,
      -1);
  unit.working_bytes = 12345;
  EXPECT_EQ(ParseJournal(JournalLine(Header()) + JournalLine(unit), "j")
                .units[0]
                .working_bytes,
            12345);
}

TEST(Journal, ATornLastLineIsDroppedWhereverItIsTorn) {
  const std::string whole = JournalLine(Header()) + JournalLine(Unit(3));
  const std::string last = JournalLine(Unit(4));
  for (size_t kept = 1; kept < last.size(); ++kept) {
    const Journal journal = ParseJournal(whole + last.substr(0, kept), "j");
    EXPECT_TRUE(journal.torn);
    EXPECT_EQ(journal.units.size(), 1U);
    EXPECT_EQ(journal.valid_bytes, whole.size());
  }
  EXPECT_THROW(ParseJournal(whole.substr(0, 20), "j"), Error);
}

// Refused, or only the last line dropped; never other values.
TEST(Journal, AThousandDamagedBytes) {
  const std::string whole = Whole();
  std::mt19937 random(1);
  int num_refused = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string damaged = whole;
    const size_t at = random() % damaged.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 + random() % 255));
    try {
      const Journal journal = ParseJournal(damaged, "j");
      EXPECT_EQ(journal.header, Header());
      for (const JournalUnit& unit : journal.units)
        EXPECT_TRUE(SameBits(unit.nll, Unit(3).nll));
      for (const JournalTrace& trace : journal.traces)
        EXPECT_EQ(trace.trace, Traced().trace);
      EXPECT_TRUE(journal.torn);  // the last newline was hit
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalid);
      ++num_refused;
    }
  }
  EXPECT_GT(num_refused, 950);
}

TEST(Journal, NamesLineAndByte) {
  std::string text = Whole();
  const size_t second = text.find('\n') + 1;
  text[second + 40] ^= 1;
  EXPECT_THAT(MessageOf([&] { ParseJournal(text, "folder/journal.jsonl"); }),
              HasSubstr("folder/journal.jsonl: line 2, byte " +
                        std::to_string(second)));
  const std::string conflict = JournalLine(Header()) + "<<<<<<< HEAD\n";
  EXPECT_THAT(MessageOf([&] { ParseJournal(conflict, "j"); }),
              HasSubstr("merge-conflict"));
}

TEST(Journal, TheWriterGoesOnAfterTheLastWholeLine) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "journal.jsonl";
  const std::string whole = JournalLine(Header()) + JournalLine(Unit(3));
  WriteFile(file, whole + "torn");
  {
    JournalWriter writer(file, whole.size());
    writer.Append(JournalLine(Unit(4)));
    EXPECT_THROW(JournalWriter(file, 0), Error);  // one process at a time
  }
  EXPECT_EQ(ReadFile(file), whole + JournalLine(Unit(4)));
}

}  // namespace
}  // namespace plastometer
