// `check` and what follows it, as a user meets them: every exit code, what is
// printed, and what is left behind. Goldens are blessed through the library
// with an environment that allows it; the program itself refuses here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness/golden/bless.h"
#include "harness/golden/store.h"
#include "tests/harness/cli/program.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr char kSuite[] = R"({"schema": 1, "description": "two cases",
 "groups": [{"name": "tiny", "model": "./model.safetensors",
 "data": {"text": "text.txt", "context": 48, "windows": 12},
 "profiles": ["uniform", "frozen"], "traced_windows": 12}]})";

constexpr char kCheck[] = "check s.json --goldens goldens ";

class CheckCommand : public testing::Test {
 protected:
  void SetUp() override { WriteFile(workshop_.File("s.json"), kSuite); }

  Outcome Check(const std::string& arguments, const std::string& before = "") {
    return workshop_.Run(kCheck + arguments, before);
  }
  Golden Pending(const std::string& run, const std::string& name) const {
    return ReadGolden(workshop_.File(run) / "pending" / "s" / name,
                      kPortableClass);
  }
  // What `change` makes of what a run left pending becomes the golden.
  template <class Change>
  void Bless(const std::string& run, const Change& change) {
    BlessRequest request;
    request.reason = "made for this test";
    request.accept_shift = true;
    for (const std::string& name : names_) {
      Golden golden = Pending(run, name);
      change(golden);
      request.cases.push_back({golden, golden, true});
    }
    BlessEnvironment environment;
    environment.code_tree = request.cases[0].pending.metrics.code_tree;
    environment.built_from_commit = true;
    environment.author = "test";
    environment.date_utc = "2026-01-31T00:00:00Z";
    // A build outside git has no code id; the library's rule is not on trial.
    if (environment.code_tree == "unknown")
      for (auto& c : request.cases)
        c.pending.metrics.code_tree = c.again.metrics.code_tree =
            environment.code_tree = std::string(40, '0');
    Accept(workshop_.File("goldens"), request, environment);
  }
  void BlessAsMeasured() {
    ASSERT_EQ(Check("--out first").exit_code, 4);
    Bless("first", [](Golden&) {});
  }
  // Every loss and sum of the golden moved by `nats`, its digests with it.
  static void MoveLosses(Golden& golden, float nats) {
    double sum = 0;
    for (WindowTrace& window : golden.trace.windows) {
      window.nll_sum = 0;
      for (double& loss : window.nll) {
        loss = static_cast<float>(loss) + nats;
        window.nll_sum += loss;
      }
      for (uint64_t& digest : window.block_digests) digest ^= 1;
      sum += window.nll_sum;
    }
    golden.metrics.values["nll_sum_nats"] = sum;
    golden.metrics.values["nll_nats"] =
        sum / static_cast<double>(golden.metrics.counts.at("scored_tokens"));
  }
  nlohmann::json Report(const std::string& run) const {
    return nlohmann::json::parse(ReadFile(workshop_.File(run) / "check.json"));
  }

  Workshop workshop_;
  std::vector<std::string> names_ = {"tiny.uniform", "tiny.frozen"};
};

TEST_F(CheckCommand, WithoutGoldensItIsInvalidAndLeavesThemPending) {
  const Outcome outcome = Check("--out r");
  EXPECT_EQ(outcome.exit_code, 4) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("no golden"),
                                 HasSubstr("plastometer review r s/tiny")));
  EXPECT_FALSE(fs::exists(workshop_.File("goldens")));
  EXPECT_EQ(Pending("r", "tiny.uniform").pins.name, "tiny.uniform");
}

TEST_F(CheckCommand, PassesWhateverThreadsBatchShardsAndInstructionSet) {
  BlessAsMeasured();
  const auto expect_pass = [&](const std::string& arguments,
                               const std::string& before = "") {
    const Outcome outcome = Check(arguments, before);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("2 cases: 2 pass"));
  };
  expect_pass("--out a");
  EXPECT_FALSE(fs::exists(workshop_.File("a") / "pending"));
  expect_pass("--threads 2 --batch 1 --out b");
  expect_pass("--out c", "export PLASTOMETER_MAX_ISA=scalar;");
  for (const std::string i : {"0", "1", "2"})
    ASSERT_EQ(Check("--shard " + i + "/3 --out s" + i).exit_code, 0);
  ASSERT_EQ(workshop_.Run("merge s2 s0 s1 --out m").exit_code, 0);
  expect_pass("--resume m");
}

