#include "harness/check/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "harness/check/blame_verdicts.h"
#include "harness/check/tolerances.h"
#include "harness/golden/bless.h"
#include "tests/harness/golden/whole_golden.h"

namespace plastometer {
namespace {
namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// A run of suite "quick" with one group "text" of two profiles on one window.
// Its losses are what a golden is made of; nothing is measured.
SuiteRun PlannedRun(const fs::path& folder) {
  RunPlan plan;
  plan.suite = "quick";
  plan.code_tree = std::string(40, 'd');
  PlannedGroup group;
  group.numeric_class = kPortableClass;
  group.num_layers = 1, group.num_heads = 1;
  group.record.lane = "cpu-portable";
  WindowRecord window;
  window.num_tokens = 3;
  window.scored_bytes = 2;
  group.record.windows = {window};
  std::vector<Trace> traces;
  for (const char* name : {"uniform", "frozen"}) {
    ProfileRecord profile;
    profile.name = name;
    profile.nll = {1.0, 2.0};
    profile.counters = {Counters{.tokens = 3}};
    group.record.profiles.push_back(profile);
    CasePins pins = Whole().pins;
    pins.suite = plan.suite;
    pins.name = std::string("text.") + name;
    pins.profile = name;
    pins.num_windows = 1;
    group.cases.push_back(pins);
    Trace trace;
    trace.num_layers = 1, trace.num_heads = 1;
    WindowTrace losses;
    losses.num_tokens = 3;
    losses.nll_sum = 3.0;
    losses.block_digests = {7};
    trace.windows = {losses};
    traces.push_back(trace);
  }
  plan.groups = {group};
  Collected collected;
  collected.records = {group.record};
  collected.traces = {traces};
  std::vector<LoadedGroup> groups(1);
  groups[0].choice.file = "model.safetensors";
  groups[0].data.windows.resize(1);
  return {plan, std::move(groups), RunFolder(folder), collected, {}};
}

class CheckTest : public ::testing::Test {
 protected:
  // Accepts what the run gives as goldens, the case `except` left out.
  void Bless(const SuiteRun& run, const std::string& except = "") {
    BlessRequest request;
    request.reason = "the first golden of this case";
    for (const UnitId& id : AskedCases(run.plan)) {
      const Golden golden = MakeCandidate(run.plan, run.collected, id.group_idx,
                                          id.profile_idx);
      if (golden.pins.name != except)
        request.cases.push_back({golden, golden, true});
    }
    BlessEnvironment environment;
    environment.code_tree = std::string(40, 'd');
    environment.built_from_commit = true;
    environment.author = "A. Author <a@example.org>";
    environment.date_utc = "2026-02-03T04:05:06Z";
    Accept(root_, request, environment);
  }

