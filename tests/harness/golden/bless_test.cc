// What may become a golden, and that a refusal leaves the store as it was.
#include "harness/golden/bless.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tests/harness/golden/blessing.h"
#include "tests/harness/golden/whole_golden.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Golden Pending(const std::string& name, double nll_nats = 3) {
  return PendingGolden(name, nll_nats);
}

BlessRequest Request(const std::vector<Golden>& goldens) {
  BlessRequest request;
  request.reason = "the first golden of this case";
  for (const Golden& golden : goldens)
    request.cases.push_back({golden, golden, true});
  return request;
}
BlessRequest Request(const Golden& golden) {
  return Request(std::vector<Golden>{golden});
}

// Path and content of every file; the lock's is whoever held it last.
std::map<std::string, std::string> Bytes(const fs::path& root) {
  std::map<std::string, std::string> files;
  if (!fs::exists(root)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.is_regular_file() && entry.path().filename() != kLockFile)
      files[entry.path().lexically_relative(root).string()] =
          ReadFile(entry.path());
  return files;
}

class Blessing : public ::testing::Test {
 protected:
  // Refused with all of this in the message, and no byte of the store moved.
  void Refuses(const BlessRequest& request, const BlessEnvironment& e,
               const std::vector<std::string>& texts,
               ErrorKind kind = ErrorKind::kRefused) {
    const auto before = Bytes(root_);
    const std::string message =
        MessageOf([&] { Accept(root_, request, e); }, kind);
    for (const std::string& text : texts) EXPECT_THAT(message, HasSubstr(text));
    EXPECT_EQ(Bytes(root_), before) << message;
  }
  void Refuses(const BlessRequest& request,
               const std::vector<std::string>& texts) {
    Refuses(request, AtACommit(), texts);
  }
  LedgerEntry Accepts(const BlessRequest& request) {
    LedgerEntry entry = Accept(root_, request, AtACommit());
    EXPECT_THAT(LintStore(root_), IsEmpty());
    return entry;
  }

  TemporaryFolder folder_;
  fs::path root_ = folder_.path() / "goldens";
};

TEST_F(Blessing, AFirstAndASecondGoldenLeaveACleanStore) {
  const Golden first = Pending("a");
  const LedgerEntry one = Accepts(Request(first));
  ASSERT_EQ(one.cases.size(), 1U);
  EXPECT_EQ(one.kind, "accept");
  EXPECT_EQ(one.author, "A. Author <a@example.org>");
  EXPECT_EQ(one.cases[0].old_sha256, "");
  EXPECT_EQ(one.cases[0].new_sha256, GoldenSha256(first));
  EXPECT_EQ(one.cases[0].code_tree, std::string(40, 'd'));
  EXPECT_EQ(one.cases[0].cumulative_drift_nats, 0);

  const Golden second = Pending("a", 3.0005);
  const LedgerEntry two = Accepts(Request(second));
  EXPECT_EQ(two.cases[0].old_sha256, GoldenSha256(first));
  EXPECT_EQ(two.cases[0].old_nll_nats, 3);
  EXPECT_EQ(two.cases[0].new_nll_nats, 3.0005);
  EXPECT_NEAR(two.cases[0].cumulative_drift_nats, 5e-4, 1e-12);
  EXPECT_EQ(
      GoldenSha256(*GoldenStore(root_).Read("quick", "a", kPortableClass)),
      GoldenSha256(second));
  EXPECT_EQ(Ledger::Read(root_).entries().size(), 2U);
}

TEST_F(Blessing, SeveralCasesAreOneEntry) {
  BlessRequest request = Request({Pending("b"), Pending("a")});
  request.all = true;
  request.expected_count = 2;
  EXPECT_EQ(Accepts(request).cases.size(), 2U);
}

TEST_F(Blessing, NeedsAReason) {
  BlessRequest request = Request(Pending("a"));
  for (const char* reason :
       {"", "because", "a  b  c  d  e  f  g", "\n\n\n\n\n\n\n\n\n\n\n"}) {
    request.reason = reason;
    Refuses(request, {"the reason is", "--reason"});
  }
}

TEST_F(Blessing, RefusesInCi) {
  BlessEnvironment e = AtACommit();
  e.ci = true;
  Refuses(Request(Pending("a")), e, {"CI job", "by a person"});
}

