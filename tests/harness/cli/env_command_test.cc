#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/harness/cli/program.h"

namespace plastometer {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

json EnvJson(const Workshop& workshop, const std::string& lane,
             const std::string& before = "") {
  const Outcome outcome =
      workshop.Run("env --threads 2 --json --lane " + lane, before);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  return json::parse(outcome.out);
}

TEST(EnvCommand, EveryPinAndProbeIsThereAndHolds) {
  const Workshop workshop;
  for (const char* lane : {"cpu-portable", "cpu-native", "cpu-reference"}) {
    const json env = EnvJson(workshop, lane);
    EXPECT_GE(env["pins"].size(), 7U) << lane;
    for (const json& pin : env["pins"]) {
      EXPECT_TRUE(pin["ok"]) << pin;
      EXPECT_EQ(pin["value"], pin["pinned"]) << lane;
    }
    EXPECT_GE(env["probes"].size(), 6U) << lane;
    for (const json& probe : env["probes"]) EXPECT_TRUE(probe["passed"]);
    EXPECT_EQ(env["numeric"]["threads"], "2");
    EXPECT_TRUE(env["timing"].contains("cpu"));
  }
}

TEST(EnvCommand, ReferenceLanesAreCapped) {
  const Workshop workshop;
  EXPECT_EQ(EnvJson(workshop, "cpu-reference")["numeric"]["aten_capability"],
            "AVX2");
}

TEST(EnvCommand, AUsersLocaleAndTimeZoneAreNotInTheWay) {
  const Workshop workshop;
  const json env =
      EnvJson(workshop, "cpu-portable",
              "export LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 TZ=Asia/Tokyo;");
  std::string seen;
  for (const json& pin : env["pins"])
    seen += pin["variable"].get<std::string>() + "=" +
            pin["value"].get<std::string>() + " ";
  EXPECT_THAT(seen, AllOf(HasSubstr("LC_ALL=C.UTF-8 "), HasSubstr("TZ=UTC ")));
}

TEST(EnvCommand, AGuardThatSomebodyElseSetSaysNothing) {
  EXPECT_EQ(Workshop().Run("env", "export PLASTOMETER_PINNED=1;").exit_code, 0);
}

TEST(EnvCommand, WhatCannotBePrintedIsAnError) {
  const Workshop workshop;
  const Outcome full = workshop.Run("env > /dev/full");
  EXPECT_EQ(full.exit_code, 8);
  EXPECT_THAT(full.err, HasSubstr("standard output: No space left"));
  EXPECT_EQ(workshop.Run("env --json > /dev/full").exit_code, 8);
  EXPECT_EQ(workshop.Run("env >&-").exit_code, 8);
}

TEST(EnvCommand, AContradictionNamesBothValues) {
  const Outcome outcome = Workshop().Run("env", "export OMP_DYNAMIC=TRUE;");
  EXPECT_EQ(outcome.exit_code, 5) << outcome.out;
  EXPECT_THAT(outcome.err,
              HasSubstr("OMP_DYNAMIC is 'TRUE', pinned to 'FALSE'"));
}

// No pin forbids it: only a probe that counts threads finds it.
TEST(EnvCommand, FewerThreadsThanAskedForFailAProbe) {
  const Workshop workshop;
  const Outcome outcome = workshop.Run("env --lane cpu-reference --threads 2",
                                       "export OMP_THREAD_LIMIT=1;");
  EXPECT_EQ(outcome.exit_code, 5) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("FAILED: 1, expected 2"));
}

TEST(EnvCommand, TheTableFitsInEightyColumns) {
  const Workshop workshop;
  for (const char* lane : {"cpu-portable", "cpu-reference"}) {
    std::istringstream text(
        workshop.Run("env --lane " + std::string(lane)).out);
    for (std::string line; std::getline(text, line);)
      EXPECT_LE(line.size(), 80U) << line;
  }
}

}  // namespace
}  // namespace plastometer
