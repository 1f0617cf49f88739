#include "base/text.h"

#include <gtest/gtest.h>

#include <vector>

namespace plastometer {
namespace {

TEST(Text, Join) {
  EXPECT_EQ(Join(std::vector<std::string>{}), "");
  EXPECT_EQ(Join(std::vector<std::string>{"a"}), "a");
  EXPECT_EQ(Join(std::vector<std::string>{"", "a", ""}), ", a, ");
  EXPECT_EQ(Join(std::vector<const char*>{"a", "b"}, "; "), "a; b");
  EXPECT_EQ(
      JoinEach(std::vector<int>{3, 1}, [](int i) { return std::to_string(i); }),
      "3, 1");
}

TEST(Text, CsvCellsAreQuotedWhenTheyMustBe) {
  EXPECT_EQ(CsvCell("plain"), "plain");
  EXPECT_EQ(CsvCell("layers:0-4@2,9"), "\"layers:0-4@2,9\"");
  EXPECT_EQ(CsvCell("say \"no\""), "\"say \"\"no\"\"\"");
  EXPECT_EQ(CsvCell("two\r"), "\"two\r\"");
}

TEST(Text, WordsOfAShell) {
  EXPECT_EQ(ShellWord("runs/a-1"), "runs/a-1");
  EXPECT_EQ(ShellWord("a run"), "'a run'");
  EXPECT_EQ(ShellWord("uniform;until=16"), "'uniform;until=16'");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord(""), "''");
}

TEST(Text, TheNearestWordIsNamedWhereOneIsNear) {
  const std::vector<std::string> known = {"run", "report", "review"};
  EXPECT_EQ(DidYouMean("rnu", known), "; did you mean 'run'?");
  EXPECT_EQ(DidYouMean("reprot", known), "; did you mean 'report'?");
  EXPECT_EQ(DidYouMean("revew", known), "; did you mean 'review'?");
  EXPECT_EQ(DidYouMean("measure", known), "");
  EXPECT_EQ(DidYouMean("", known), "");
  EXPECT_EQ(DidYouMean("x", {}), "");
}

}  // namespace
}  // namespace plastometer