TEST_F(Blessing, RefusesInADirtyTree) {
  BlessEnvironment e = AtACommit();
  e.changed_files = "harness/a.cc, model/b.cc";
  Refuses(Request(Pending("a")), e,
          {"harness/a.cc, model/b.cc", "commit them first"});
}

TEST_F(Blessing, RefusesAProgramThatIsNotOfACommit) {
  BlessEnvironment e = AtACommit();
  e.built_from_commit = false;
  Refuses(Request(Pending("a")), e, {"not built from a commit"});
  for (const char* unknown : {"unknown", ""}) {
    e = AtACommit();
    e.code_tree = unknown;
    Golden golden = Pending("a");
    golden.metrics.code_tree = unknown;
    Refuses(Request(golden), e, {"not built from a commit"});
  }
}

TEST_F(Blessing, RefusesWhatOtherCodeMeasured) {
  Golden golden = Pending("a");
  golden.metrics.code_tree = std::string(40, '0');
  Refuses(Request(golden), {"quick/a", "measured by code 000", "ddd"});
}

TEST_F(Blessing, RefusesAnIncompleteRun) {
  BlessRequest request = Request(Pending("a"));
  request.cases[0].complete = false;
  Refuses(request, {"quick/a", "not complete", "--resume"});
}

TEST_F(Blessing, RefusesTwoRunsThatDiffer) {
  const Change changes[] = {
      [](Golden& g) { ++g.trace.windows[1].row_digests[7]; },
      [](Golden& g) { ++g.trace.windows[5].block_digests[0]; },
      [](Golden& g) { ++g.metrics.counts["tokens"]; },
      [](Golden& g) { g.metrics.values["nll_nats"] += 1e-15; }};
  for (const Change& change : changes) {
    BlessRequest request = Request(Pending("a"));
    change(request.cases[0].again);
    Refuses(request, {"quick/a", "two runs of this program differ"});
  }
  BlessRequest request = Request(Pending("a"));
  changes[0](request.cases[0].again);
  Refuses(request, {"window 1", "token 2, layer 0"});
}

TEST_F(Blessing, RefusesAnotherClassUnlessAskedFor) {
  Golden golden = Pending("a");
  golden.metrics.numeric_class = "cpu-native+2.11+avx2+t2";
  BlessRequest request = Request(golden);
  Refuses(request,
          {"cpu-native+2.11+avx2+t2", "expected portable-1", "--class"});
  request.numeric_class = golden.metrics.numeric_class;
  Accepts(request);
}

TEST_F(Blessing, RefusesWhatIsNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Change changes[] = {
      [&](Golden& g) { g.metrics.values["nll_nats"] = nan; },
      [&](Golden& g) { g.metrics.values["nll_sum_nats"] = INFINITY; },
      [&](Golden& g) { g.trace.windows[0].nll[3] = nan; },
      [&](Golden& g) { g.trace.windows[7].nll_sum = -INFINITY; },
      [&](Golden& g) { g.trace.windows[1].probe.target_nll = nan; },
      [&](Golden& g) { g.trace.windows[1].probe.logits[0] = -INFINITY; }};
  for (const Change& change : changes) {
    Golden golden = Pending("a");
    change(golden);
    Refuses(Request(golden), {"quick/a", "not finite", "diverges"});
  }
  Golden golden = Pending("a");
  golden.metrics.tolerances["cpu-native"] = {INFINITY, 1, "measured"};
  Refuses(Request(golden), {"quick/a", "tolerance of lane cpu-native"});
}

TEST_F(Blessing, ACaseThatIsToDivergeMustAndMay) {
  Golden golden = Pending("a");
  golden.pins.expect = "diverges";
  Refuses(Request(golden), {"quick/a", "expects it to diverge"});
  golden = Diverged(20);
  golden.pins.name = "a";
  Accepts(Request(golden));
}

TEST_F(Blessing, RefusesWhatIsTheGoldenAlready) {
  const Golden golden = Pending("a");
  Accepts(Request(golden));
  Refuses(Request(golden), {"quick/a", "golden already"});
  Golden again = golden;  // the same bits from another lane and place
  again.metrics.lane = "cuda-portable";
  again.metrics.environment = {{"compiler", "other"}};
  Refuses(Request(again), {"golden already"});
}

