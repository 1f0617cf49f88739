#include "harness/golden/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "harness/golden/store.h"
#include "tests/harness/golden/random_golden.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LedgerEntry SmallEntry() {
  LedgerCase c;
  c.suite = "quick";
  c.name = "a";
  c.numeric_class = kPortableClass;
  c.new_sha256 = std::string(64, '1');
  c.code_tree = std::string(40, '2');
  c.old_nll_nats = NAN;
  c.new_nll_nats = 0.1;
  LedgerCase other = c;
  other.name = "b";
  other.fresh_start = true;
  return {.id = "2026-01-31-ab12",
          .date = "2026-01-31T23:59:59Z",
          .author = "A. Author <a@example.org>",
          .reason = "first \"golden\"\nof it",
          .kind = "accept",
          .cases = {c, other},
          .sha256 = ""};
}

// The case in every golden of RandomGolden is of suite "quick".
const LedgerCase* HeadOf(const Ledger& ledger, const std::string& name,
                         const LedgerEntry** entry = nullptr) {
  return ledger.Head("quick", name, kPortableClass, entry);
}

TEST(Ledger, EntriesComeBack) {
  const LedgerEntry entry = SmallEntry();
  const std::string text = LedgerJson(entry);
  const LedgerEntry read = ParseLedger(text, "l");
  EXPECT_EQ(read.id, entry.id);
  EXPECT_EQ(read.date, entry.date);
  EXPECT_EQ(read.author, entry.author);
  EXPECT_EQ(read.reason, entry.reason);
  EXPECT_EQ(read.kind, entry.kind);
  ASSERT_EQ(read.cases.size(), 2U);
  EXPECT_TRUE(std::isnan(read.cases[0].old_nll_nats));
  EXPECT_EQ(read.cases[0].new_nll_nats, 0.1);
  EXPECT_EQ(read.cases[1].name, "b");
  EXPECT_TRUE(read.cases[1].fresh_start);
  EXPECT_EQ(read.sha256, Sha256Hex(text));
  EXPECT_EQ(LedgerJson(read), text);
}

TEST(Ledger, CasesAreSortedWhenWritten) {
  LedgerEntry entry = SmallEntry();
  const std::string text = LedgerJson(entry);
  std::swap(entry.cases[0], entry.cases[1]);
  EXPECT_EQ(LedgerJson(entry), text);
}

TEST(Ledger, IncompleteEntriesAreRefused) {
  const std::vector<std::pair<const char*, std::function<void(LedgerEntry*)>>>
      wrong = {{"no author", [](LedgerEntry* e) { e->author.clear(); }},
               {"no reason", [](LedgerEntry* e) { e->reason.clear(); }},
               {"no case", [](LedgerEntry* e) { e->cases.clear(); }},
               {"date", [](LedgerEntry* e) { e->date = "yesterday"; }},
               {"id", [](LedgerEntry* e) { e->id = "../x"; }},
               {"kind", [](LedgerEntry* e) { e->kind = "maybe"; }},
               {"new_sha256", [](LedgerEntry* e) { e->kind = "remove"; }},
               {"new_sha256",
                [](LedgerEntry* e) { e->cases[0].new_sha256.clear(); }},
               {"twice", [](LedgerEntry* e) { e->cases[1] = e->cases[0]; }}};
  for (const auto& [what, change] : wrong) {
    LedgerEntry entry = SmallEntry();
    change(&entry);
    EXPECT_THAT(MessageOf([&] { LedgerJson(entry); }, ErrorKind::kInvalid),
                HasSubstr(what));
  }
  LedgerEntry entry = SmallEntry();
  entry.cases[0].previous = "abc";  // written, but no hash
  const std::string text = LedgerJson(entry);
  EXPECT_THAT(MessageOf([&] { ParseLedger(text, "l"); }, ErrorKind::kInvalid),
              HasSubstr("expected a SHA-256 or nothing"));
}

TEST(Ledger, AnEmptyStoreHasNoEntries) {
  const TemporaryFolder folder;
  const Ledger ledger = Ledger::Read(folder.path());
  EXPECT_THAT(ledger.entries(), IsEmpty());
  EXPECT_EQ(HeadOf(ledger, "a"), nullptr);
}

