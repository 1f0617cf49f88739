// search --frontier as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/harness/cli/program.h"

namespace plastometer {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr char kSmall[] =
    "search --frontier --model chains-uniform-1 --documents 40 --context 128 "
    "--evaluations 40 ";

TEST(FrontierCommand, MembersAreProfilesThatRun) {
  const Workshop workshop;
  const Outcome search = workshop.Run(
      std::string(kSmall) + "--out numbers.json --profile-files front --json");
  ASSERT_EQ(search.exit_code, 0) << search.err;
  const json numbers = json::parse(search.out);
  EXPECT_EQ(json::parse(ReadFile(workshop.File("numbers.json"))), numbers);
  const json& frontier = numbers.at("frontier");
  EXPECT_EQ(frontier.at("search").at("method"), "greedy");
  const json& members = frontier.at("members");
  ASSERT_GE(members.size(), 3U);
  const json& member = members[1];
  const std::string name = member.at("profile");
  const Outcome run = workshop.Run(
      "run --model chains-uniform-1 --documents 40 --context 128 --profiles "
      "file:front/" +
      name + ".json --out run");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json results = json::parse(ReadFile(workshop.File("run/results.json")));
  int num_rows = 0;
  for (const json& row : results.at("cases"))
    if (std::string(row.at("profile")).starts_with("file:")) {
      ++num_rows;
      // Of all works, of which every second one is for evaluation.
      EXPECT_EQ(row.at("inner_updates"), 2 * member.at("cost").get<int64_t>());
    }
  EXPECT_GT(num_rows, 0);
}

TEST(FrontierCommand, TheTableFitsItsTerminal) {
  const Workshop workshop;
  for (const std::string width : {"80", "120"}) {
    const Outcome outcome = workshop.Run(kSmall, "COLUMNS=" + width);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("verdicts, read together"));
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(line.size(), std::stoul(width)) << line;
  }
}

TEST(FrontierCommand, IsTheSameWithAnyThreads) {
  const Workshop workshop;
  const auto front = [&](const char* threads) {
    const Outcome outcome = workshop.Run(
        std::string(kSmall) + "--cost flops --json --threads " + threads);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return json::parse(outcome.out).at("frontier");
  };
  const json one = front("1");
  EXPECT_EQ(one.at("cost"), "flops");
  EXPECT_EQ(one, front("2"));
}

TEST(FrontierCommand, SaysWhatIsWrong) {
  const Workshop workshop;
  const auto error = [&](const std::string& arguments) {
    const Outcome outcome = workshop.Run("search " + arguments);
    EXPECT_EQ(outcome.exit_code, 2) << arguments;
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  EXPECT_THAT(error("--model chains-uniform-1"),
              HasSubstr("neither --layers K"));
  EXPECT_THAT(error("--frontier --layers 2"), HasSubstr("--layers"));
  EXPECT_THAT(error("--layers 2 --cost flops"), HasSubstr("--frontier"));
  EXPECT_THAT(error("--frontier --cost seconds"), HasSubstr("inner_updates"));
  EXPECT_THAT(error("--frontier --evaluations -3"), HasSubstr("--evaluations"));
  EXPECT_THAT(error("--frontier --model chains-uniform-1 --method exhaustive "
                    "--evaluations 9"),
              HasSubstr("takes 3886"));
  EXPECT_THAT(error("--frontier --model model.safetensors --tokenizer bytes "
                    "--data text.txt --context 64"),
              HasSubstr("one work"));
  WriteFile(workshop.File("front"), "mine");
  EXPECT_THAT(error("--frontier --model chains-uniform-1 --profile-files "
                    "front"),
              HasSubstr("front"));
  EXPECT_EQ(ReadFile(workshop.File("front")), "mine");
}

}  // namespace
}  // namespace plastometer
