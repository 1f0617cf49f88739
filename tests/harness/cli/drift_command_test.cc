#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/canonical_json.h"
#include "base/safetensors.h"
#include "tests/harness/cli/program.h"
#include "tests/paths.h"

namespace plastometer {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// What docs/drift.md gives as the command that makes the expectation anew.
constexpr char kGolden[] = "tests/data/drift/tiny-mlp.json";
constexpr char kGoldenRun[] =
    "drift --model suites/models/tiny-mlp --data suites/texts/valley.txt "
    "--probe-data suites/texts/station.txt --at 0,64,256 --profiles "
    "uniform,layers:1,frozen --json --out ";

Outcome RunInSource(const Workshop& workshop, const std::string& arguments) {
  return workshop.Run(arguments, std::string("cd ") + kSourceFolder + " && ");
}

TEST(DriftCommand, IsItsGoldenToTheBit) {
  Workshop workshop;
  const std::string golden =
      ReadFile(std::filesystem::path(kSourceFolder) / kGolden);
  for (const char* threads : {"1", "2"}) {
    const std::string out = workshop.File(threads).string();
    const Outcome outcome =
        RunInSource(workshop, kGoldenRun + out + " --threads " + threads);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, golden)
        << "with " << threads
        << " threads; after a change that is meant: docs/drift.md";
    EXPECT_EQ(outcome.out, ReadFile(std::filesystem::path(out) / "drift.json"));
  }
  EXPECT_EQ(ParseSealed(golden, kGolden).at("profiles").size(), 3u);
}

TEST(DriftCommand, TheFilesHoldEveryPoint) {
  Workshop workshop;
  const std::string out = workshop.File("d").string();
  ASSERT_EQ(RunInSource(workshop, kGoldenRun + out).exit_code, 0);
  const SafetensorsFile points(out + "/drift.safetensors");
  const HostTensor kl = points.Read("kl");
  EXPECT_EQ(kl.shape, (std::vector<int64_t>{3, 3, 5}));
  for (int64_t i = 0; i < 45; ++i)  // frozen, and token 0
    EXPECT_EQ(kl.As<double>()[i] == 0, i >= 30 || i % 15 < 5) << i;
  EXPECT_THAT(ReadFile(out + "/drift.csv"), HasSubstr("\nlayers:1,1,256,"));
}

TEST(DriftCommand, TheTableFitsItsTerminal) {
  Workshop workshop;
  for (const std::string width : {"80", "120"}) {
    const Outcome outcome = workshop.Run(
        "drift --model suites/models/tiny-mlp --data suites/texts --windows 1 "
        "--probe-data README.md --at 32,64 --profiles 'uniform late:25%' "
        "--per-layer --threads 1 --out " +
            workshop.File("t" + width).string(),
        std::string("cd ") + kSourceFolder + " && COLUMNS=" + width);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("KL less that of uniform"));
    EXPECT_THAT(outcome.out, HasSubstr("distance by layer, after 64 tokens"));
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("Run folder")) continue;
      EXPECT_LE(line.size(), std::stoul(width)) << line;
    }
  }
}

// Its own context's work is no probe.
TEST(DriftCommand, NeedsOtherTextForTheProbe) {
  Workshop workshop;
  const Outcome outcome = workshop.Run(
      "drift --model model.safetensors --data text.txt --windows 2 "
      "--probe-data text.txt --probe-tokens 32 --at 32,64 --out r");
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("no probe text"));
  EXPECT_THAT(workshop.NewEntries(), IsEmpty());
}

TEST(DriftCommand, SaysWhatIsWrong) {
  Workshop workshop;
  const auto fails = [&](const std::string& options, int code,
                         const std::string& message) {
    const Outcome outcome = workshop.Run(
        "drift --model model.safetensors --data text.txt --probe-data "
        "text.txt --out r " +
        options);
    EXPECT_EQ(outcome.exit_code, code) << options;
    EXPECT_THAT(outcome.err, HasSubstr(message));
  };
  fails("--at 100", 2, "position 100; expected a multiple of 16");
  fails("--at 64,32", 2, "position 32 after 64");
  fails("--at 0", 2, "expected at least 16");
  fails("--windows -1", 2, "--windows is -1; expected at least 0");
  fails("--at 64 --profiles nonsense", 2, "nonsense");
  fails("--at 64 --probe-sources novels", 2, "--probe-sources");
  EXPECT_THAT(workshop.NewEntries(), IsEmpty());
}

}  // namespace
}  // namespace plastometer
