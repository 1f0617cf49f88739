// One kind of damage a test: lint finds exactly it and names the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/files.h"
#include "base/zstd_stream.h"
#include "harness/golden/ledger.h"
#include "harness/golden/store.h"
#include "tests/harness/golden/random_golden.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LintTest : public ::testing::Test {
 protected:
  LintTest() {
    Bless(root(), random_.Golden("a"), "1");
    Bless(root(), random_.Golden("b"), "2");
    golden_ = random_.Golden("a");
    Bless(root(), golden_, "3");
  }

  const fs::path& root() const { return folder_.path(); }
  std::vector<std::string> Lint() const { return LintStore(root()); }
  fs::path File(const std::string& name) const {
    return root() / "quick/a" / name;
  }
  // An entry that only the ledger knows, and that follows number 3.
  LedgerEntry EntryAfter3() {
    const Ledger ledger = Ledger::Read(root());
    LedgerEntry entry = ledger.entries().back();
    entry.id = "4";
    LedgerCase& c = entry.cases[0];
    c.previous = entry.sha256;
    c.old_sha256 = c.new_sha256;
    c.old_nll_nats = c.new_nll_nats;
    return entry;
  }
  void Write(const LedgerEntry& entry) {
    WriteFile(root() / "ledger" / (entry.id + ".json"), LedgerJson(entry));
  }

  TemporaryFolder folder_;
  RandomGolden random_{30};
  Golden golden_;
};

TEST_F(LintTest, CleanStore) {
  { const FileLock lock = LockStore(root()); }
  WriteFile(root() / "README.md", "goldens");
  EXPECT_THAT(Lint(), IsEmpty());
}

TEST_F(LintTest, NoStore) {
  EXPECT_THAT(LintStore(root() / "x"),
              ElementsAre(HasSubstr("no such folder")));
}

TEST_F(LintTest, ValueChangedByHand) {
  std::string text = ReadFile(File("portable-1/metrics.json"));
  text.replace(text.find("measured"), 8, "invented");
  WriteFile(File("portable-1/metrics.json"), text);
  EXPECT_THAT(Lint(), ElementsAre(AllOf(HasSubstr("quick/a/portable-1/metrics"),
                                        HasSubstr("content_sha256"))));
}

TEST_F(LintTest, PrecisionLost) {
  std::string text = ReadFile(File("portable-1/metrics.json"));
  const size_t hex = text.find("0x", text.find("nll_nats"));
  text.erase(text.find('p', hex) - 3, 3);
  WriteFile(File("portable-1/metrics.json"), text);
  EXPECT_THAT(Lint(), ElementsAre(HasSubstr("metrics.json")));
}

TEST_F(LintTest, GoldenWrittenWithoutBlessing) {
  golden_.metrics.tolerances["cpu-native"].max_abs_nll = 1;
  WriteGolden(golden_, root() / "quick/a");
  EXPECT_THAT(Lint(), ElementsAre(AllOf(HasSubstr("quick/a"),
                                        HasSubstr("ledger/3.json accepted"))));
}

TEST_F(LintTest, TraceOfAnotherGolden) {
  const Golden other = random_.Golden("a");
  WriteFile(File("portable-1/trace.zst"),
            ZstdCompress(EncodeTrace(other.trace)));
  EXPECT_THAT(Lint(), ElementsAre(HasSubstr("not of one golden")));
}

TEST_F(LintTest, NonFiniteValue) {
  golden_.metrics.values["nll_nats"] = NAN;
  golden_.trace.windows[0].nll[3] = NAN;
  golden_.pins.name = "c";
  Bless(root(), golden_, "4");
  EXPECT_THAT(
      Lint(),
      ElementsAre(AllOf(HasSubstr("quick/c/portable-1/metrics.json"),
                        HasSubstr("nll_nats is not finite")),
                  AllOf(HasSubstr("trace.zst"), HasSubstr("window 0"))));
}