TEST(Ledger, HeadIsTheEndOfTheChainNotOfTheDates) {
  const TemporaryFolder folder;
  RandomGolden random(20);
  const Golden first = random.Golden("a"), second = random.Golden("a");
  Bless(folder.path(), first, "2026-02-01");
  Bless(folder.path(), random.Golden("b"), "2026-02-02");
  Bless(folder.path(), second, "2026-01-01");  // a clock that goes wrong
  const Ledger ledger = Ledger::Read(folder.path());
  const LedgerEntry* entry = nullptr;
  const LedgerCase* head = HeadOf(ledger, "a", &entry);
  ASSERT_NE(head, nullptr);
  EXPECT_EQ(entry->id, "2026-01-01");
  EXPECT_EQ(head->new_sha256, GoldenSha256(second));
  EXPECT_EQ(head->old_sha256, GoldenSha256(first));
  EXPECT_EQ(HeadOf(ledger, "c"), nullptr);
  EXPECT_EQ(ledger.Head("quick", "a", "portable-2"), nullptr);
  EXPECT_NO_THROW(ledger.RequireBlessed(second));
  EXPECT_THAT(
      MessageOf([&] { ledger.RequireBlessed(first); }, ErrorKind::kInvalid),
      AllOf(HasSubstr("2026-01-01.json"), HasSubstr(GoldenSha256(first))));
  EXPECT_THAT(MessageOf([&] { ledger.RequireBlessed(random.Golden("c")); },
                        ErrorKind::kInvalid),
              HasSubstr("no entry of the ledger"));
}

TEST(Ledger, AFileIsNotRenamedOrCopied) {
  const TemporaryFolder folder;
  RandomGolden random(21);
  Bless(folder.path(), random.Golden("a"), "first");
  fs::copy_file(folder.path() / "ledger/first.json",
                folder.path() / "ledger/second.json");
  EXPECT_THAT(
      MessageOf([&] { Ledger::Read(folder.path()); }, ErrorKind::kInvalid),
      AllOf(HasSubstr("second.json"), HasSubstr("id is \"first\"")));
}

// A repository with one blessed case "a" on its first branch.
class MergeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Bless(root(), random_.Golden("a"), "first");
    Git("init --quiet --initial-branch=main .");
    Commit();
  }

  fs::path root() const { return folder_.path() / "goldens"; }
  void Commit() {
    Git("add .");
    Git("commit --quiet -m c");
  }
  int TryGit(const std::string& arguments) {
    const std::string command =
        "cd '" + folder_.path().string() +
        "' && GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git -c "
        "user.name=a -c user.email=a@example.org " +
        arguments + " >git.log 2>&1";
    return std::system(command.c_str());
  }
  void Git(const std::string& arguments) {
    ASSERT_EQ(TryGit(arguments), 0) << arguments << "\n"
                                    << ReadFile(folder_.path() / "git.log");
  }
  void BlessOnBranch(const std::string& branch, const std::string& name) {
    Git("checkout --quiet -b " + branch + " main");
    Bless(root(), random_.Golden(name), branch);
    Commit();
  }

  TemporaryFolder folder_;
  RandomGolden random_{22};
};

TEST_F(MergeTest, BranchesThatBlessDifferentCasesMergeCleanly) {
  WriteFile(folder_.path() / ".gitignore", "git.log\n");
  Commit();
  BlessOnBranch("left", "b");
  BlessOnBranch("right", "a");
  Git("merge --quiet left -m m");
  EXPECT_THAT(LintStore(root()), IsEmpty());
  EXPECT_EQ(Ledger::Read(root()).entries().size(), 3U);
}

TEST_F(MergeTest, BranchesThatBlessTheSameCaseAreNamed) {
  WriteFile(folder_.path() / ".gitignore", "git.log\n");
  Commit();
  BlessOnBranch("left", "a");
  BlessOnBranch("right", "a");
  EXPECT_NE(TryGit("merge --quiet left -m m"), 0);
  EXPECT_THAT(
      MessageOf([&] { GoldenStore(root()).Read("quick", "a", kPortableClass); },
                ErrorKind::kInvalid),
      HasSubstr("merge-conflict marker"));
  // Whoever takes one side meets the two entries of the ledger.
  Git("checkout --quiet --ours goldens/quick");
  EXPECT_THAT(MessageOf([&] { HeadOf(Ledger::Read(root()), "a"); },
                        ErrorKind::kInvalid),
              AllOf(HasSubstr("quick/a"), HasSubstr("ledger/left.json"),
                    HasSubstr("ledger/right.json")));
  EXPECT_THAT(LintStore(root()),
              ::testing::ElementsAre(HasSubstr("two blessings of quick/a")));
  // And what the message says helps.
  fs::remove(root() / "ledger/left.json");
  EXPECT_THAT(LintStore(root()), IsEmpty());
}

}  // namespace
}  // namespace plastometer