TEST_F(Blessing, RefusesValuesAndTolerancesTogether) {
  Golden golden = Pending("a");
  Accepts(Request(golden));
  golden.metrics.tolerances["cpu-native"] = {1e-3, 1e-5, "measured"};
  Accepts(Request(golden));  // tolerances alone
  EXPECT_THAT(
      Ledger::Read(root_).Head("quick", "a", kPortableClass)->tolerances,
      ElementsAre("cpu-native: any token none -> 0.001 nats, mean none "
                  "-> 1e-05 nats"));
  Golden both = Pending("a", 3.0001);
  both.metrics.tolerances["cpu-native"] = {1e-2, 1e-4, "measured"};
  Refuses(Request(both), {"quick/a", "values and tolerances"});
  Accepts(Request(Pending("a", 3.0001)));  // values alone: those stay
  const auto now = GoldenStore(root_).Read("quick", "a", kPortableClass);
  EXPECT_EQ(now->metrics.tolerances, golden.metrics.tolerances);
  EXPECT_EQ(now->metrics.values.at("nll_nats"), 3.0001);
}

TEST_F(Blessing, AShiftNeedsToBeSaid) {
  Accepts(Request(Pending("a")));
  Golden counts = Pending("a");
  ++counts.metrics.counts["inner_updates"];
  Golden pins = Pending("a");
  pins.pins.data_sha256 = std::string(64, '1');
  for (const Golden& golden :
       {Pending("a", 3.0011), Pending("a", 2.9989), counts, pins})
    Refuses(Request(golden), {"quick/a", "--accept-shift"});
  for (const Golden& golden : {Pending("a", 3.0011), counts, pins}) {
    BlessRequest request = Request(golden);
    request.accept_shift = true;
    Accepts(request);
  }
}

TEST_F(Blessing, ManySmallChangesMeetTheBudget) {
  double nll = 3;
  Accepts(Request(Pending("a", nll)));
  for (int i = 0; i < 5; ++i) {  // to and fro: drift is not the difference
    nll += i % 2 == 0 ? 0.00099 : -0.00099;
    Accepts(Request(Pending("a", nll)));
  }
  BlessRequest request = Request(Pending("a", nll - 0.0005));
  Refuses(request, {"quick/a", "add up to", "--fresh-start"});
  request.accept_shift = true;
  Refuses(request, {"--fresh-start"});
  request.fresh_start = true;
  const LedgerEntry fresh = Accepts(request);
  EXPECT_EQ(fresh.cases[0].cumulative_drift_nats, 0);
  EXPECT_TRUE(fresh.cases[0].fresh_start);
  EXPECT_NEAR(
      Accepts(Request(Pending("a", nll))).cases[0].cumulative_drift_nats, 5e-4,
      1e-12);
}

TEST_F(Blessing, AllNeedsTheirNumber) {
  BlessRequest request = Request({Pending("a"), Pending("b")});
  request.all = true;
  Refuses(request, {"--all takes 2 cases", "--count 2"});
  request.expected_count = 3;
  Refuses(request, {"--count 2"});
}

TEST_F(Blessing, NoCaseAndACaseTwiceAreErrors) {
  BlessRequest none = Request(std::vector<Golden>{});
  Refuses(none, AtACommit(), {"no case"}, ErrorKind::kUsage);
  Refuses(Request({Pending("a"), Pending("a")}), AtACommit(), {"comes twice"},
          ErrorKind::kInvalid);
}

TEST_F(Blessing, OneBadCaseKeepsTheGoodOnesOut) {
  Golden bad = Pending("b");
  bad.trace.windows[0].nll_sum = INFINITY;
  Refuses(Request({Pending("a"), bad}), {"quick/b", "not finite"});
}

// Digests do not compress.
Golden Large(const std::string& name, int64_t num_digests) {
  RandomGolden random(11);
  Golden golden = Pending(name);
  golden.trace.num_layers = num_digests / kTokens - 1;
  golden.trace.windows.resize(1);
  WindowTrace& w = golden.trace.windows[0];
  w.state_digests.clear();
  w.row_digests.clear();
  for (int64_t i = kTokens * (golden.trace.num_layers + 1); i > 0; --i)
    w.row_digests.push_back(static_cast<uint32_t>(random.Below(1LL << 32)));
  return golden;
}