TEST_F(CheckCommand, AWorseLossIsARegressionWithPlaceAndCapsule) {
  ASSERT_EQ(Check("--out first").exit_code, 4);
  Bless("first", [](Golden& golden) {
    golden.trace.windows[1].row_digests[20 * 5 + 3] ^= 1;  // token 20, block 2
    MoveLosses(golden, -0.25F);
  });
  const Outcome outcome = Check("--out r --junit j.xml");
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("regression"), HasSubstr("bits:"),
                    HasSubstr("plastometer replay r/capsules/s/tiny")));
  EXPECT_THAT(ReadFile(workshop_.File("j.xml")), HasSubstr("<failure"));
  EXPECT_EQ(Check("--resume r --json").out,
            ReadFile(workshop_.File("r") / "check.json"));
  EXPECT_NEAR(Report("r")["cases"][0]["mean_nll_change"].get<double>(), 0.25,
              1e-6);
  const Outcome replay =
      workshop_.Run("replay r/capsules/s/tiny.uniform/capsule.json");
  EXPECT_EQ(replay.exit_code, 1) << replay.err;
  EXPECT_THAT(replay.out, HasSubstr("reproduced to the last bit"));
  const Outcome review = workshop_.Run("review r --goldens goldens");
  EXPECT_EQ(review.exit_code, 0) << review.err;
  EXPECT_THAT(review.out, AllOf(HasSubstr("s/tiny.uniform"),
                                HasSubstr("beyond the scatter"),
                                HasSubstr("plastometer accept")));
}

TEST_F(CheckCommand, TheFirstDivergenceIsNamed) {
  ASSERT_EQ(Check("--out first").exit_code, 4);
  Bless("first", [](Golden& golden) {
    golden.trace.windows[1].row_digests[20 * 5 + 3] ^= 1;
  });
  EXPECT_EQ(Check("--out r").exit_code, 1);
  const auto divergence = Report("r")["cases"][0]["divergence"];
  EXPECT_EQ(divergence["where"], "block");
  EXPECT_EQ(divergence["window"], 1);
  EXPECT_EQ(divergence["token"], 20);
  EXPECT_EQ(divergence["layer"], 2);
}

TEST_F(CheckCommand, ACountIsExact) {
  ASSERT_EQ(Check("--out first").exit_code, 4);
  Bless("first",
        [](Golden& golden) { ++golden.metrics.counts["inner_updates"]; });
  const Outcome outcome = Check("--out r");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("counts: inner_updates"));
}

TEST_F(CheckCommand, ABetterLossIsAnImprovementToBless) {
  ASSERT_EQ(Check("--out first").exit_code, 4);
  Bless("first", [](Golden& golden) { MoveLosses(golden, 0.25F); });
  EXPECT_EQ(Check("--out r").exit_code, 6);
  EXPECT_EQ(Check("--out p --policy default").exit_code, 0);
  EXPECT_EQ(Check("--out q --policy 6=fail").exit_code, 6);
}

TEST_F(CheckCommand, AnotherLaneWithoutToleranceIsInconclusive) {
  BlessAsMeasured();
  const Outcome outcome = Check("--lane cpu-native --out r");
  EXPECT_EQ(outcome.exit_code, 7) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("no tolerance for lane cpu-native"));
  EXPECT_EQ(Check("--lane cpu-native --oracle --out o").exit_code, 0);
  // The oracle reads the suite that the folder was measured on.
  const Outcome resumed =
      workshop_.Run("check --resume r --goldens goldens --oracle");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.out << resumed.err;
}

TEST_F(CheckCommand, TheThirdInconclusiveRunInARowFails) {
  BlessAsMeasured();
  const std::string inconclusive = "--lane cpu-native --policy default --out ";
  EXPECT_EQ(Check(inconclusive + "a").exit_code, 0);
  EXPECT_EQ(Check(inconclusive + "b").exit_code, 0);
  EXPECT_EQ(Check(inconclusive + "c").exit_code, 7);
  EXPECT_EQ(Check("--policy default --out d").exit_code, 0);
  EXPECT_EQ(Check(inconclusive + "e").exit_code, 0);
}

TEST_F(CheckCommand, OtherInputsBreakTheContract) {
  BlessAsMeasured();
  WriteFile(workshop_.File("text.txt"),
            "One more line.\n" + ReadFile(workshop_.File("text.txt")));
  const Outcome outcome = Check("--out r");
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.out, HasSubstr("contract: pin data_sha256"));
}

// As any profile: bits whatever the batch, and the mean state is an input.
TEST_F(CheckCommand, ControlsArePinned) {
  std::string suite = kSuite;
  suite.replace(suite.find("\"uniform\", \"frozen\""), 19,
                R"("uniform", "frozen", "uniform;eta=shuffle",
                   "uniform;reset-every=16", "uniform;start=mean")");
  WriteFile(workshop_.File("s.json"), suite);
  const auto mean_state = [&](const std::string& windows) {
    fs::remove(workshop_.File("mean_state.safetensors"));
    ASSERT_EQ(workshop_
                  .Run("mean-state --model model.safetensors --data text.txt "
                       "--context 48 --windows " +
                       windows)
                  .exit_code,
              0);
  };
  EXPECT_EQ(Check("--out missing").exit_code, 2);
  mean_state("4");
  ASSERT_EQ(Check("--out first").exit_code, 4);
  names_ = {"tiny.uniform", "tiny.frozen", "tiny.uniform-eta-shuffle",
            "tiny.uniform-reset-every-16", "tiny.uniform-start-mean"};
  Bless("first", [](Golden&) {});
  const Outcome same = Check("--threads 2 --batch 1 --out a");
  EXPECT_EQ(same.exit_code, 0) << same.out << same.err;
  EXPECT_THAT(same.out, HasSubstr("5 cases: 5 pass"));
  mean_state("5");
  const Outcome other = Check("--out b");
  EXPECT_EQ(other.exit_code, 4);
  EXPECT_THAT(other.out, AllOf(HasSubstr("contract: pin profile_lambdas"),
                               HasSubstr("start=mean:"), HasSubstr("4 pass")));
}

