#include "harness/report/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace plastometer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Format, NumbersAsPeopleReadThem) {
  EXPECT_EQ(Count(0), "0");
  EXPECT_EQ(Count(999), "999");
  EXPECT_EQ(Count(196608), "196,608");
  EXPECT_EQ(Count(-1234567), "-1,234,567");
  EXPECT_EQ(Short(999), "999");
  EXPECT_EQ(Short(36864), "36.9k");
  EXPECT_EQ(Short(999700), "1.00M");
  EXPECT_EQ(Short(6741234), "6.74M");
  EXPECT_EQ(Bytes(798720), "780 KiB");
  EXPECT_EQ(Bytes(0), "0 B");
  EXPECT_EQ(Bytes(-1), "n/a");
  EXPECT_EQ(Percent(0.7917), "79.2%");
  EXPECT_EQ(Percent(std::nullopt), "n/a");
  EXPECT_EQ(Fixed(-0.0001, 3), "0.000");
  EXPECT_EQ(Fixed(-0.336, 3), "-0.336");
  EXPECT_EQ(Fixed(std::nan(""), 3), "nan");
  EXPECT_EQ(Perplexity(51.234), "51.23");
  EXPECT_EQ(Perplexity(INFINITY), "inf");
}

TEST(Format, NumbersOfCsvFilesReadBack) {
  EXPECT_EQ(CsvNumber(0.1), "0.1");
  EXPECT_EQ(CsvNumber(std::nan("")), "");
}

TEST(Format, WidthCountsCodePoints) { EXPECT_EQ(DisplayWidth("61.2±1.1"), 8); }

TEST(Format, ColumnsMoveTogetherWhenTheyMust) {
  const std::vector<Column> columns = {{{"name"}, true}, {{"top", "x"}}};
  EXPECT_EQ(RenderTable(columns, {{"a", "1"}, {"longer", "22"}}, 80),
            "        top\nname      x\na         1\nlonger   22\n");
  EXPECT_EQ(RenderTable(columns, {{"a", "1"}, {"longer", "22"}}, 10),
            "       top\nname     x\na        1\nlonger  22\n");
}

TEST(Tables, LongCellsAreCutWhereTheTableDoesNotFit) {
  const std::vector<Column> columns = {{{"profile"}, true}, {{"loss"}}};
  const std::string prefix = "layers:0@0.123456789012345,",
                    long_name = prefix + std::string(200, '1'),
                    twin = prefix + std::string(200, '2'), letters = [] {
                      std::string text;
                      for (int i = 0; i < 40; ++i) text += "\u00e9";
                      return text;
                    }();
  const std::vector<std::vector<std::string>> rows = {
      {"uniform", "1"}, {long_name, "2"}, {twin, "3"}, {letters, "4"}};
  const std::string table = RenderTable(columns, rows, 80);
  EXPECT_LE(WidestLine(table), 80);
  EXPECT_THAT(table, AllOf(HasSubstr("layers:0@0.1234567890123...[2]     2\n"),
                           HasSubstr("layers:0@0.1234567890123...[3]     3\n"),
                           HasSubstr("\u00e9\u00e9...[4]     4\n")));
  EXPECT_THAT(RenderTable(columns, rows, 300), HasSubstr(long_name));
}

TEST(Format, WrapsAtSpaces) {
  EXPECT_EQ(Wrap("one two three four", 9), "one two\n  three\n  four\n");
}

}  // namespace
}  // namespace plastometer
