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

}  // namespace
}  // namespace plastometer