TEST_F(LintTest, NonFiniteValueThatTheCaseDeclares) {
  golden_.metrics.values["nll_nats"] = NAN;
  golden_.trace.windows[0].nll[3] = NAN;
  golden_.pins.name = "c";
  golden_.pins.expect = "diverges";
  Bless(root(), golden_, "4");
  EXPECT_THAT(Lint(), IsEmpty());
}

TEST_F(LintTest, InfiniteTolerance) {
  golden_.metrics.tolerances["cpu-native"].max_abs_nll = INFINITY;
  Bless(root(), golden_, "4");
  EXPECT_THAT(Lint(), ElementsAre(HasSubstr("tolerance of cpu-native")));
}

TEST_F(LintTest, NoProvenance) {
  golden_.metrics.code_tree.clear();
  Bless(root(), golden_, "4");
  EXPECT_THAT(Lint(), ElementsAre(HasSubstr("no code_tree")));
}

TEST_F(LintTest, GoldenWithoutEntry) {
  WriteGolden(random_.Golden("c"), root() / "quick/c");
  EXPECT_THAT(Lint(), ElementsAre(AllOf(HasSubstr("quick/c"),
                                        HasSubstr("no entry of the ledger"))));
}

TEST_F(LintTest, EntryWithoutGolden) {
  fs::remove_all(root() / "quick/b");
  EXPECT_THAT(Lint(), ElementsAre(AllOf(HasSubstr("ledger/2.json"),
                                        HasSubstr("no such golden"))));
}

TEST_F(LintTest, RemovedCase) {
  LedgerEntry entry = EntryAfter3();
  entry.kind = "remove";
  entry.cases[0].new_sha256.clear();
  Write(entry);
  EXPECT_THAT(Lint(), ElementsAre(HasSubstr("ledger/4.json removed it")));
  fs::remove_all(root() / "quick/a");
  EXPECT_THAT(Lint(), IsEmpty());
}

TEST_F(LintTest, EntryLost) {
  fs::remove(root() / "ledger/1.json");
  EXPECT_THAT(Lint(), ElementsAre(AllOf(HasSubstr("ledger/3.json"),
                                        HasSubstr("the chain is broken"))));
}

TEST_F(LintTest, EntryReplaced) {
  LedgerEntry entry = Ledger::Read(root()).entries()[0];
  entry.reason = "a better one";
  Write(entry);
  EXPECT_THAT(Lint(), Contains(AllOf(HasSubstr("ledger/3.json"),
                                     HasSubstr("the chain is broken"))));
}

TEST_F(LintTest, ChainThatChangesTheCase) {
  LedgerEntry entry = EntryAfter3();
  entry.cases[0].name = "b";
  Write(entry);
  EXPECT_THAT(Lint(), Contains(HasSubstr("which is not about this case")));
}

TEST_F(LintTest, ChainThatChangesTheHash) {
  LedgerEntry entry = EntryAfter3();
  entry.cases[0].old_sha256 = std::string(64, '0');
  Write(entry);
  EXPECT_THAT(Lint(), ElementsAre(AllOf(HasSubstr("ledger/4.json"),
                                        HasSubstr("3.json made"))));
}

TEST_F(LintTest, ReplacementWithoutPredecessor) {
  LedgerEntry entry = EntryAfter3();
  entry.cases[0].name = "c";
  entry.cases[0].previous.clear();
  Write(entry);
  EXPECT_THAT(Lint(), Contains(HasSubstr("names no previous entry")));
}

TEST_F(LintTest, OldLossThatIsNotTheOneBefore) {
  LedgerEntry entry = EntryAfter3();
  entry.cases[0].old_nll_nats += 1;
  Write(entry);
  EXPECT_THAT(Lint(), ElementsAre(HasSubstr("old_nll_nats")));
}

