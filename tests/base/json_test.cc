#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

using ::testing::HasSubstr;

std::string Complaint(const std::string& text) {
  const std::string message = MessageOf([&] { ParseJson(text, "f.json"); });
  EXPECT_THAT(message, HasSubstr("f.json"));
  return message;
}

TEST(Json, ReadsWhatIsJson) {
  const auto json = ParseJson(R"({"a": [1, {"a": 2}, {"a": 3}], "b": {}})", "");
  EXPECT_EQ(json.at("a").at(2).at("a"), 3);
  const TemporaryFolder folder;
  WriteFile(folder.path() / "f", "[1]");
  EXPECT_EQ(ReadJsonFile(folder.path() / "f").size(), 1U);
}

// Each of them in the same time: 300,000 members once took minutes.
TEST(Json, ManyMembersAreReadInTurn) {
  std::string text = "{\"m\": [";
  for (int i = 0; i < 300000; ++i) text += "{\"a\": [1]},";
  text.back() = ']';
  EXPECT_EQ(ParseJson(text + "}", "f").at("m").size(), 300000U);
}

TEST(Json, RefusesTheRest) {
  EXPECT_THAT(Complaint("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(Complaint(""), HasSubstr("not valid JSON"));
  EXPECT_THAT(Complaint("1 2"), HasSubstr("not valid JSON"));
  EXPECT_THAT(Complaint("\"\xff\""), HasSubstr("not valid JSON"));
  EXPECT_THAT(Complaint(R"({"a": 1, "b": 2, "a": 1})"),
              HasSubstr("\"a\" appears twice"));
  EXPECT_THAT(Complaint(R"([{"x": {"a": 1, "a": 1}}])"),
              HasSubstr("\"a\" appears twice"));
  EXPECT_THAT(Complaint(std::string(100000, '[')), HasSubstr("nested"));
}

TEST(Json, TextsThatCannotBePrintedAreNamed) {
  CheckTexts(ParseJson(R"({"a": ["b", 1, {"c d": null}]})", "f"), "f");
  for (const char* text :
       {R"({"a": ["b\u001b[2J"]})", R"([{"a\n::b": 1}])", R"("\u0085")"})
    EXPECT_THAT(MessageOf([&] { CheckTexts(ParseJson(text, "f"), "f.json"); },
                          ErrorKind::kInvalid),
                HasSubstr("f.json: the "))
        << text;
}

}  // namespace
}  // namespace plastometer