  TemporaryFolder folder_;
  fs::path root_ = folder_.path() / "goldens";
};

TEST_F(CheckTest, ARunPassesAgainstItsOwnGoldensAndLeavesNothingPending) {
  const SuiteRun run = PlannedRun(folder_.path() / "run");
  Bless(run);
  const auto cases = CompareAll(GoldenStore(root_), run, nullptr);
  ASSERT_EQ(cases.size(), 2);
  std::vector<Comparison> comparisons;
  for (const CheckedCase& c : cases) {
    EXPECT_EQ(c.comparison.verdict, Verdict::kPass);
    comparisons.push_back(c.comparison);
  }
  WritePending(run, cases);
  EXPECT_FALSE(fs::exists(folder_.path() / "run" / "pending"));
  EXPECT_EQ(ExitCodeOf(comparisons, run.collected), 0);
  Collected in_pieces = run.collected;
  in_pieces.inconsistent = {"text.uniform window 0"};
  EXPECT_EQ(ExitCodeOf(comparisons, in_pieces), 1);
}

TEST_F(CheckTest, AMovedLossIsARegressionAndPending) {
  SuiteRun run = PlannedRun(folder_.path() / "run");
  Bless(run);
  run.collected.traces[0][1].windows[0].block_digests = {8};
  const auto cases = CompareAll(GoldenStore(root_), run, nullptr);
  EXPECT_EQ(cases[0].comparison.verdict, Verdict::kPass);
  EXPECT_EQ(cases[1].comparison.verdict, Verdict::kRegression);
  WritePending(run, cases);
  const fs::path pending = folder_.path() / "run" / "pending" / "quick";
  EXPECT_FALSE(fs::exists(pending / "text.uniform"));
  EXPECT_EQ(ReadGolden(pending / "text.frozen", kPortableClass).trace,
            run.collected.traces[0][1]);
  EXPECT_EQ(ExitCodeOf({cases[1].comparison}, run.collected), 1);
}

TEST_F(CheckTest, ACaseWithoutGoldenAndAGoldenWithoutCaseAreInvalid) {
  SuiteRun run = PlannedRun(folder_.path() / "run");
  Bless(run, "text.frozen");
  const GoldenStore store(root_);
  auto cases = CompareAll(store, run, nullptr);
  EXPECT_EQ(cases[0].comparison.verdict, Verdict::kPass);
  EXPECT_EQ(cases[1].comparison.verdict, Verdict::kInvalid);
  EXPECT_THAT(Orphans(store, "quick", cases), IsEmpty());
  cases.erase(cases.begin());
  const auto orphans = Orphans(store, "quick", cases);
  ASSERT_EQ(orphans.size(), 1);
  EXPECT_EQ(orphans[0].pins.name, "text.uniform");
  EXPECT_THAT(orphans[0].tiers.at(0).detail,
              HasSubstr("plastometer accept --remove quick/text.uniform"));
  EXPECT_EQ(ExitCodeOf(orphans, run.collected), 4);
}

TEST_F(CheckTest, AProfileMeasuredForComparisonOnlyIsNoCase) {
  SuiteRun run = PlannedRun(folder_.path() / "run");
  Bless(run);
  run.plan.groups[0].record.profiles[1].asked = false;
  EXPECT_EQ(CompareAll(GoldenStore(root_), run, nullptr).size(), 1);
}

TEST_F(CheckTest, InconclusiveRunsInARowAreCountedBackwardsInTime) {
  const auto ran = [&](const std::string& name, const std::string& suite,
                       int exit_code, int minutes_ago) {
    const fs::path file = folder_.path() / "runs" / name / "check.json";
    fs::create_directories(file.parent_path());
    WriteFile(file, nlohmann::json{{"suite", suite}, {"exit_code", exit_code}}
                        .dump());
    fs::last_write_time(file, fs::file_time_type::clock::now() -
                                  std::chrono::minutes(minutes_ago));
  };
  ran("oldest", "quick", 7, 50);
  ran("passed", "quick", 0, 40);
  ran("first", "quick", 7, 30);
  ran("another-suite", "ci", 0, 20);
  ran("second", "quick", 7, 10);
  ran("this-one", "quick", 7, 0);
  EXPECT_EQ(NumInconclusive(folder_.path() / "runs" / "this-one", "quick"), 2);
  EXPECT_EQ(NumInconclusive(folder_.path() / "runs" / "this-one", "ci"), 0);
}

CheckedCase FailedCase() {
  CheckedCase checked;
  checked.candidate = Whole();
  checked.golden = Whole();
  checked.candidate.metrics.environment["libtorch"] = "2.12.0";
  checked.golden->metrics.environment["libtorch"] = "2.11.0";
  return checked;
}

TEST(BlameVerdictTest, OldCodeThatStillPassesAccusesTheCode) {
  const CheckedCase checked = FailedCase();
  const std::string name = checked.candidate.pins.name;
  EXPECT_THAT(
      BlameVerdict("abc", {{"cases", {{{"case", name}, {"verdict", "pass"}}}}},
                   checked),
      StartsWith("CODE-CHANGE: commit abc"));
  const std::string drift = BlameVerdict(
      "abc", {{"cases", {{{"case", name}, {"verdict", "regression"}}}}},
      checked);
  EXPECT_THAT(drift, StartsWith("ENV-DRIFT: commit abc"));
  EXPECT_THAT(drift, HasSubstr("libtorch: 2.11.0 -> 2.12.0"));
  EXPECT_THAT(BlameVerdict("abc", {{"cases", nlohmann::json::array()}}, checked),
              HasSubstr("has no such case"));
}

TEST(TolerancesTest, VariantsReachThreadsBatchAndWhatTheLaneCanBeTold) {
  std::set<std::string> isas;
  std::set<int64_t> batches;
  for (const LaneVariant& v : VariantsOf("cpu-native")) {
    isas.insert(v.isa);
    batches.insert(v.batch);
  }
  EXPECT_THAT(isas, ElementsAre("", "avx2", "scalar"));
  EXPECT_THAT(batches, ElementsAre(-1, 1));
  for (const LaneVariant& v : VariantsOf("cpu-reference"))
    EXPECT_EQ(v.isa, "") << NameOf(v);
}

TEST(TolerancesTest, ALimitIsTwiceTheLargestDifferenceOfThisCase) {
  CaseMetrics metrics;
  SetTolerances("text.uniform",
                {{"cpu-native", {{"text.uniform", {3e-6, 1e-6}}}},
                 {"cpu-reference", {{"text.frozen", {5e-6, 2e-6}}}}},
                metrics);
  ASSERT_EQ(metrics.tolerances.size(), 1);
  const CaseMetrics::Tolerance& t = metrics.tolerances.at("cpu-native");
  EXPECT_EQ(t.max_abs_nll, 6e-6);
  EXPECT_EQ(t.max_abs_mean_nll, 2e-6);
  EXPECT_THAT(t.reason, HasSubstr("3.00e-06, mean 1.00e-06 nats"));
}

}  // namespace
}  // namespace plastometer