TEST_F(LintTest, DriftThatWasForgotten) {
  LedgerEntry entry = EntryAfter3();
  entry.cases[0].new_nll_nats += 1;
  Write(entry);
  EXPECT_THAT(Lint(), ElementsAre(HasSubstr("cumulative_drift_nats")));
  entry.cases[0].fresh_start = true;
  Write(entry);
  EXPECT_THAT(Lint(), IsEmpty());
}

TEST_F(LintTest, TwoHeads) {
  LedgerEntry entry = EntryAfter3();
  Write(entry);
  entry.id = "5";
  Write(entry);
  EXPECT_THAT(Lint(),
              ElementsAre(AllOf(HasSubstr("two blessings of quick/a"),
                                HasSubstr("4.json"), HasSubstr("5.json"))));
}

TEST_F(LintTest, UnreadableLedgerFile) {
  WriteFile(root() / "ledger/2.json", "{");
  EXPECT_THAT(Lint(), ElementsAre(AllOf(HasSubstr("ledger/2.json"),
                                        HasSubstr("not valid JSON"))));
}

TEST_F(LintTest, MergeConflictMarkers) {
  WriteFile(File("case.json"), "<<<<<<< HEAD\n" + ReadFile(File("case.json")));
  EXPECT_THAT(Lint(), ElementsAre(AllOf(HasSubstr("quick/a/case.json"),
                                        HasSubstr("merge-conflict marker"))));
}

TEST_F(LintTest, UnknownSchema) {
  std::string text = ReadFile(File("case.json"));
  text.replace(text.find("\"schema\": 1"), 11, "\"schema\": 2");
  WriteFile(File("case.json"), text);
  EXPECT_THAT(Lint(), ElementsAre(AllOf(HasSubstr("quick/a/case.json"),
                                        HasSubstr("schema 2"))));
}

TEST_F(LintTest, StrayFiles) {
  const std::vector<std::string> strays = {
      "notes.txt",          "ledger/notes.txt",    "quick/notes.txt",
      "quick/a/notes.json", "quick/a/.x.tmp",      "quick/a/portable-1/x",
      ".hidden/case.json",  "ledger/folder/1.json"};
  for (const std::string& stray : strays) {
    fs::create_directories((root() / stray).parent_path());
    WriteFile(root() / stray, "x");
    EXPECT_THAT(Lint(), ElementsAre(HasSubstr("does not belong"))) << stray;
    fs::remove(root() / stray);
    if (fs::is_empty((root() / stray).parent_path())) {
      fs::remove((root() / stray).parent_path());
    }
  }
  fs::create_symlink(root() / "quick", root() / "link");
  EXPECT_THAT(Lint(), ElementsAre(HasSubstr("does not belong")));
}

TEST_F(LintTest, CaseWithoutPinsOrGoldens) {
  fs::remove(File("case.json"));
  EXPECT_THAT(Lint(), Contains(AllOf(HasSubstr("quick/a/case.json"),
                                     HasSubstr("missing"))));
  fs::remove_all(root() / "quick/b/portable-1");
  EXPECT_THAT(Lint(), Contains(HasSubstr("a case without any golden")));
}

TEST_F(LintTest, MissingTrace) {
  fs::remove(File("portable-1/trace.zst"));
  EXPECT_THAT(Lint(), ElementsAre(HasSubstr("portable-1/trace.zst")));
}

TEST_F(LintTest, CaseTooLarge) {
  // 80,000 losses that do not compress.
  golden_.trace.windows = {random_.Window(golden_.trace, 80'000, true)};
  Bless(root(), golden_, "4");
  EXPECT_THAT(Lint(), ElementsAre(AllOf(HasSubstr("quick/a/portable-1"),
                                        HasSubstr("at most 262144"))));
}

TEST_F(LintTest, StoreTooLarge) {
  WriteFile(root() / "README.md", std::string(kMaxStoreBytes, 'x'));
  EXPECT_THAT(Lint(), ElementsAre(HasSubstr("at most 16777216")));
}

}  // namespace
}  // namespace plastometer
