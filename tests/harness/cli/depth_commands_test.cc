// end-to-end, sensitivity, search, arms: what a small run of each printed once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <utility>

#include "tests/harness/cli/program.h"
#include "tests/paths.h"

namespace plastometer {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// Not the same twice: times and memory, and what tells one run from another.
const std::set<std::string> kVolatile = {"started_utc",
                                         "wall_seconds",
                                         "batch_times",
                                         "forward_seconds",
                                         "backward_seconds",
                                         "update_seconds",
                                         "time_over_uniform",
                                         "ms_per_1k_tokens",
                                         "seconds",
                                         "peak_memory_bytes",
                                         "peak_activation_bytes",
                                         "threads",
                                         "pareto",
                                         "path",
                                         "program"};

// Equal up to what LibTorch's kernels on another CPU may change.
void ExpectSame(const json& got, const json& expected,
                const std::string& where) {
  if (expected.is_object()) {
    for (const auto& [key, value] : expected.items()) {
      if (kVolatile.contains(key)) continue;
      ASSERT_TRUE(got.contains(key)) << where << "." << key;
      ExpectSame(got.at(key), value, where + "." + key);
    }
    EXPECT_EQ(got.size(), expected.size()) << where;
  } else if (expected.is_array()) {
    ASSERT_EQ(got.size(), expected.size()) << where;
    for (size_t i = 0; i < expected.size(); ++i)
      ExpectSame(got[i], expected[i], where + "[" + std::to_string(i) + "]");
  } else if (expected.is_number_float()) {
    ASSERT_TRUE(got.is_number()) << where;
    const double e = expected.get<double>();
    EXPECT_NEAR(got.get<double>(), e, 2e-6 + 1e-4 * std::abs(e)) << where;
  } else {
    EXPECT_EQ(got, expected) << where;
  }
}

// The committed files are of schema 1; docs/columns.md says what differs.
json InSchema1(json got) {
  if (got.is_object()) {
    got.erase("range");
    got.erase("working_bytes");  // keys since then
    got.erase("content_sha256");
    if (got.contains("nats_lost")) {
      got["nats_lost_against_uniform"] = got["nats_lost"];
      got.erase("nats_lost");
    }
  }
  if (got.is_structured())
    for (json& part : got) part = InSchema1(std::move(part));
  return got;
}

std::string InSource(const std::string& width = "100") {
  return std::string("cd ") + kSourceFolder + " && COLUMNS=" + width;
}

// The commands that docs/development.md gives for making the files anew.
struct Case {
  const char* name;
  const char* arguments;
};
const Case kCases[] = {
    {"end-to-end",
     "end-to-end --model chains-uniform-1 --documents 24 --context 64 "
     "--profiles 'uniform early:25% late:25% frozen' --rate 0.05,0.2 "
     "--chunk 32"},
    {"sensitivity",
     "sensitivity --model chains-uniform-1 --documents 16 --context 64 "
     "--path 2 --block 32"},
    {"search",
     "search --model chains-uniform-1 --documents 32 --context 64 --layers 2"},
};

class DepthCommand : public testing::TestWithParam<Case> {};

TEST_P(DepthCommand, IsItsGolden) {
  const Workshop workshop;
  const Case& c = GetParam();
  const std::string golden =
      std::string("tests/data/depth/") + c.name + ".json";
  const Outcome outcome =
      workshop.Run(std::string(c.arguments) + " --json", InSource());
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  json got = json::parse(outcome.out);
  const json expected =
      json::parse(ReadFile(std::filesystem::path(kSourceFolder) / golden));
  if (got.contains("schema_version")) {
    EXPECT_EQ(got["schema_version"], 2);
    got.erase("schema_version");
    if (expected.contains("schema_version")) got["schema_version"] = 1;
  }
  ExpectSame(InSchema1(std::move(got)), expected, "");
}

TEST_P(DepthCommand, TheTableFitsItsTerminal) {
  const Workshop workshop;
  for (const std::string width : {"80", "120"}) {
    const Outcome outcome = workshop.Run(GetParam().arguments, InSource(width));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(line.size(), std::stoul(width) + 4) << line;  // ± is 2 bytes
  }
}

TEST_P(DepthCommand, OverwritesNothing) {
  const Workshop workshop;
  const std::string out = workshop.File("numbers.json").string();
  WriteFile(out, "mine");
  const Outcome outcome = workshop.Run(
      std::string(GetParam().arguments) + " --out " + out, InSource());
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("numbers.json already exists"));
  EXPECT_EQ(ReadFile(out), "mine");
}

INSTANTIATE_TEST_SUITE_P(All, DepthCommand, testing::ValuesIn(kCases),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           std::erase(name, '-');
                           return name;
                         });

TEST(DepthCommands, SayWhatIsWrong) {
  const Workshop workshop;
  const auto error = [&](const std::string& arguments) {
    const Outcome outcome = workshop.Run(arguments, InSource());
    EXPECT_EQ(outcome.exit_code, 2) << arguments;
    return outcome.err;
  };
  EXPECT_THAT(error("search --model chains-uniform-1 --layers 5"),
              HasSubstr("5 of 4 layers; expected 1 to 4"));
  EXPECT_THAT(error("search --model suites/models/tiny-mlp --data "
                    "suites/texts/valley.txt --context 64 --layers 1"),
              HasSubstr("one work"));
  EXPECT_THAT(error("sensitivity --model chains-uniform-1 --profiles retina"),
              HasSubstr("--profiles"));
  EXPECT_THAT(error("end-to-end --model chains-uniform-1 --chunk 24"),
              HasSubstr("24"));
  EXPECT_THAT(error("end-to-end --model chains-uniform-1 --rate -1"),
              HasSubstr("--rate"));
}

// Arms tell models apart by what their files say about their training.
TEST(ArmsCommand, PutsModelsWhereTheyBelong) {
  const Workshop workshop;
  std::string groups;
  for (const std::string trained : {"uniform", "retina", "frozen"}) {
    for (const std::string seed : {"1", "2"}) {
      groups +=
          (groups.empty() ? "" : ",") + std::string(R"({"name": ")") + trained +
          seed + R"(", "model": "chains-)" + trained + "-" + seed +
          R"(", "data": {"task": {"name": "chains"}, "documents": 16, "context": 64},
                    "profiles": ["uniform", "retina", "frozen"], "traced_windows": 0})";
    }
  }
  WriteFile(
      workshop.File("small.json"),
      R"({"schema": 1, "description": "arms", "groups": [)" + groups + "]}");
  const Outcome run = workshop.Run("run small.json --out run");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Outcome outcome = workshop.Run("arms run --json");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json arms = json::parse(outcome.out).at(0);
  std::set<std::string> rows;
  for (const json& row : arms.at("rows"))
    rows.insert(row.at("arm").get<std::string>() + " " +
                row.at("profile").get<std::string>());
  EXPECT_THAT(rows, testing::UnorderedElementsAre(
                        "post-hoc uniform", "post-hoc retina",
                        "post-hoc frozen", "co-trained uniform",
                        "co-trained retina", "co-trained frozen"));
}

}  // namespace
}  // namespace plastometer
