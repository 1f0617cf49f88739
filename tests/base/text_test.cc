#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

TEST(Shortened, KeepsBeginningAndEnd) {
  EXPECT_EQ(Shortened("abcdef", 6), "abcdef");
  const std::string text =
      Shortened("profile '" + std::string(1 << 20, 'x') + "' is unknown", 60);
  EXPECT_TRUE(text.starts_with("profile 'xxx"));
  EXPECT_NE(text.find("[1048537 bytes left out]"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("' is unknown"));
}

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

TEST(Text, WhatATerminalWouldObeyIsShown) {
  EXPECT_EQ(Escaped("a\x1b]0;x\x07"
                    "b"),
            "a\\x1b]0;x\\x07"
            "b");
  EXPECT_EQ(Escaped("two\nlines"), "two\nlines");
  EXPECT_EQ(Escaped("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82"),
            "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82");
  EXPECT_EQ(Escaped("\xff"), "\\xff");
  EXPECT_EQ(Escaped("\xc3"), "\\xc3");                    // cut short
  EXPECT_EQ(Escaped("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(Escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(Escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(Escaped("\xc2\x9b"), "\\xc2\\x9b");  // C1: CSI
}

TEST(Text, NamesCanBePrinted) {
  CheckName("Bücher/a b.txt", "document");
  for (const std::string bad : {"a\n::error::b", "\x1b[2J", "b\xff.txt"})
    EXPECT_THROW(CheckName(bad, "document"), Error) << Escaped(bad);
  EXPECT_THAT(MessageOf([] { CheckName("a\n::b\xff", "the document"); },
                        ErrorKind::kInvalid),
              testing::HasSubstr("the document 'a\\n::b\\xff' has at byte 1"));
}

TEST(Text, ACellIsNoFormula) {
  EXPECT_EQ(CsvCell("=1+1"), "'=1+1");
  EXPECT_EQ(CsvCell("@SUM(A1,B1)"), "\"'@SUM(A1,B1)\"");
  EXPECT_EQ(CsvCell("-x"), "'-x");
  EXPECT_EQ(CsvCell("-0.5e-3"), "-0.5e-3");
  EXPECT_EQ(CsvCell("late:25%"), "late:25%");
}

}  // namespace
}  // namespace plastometer