TEST_F(CheckCommand, ACaseMissingOnEitherSideFails) {
  BlessAsMeasured();
  std::string suite = kSuite;
  suite.replace(suite.find("\"frozen\""), 8, "\"early:1\"");
  WriteFile(workshop_.File("s.json"), suite);
  const Outcome outcome = Check("--out r");
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("plastometer accept --remove"),
                                 HasSubstr("no golden of this case")));
}

TEST_F(CheckCommand, DamageIsInvalidInput) {
  BlessAsMeasured();
  const fs::path file = workshop_.File("goldens") / "s" / "tiny.uniform" /
                        kPortableClass / "metrics.json";
  std::string text = ReadFile(file);
  text[text.find("flops") + 9] ^= 1;
  WriteFile(file, text);
  const Outcome outcome = Check("--out r");
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("metrics.json"));
  EXPECT_EQ(workshop_.Run("lint --goldens goldens").exit_code, 4);
}

TEST_F(CheckCommand, UsageAndInfrastructureHaveTheirCodes) {
  EXPECT_EQ(workshop_.Run("check no-such-suite --out r").exit_code, 2);
  EXPECT_EQ(Check("--policy 9=fail --out r").exit_code, 2);
  EXPECT_EQ(Check("--out /proc/r").exit_code, 8);
  const Outcome contradiction = Check("--out r", "export MKL_DYNAMIC=TRUE;");
  EXPECT_EQ(contradiction.exit_code, 5);
  EXPECT_THAT(contradiction.err,
              AllOf(HasSubstr("MKL_DYNAMIC is 'TRUE'"), HasSubstr("FALSE")));
}

TEST_F(CheckCommand, AcceptRefusesHereAndChangesNothing) {
  ASSERT_EQ(Check("--out r").exit_code, 4);
  const std::string accept =
      "accept tiny.uniform --from r --goldens goldens --reason \"a good enough "
      "reason\"";
  const Outcome outcome = workshop_.Run(accept);
  EXPECT_EQ(outcome.exit_code, 5) << outcome.out;
  EXPECT_EQ(workshop_.Run(accept, "export CI=true;").exit_code, 5);
  EXPECT_THAT(workshop_.Run(accept, "export CI=true;").err,
              HasSubstr("this is a CI job"));
  EXPECT_FALSE(fs::exists(workshop_.File("goldens")));
  EXPECT_EQ(workshop_
                .Run("accept --from r --goldens goldens --reason \"long "
                     "enough\"")
                .exit_code,
            2);
}

TEST_F(CheckCommand, RejectThrowsThePendingAway) {
  ASSERT_EQ(Check("--out r").exit_code, 4);
  EXPECT_EQ(workshop_.Run("reject tiny.uniform --from r").exit_code, 0);
  EXPECT_FALSE(
      fs::exists(workshop_.File("r") / "pending" / "s" / "tiny.uniform"));
  EXPECT_EQ(workshop_.Run("reject tiny.uniform --from r").exit_code, 2);
}

TEST_F(CheckCommand, ReviewOfNoRunIsInvalid) {
  const Outcome outcome = workshop_.Run("review nowhere --goldens goldens");
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("nowhere holds no plan.json"));
}

TEST_F(CheckCommand, GithubGetsAnnotationsAndASummary) {
  const Outcome outcome =
      Check("--github --out r", "export GITHUB_STEP_SUMMARY=$PWD/sum.md;");
  EXPECT_THAT(outcome.out, HasSubstr("::error file=goldens/s/tiny"));
  EXPECT_THAT(ReadFile(workshop_.File("sum.md")),
              HasSubstr("| tiny.uniform |"));
}

TEST_F(CheckCommand, EnvTellsWhatIsPinned) {
  const Outcome outcome = workshop_.Run("env");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("portable-1"),
                                 HasSubstr("CUBLAS_WORKSPACE_CONFIG"),
                                 HasSubstr("fp32 products")));
  const auto json = nlohmann::json::parse(
      workshop_.Run("env --lane cpu-reference --json").out);
  EXPECT_EQ(json["numeric"]["aten_capability"], "AVX2");
  for (const auto& probe : json["probes"]) EXPECT_TRUE(probe["passed"]);
}

}  // namespace
}  // namespace plastometer