TEST_F(Blessing, RefusesACaseThatIsTooLarge) {
  Refuses(Request(Large("a", 70'000)),
          {"quick/a", "bytes; expected at most 262144", "traced_windows"});
  Accepts(Request(Large("a", 60'000)));
}

TEST_F(Blessing, RefusesAStoreThatIsTooLarge) {
  std::vector<Golden> goldens;
  for (int i = 0; i < 67; ++i)
    goldens.push_back(Large("case" + std::to_string(i), 62'800));
  Refuses(Request(goldens), {"the store would have", "at most 16777216"});
  goldens.pop_back();
  Accepts(Request(goldens));
  // Replacing one is no growth.
  goldens[0].metrics.values["nll_nats"] += 1e-6;
  Accepts(Request(goldens[0]));
}

TEST_F(Blessing, RefusesWhileAnotherWrites) {
  Accepts(Request(Pending("a")));
  const FileLock lock = LockStore(root_);
  Refuses(Request(Pending("b")), {"being written by process"});
  const auto before = Bytes(root_);
  EXPECT_THAT(MessageOf(
                  [&] {
                    Remove(root_, "quick", "a", "left its suite today",
                           AtACommit());
                  },
                  ErrorKind::kRefused),
              HasSubstr("being written by process"));
  EXPECT_EQ(Bytes(root_), before);
}

TEST_F(Blessing, OtherPinsAreRefusedWhileAnotherClassHoldsThem) {
  Accepts(Request(Pending("a")));
  Golden native = Pending("a");
  native.metrics.lane = "cpu-native";
  native.metrics.numeric_class = "cpu-native+2.11+avx2+t2";
  native.pins.batch_size = 1;
  BlessRequest request = Request(native);
  request.numeric_class = native.metrics.numeric_class;
  Refuses(request, {"quick/a", "class portable-1", "--remove"});
  native.pins.batch_size = 2;
  request.cases = Request(native).cases;
  Accepts(request);
}

TEST_F(Blessing, AGoldenThatNobodyAcceptedIsRepairedByAccepting) {
  const Golden golden = Pending("a");
  Accepts(Request(golden));
  Golden edited = golden;
  edited.metrics.counts["tokens"] = 1;
  WriteGolden(edited, root_ / "quick" / "a");
  EXPECT_EQ(LintStore(root_).size(), 1U);
  BlessRequest request = Request(edited);
  request.reason = "the count is right as it stands";
  EXPECT_EQ(Accepts(request).cases[0].old_sha256, GoldenSha256(golden));
}

TEST_F(Blessing, AGoldenThatWasLostKeepsItsDrift) {
  Accepts(Request(Pending("a")));
  fs::remove_all(root_ / "quick");
  EXPECT_NEAR(
      Accepts(Request(Pending("a", 3.001))).cases[0].cumulative_drift_nats,
      1e-3, 1e-12);
  fs::remove_all(root_ / "quick");
  Refuses(Request(Pending("a", 4)), {"--fresh-start"});
}

TEST_F(Blessing, RemoveTakesEveryClassAndTheCaseMayComeBack) {
  Golden native = Pending("a");
  native.metrics.numeric_class = "cpu-native+2.11+avx2+t2";
  BlessRequest request = Request(native);
  request.numeric_class = native.metrics.numeric_class;
  Accepts(Request({Pending("a"), Pending("b")}));
  Accepts(request);
  const auto before = Bytes(root_);
  EXPECT_THAT(
      MessageOf([&] { Remove(root_, "quick", "a", "gone", AtACommit()); },
                ErrorKind::kRefused),
      HasSubstr("the reason is"));
  BlessEnvironment ci = AtACommit();
  ci.ci = true;
  EXPECT_THAT(
      MessageOf(
          [&] { Remove(root_, "quick", "a", "left its suite today", ci); },
          ErrorKind::kRefused),
      HasSubstr("CI job"));
  EXPECT_THAT(MessageOf(
                  [&] {
                    Remove(root_, "quick", "c", "left its suite today",
                           AtACommit());
                  },
                  ErrorKind::kUsage),
              HasSubstr("no case quick/c"));
  EXPECT_THROW(
      Remove(root_, "..", "quick", "left its suite today", AtACommit()), Error);
  EXPECT_EQ(Bytes(root_), before);

  const LedgerEntry entry =
      Remove(root_, "quick", "a", "left its suite today", AtACommit());
  EXPECT_EQ(entry.kind, "remove");
  EXPECT_EQ(entry.cases.size(), 2U);
  EXPECT_FALSE(fs::exists(root_ / "quick" / "a"));
  EXPECT_TRUE(fs::exists(root_ / "quick" / "b"));
  EXPECT_THAT(LintStore(root_), IsEmpty());
  EXPECT_EQ(Accepts(Request(Pending("a", 5))).cases[0].cumulative_drift_nats,
            0);
}

// Stopped between the golden's folder and the ledger.
TEST_F(Blessing, AnInterruptedRemoveIsRepairedByRemovingAgain) {
  Accepts(Request({Pending("a"), Pending("b")}));
  fs::remove_all(root_ / "quick" / "a");
  EXPECT_EQ(LintStore(root_).size(), 1U);
  Remove(root_, "quick", "a", "left its suite today", AtACommit());
  EXPECT_THAT(LintStore(root_), IsEmpty());
  EXPECT_THAT(MessageOf(
                  [&] {
                    Remove(root_, "quick", "a", "left its suite today",
                           AtACommit());
                  },
                  ErrorKind::kUsage),
              HasSubstr("no case quick/a"));
}

// Two branches from one store; merged, as git does it file by file.
class Branches : public Blessing {
 protected:
  void Fork() {
    Accepts(Request({Pending("a"), Pending("b")}));
    fs::copy(root_, other_, fs::copy_options::recursive);
  }
  // Files that only `other_` has come over; those that differ are conflicts,
  // unless only the other branch changed them.
  std::vector<std::string> Merge(
      const std::map<std::string, std::string>& base) {
    std::vector<std::string> conflicts;
    const auto ours = Bytes(root_), theirs = Bytes(other_);
    for (const auto& [name, content] : theirs) {
      const auto mine = ours.find(name), old = base.find(name);
      if (mine != ours.end() && mine->second == content) continue;
      if (old != base.end() && old->second == content) continue;
      if (mine != ours.end() &&
          (old == base.end() || old->second != mine->second))
        conflicts.push_back(name);
      fs::create_directories((root_ / name).parent_path());
      WriteFile(root_ / name, content);
    }
    return conflicts;
  }

  fs::path other_ = folder_.path() / "other";
};

TEST_F(Branches, OfDifferentCasesMergeCleanly) {
  Fork();
  const auto base = Bytes(root_);
  Accepts(Request(Pending("a", 3.0005)));
  Accept(other_, Request(Pending("b", 3.0004)), AtACommit());
  EXPECT_THAT(Merge(base), IsEmpty());
  EXPECT_THAT(LintStore(root_), IsEmpty());
  EXPECT_EQ(Ledger::Read(root_).entries().size(), 3U);
}

TEST_F(Branches, OfTheSameCaseConflictByName) {
  Fork();
  const auto base = Bytes(root_);
  const LedgerEntry ours = Accepts(Request(Pending("a", 3.0005)));
  const LedgerEntry theirs =
      Accept(other_, Request(Pending("a", 3.0004)), AtACommit());
  ASSERT_NE(ours.id, theirs.id);
  EXPECT_THAT(Merge(base),
              ::testing::ElementsAre("quick/a/portable-1/metrics.json"));
  // Whoever takes one side still meets the two ends of the chain.
  const auto both = AllOf(HasSubstr("quick/a"), HasSubstr(ours.id + ".json"),
                          HasSubstr(theirs.id + ".json"));
  EXPECT_THAT(LintStore(root_), ::testing::Contains(both));
  EXPECT_THAT(
      MessageOf(
          [&] { Accept(root_, Request(Pending("a", 3.0003)), AtACommit()); },
          ErrorKind::kInvalid),
      both);
  // The way out that the message names.
  fs::remove(root_ / kLedgerFolder / (ours.id + ".json"));
  Accepts(Request(Pending("a", 3.0003)));
}

}  // namespace
}  // namespace plastometer
