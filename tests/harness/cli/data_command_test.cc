#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/harness/cli/program.h"

namespace plastometer {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(DataCommand, ATokenizerOfOnesOwnText) {
  Workshop workshop;
  const Outcome made = workshop.Run(
      "data tokenizer --data text.txt --vocab 320 --out own.model");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out,
              AllOf(HasSubstr("own.model: 320 pieces from "),
                    HasSubstr("bytes a token (of the text it was trained")));
  // A folder, and JSON lines, are the same text.
  std::filesystem::create_directory(workshop.File("texts"));
  std::filesystem::copy(workshop.File("text.txt"), workshop.File("texts"));
  WriteFile(
      workshop.File("t.jsonl"), "{\"text\": \"" + [&] {
        std::string text = ReadFile(workshop.File("text.txt")), json;
        for (const char c : text) json += c == '\n' ? "\\n" : std::string(1, c);
        return json;
      }() + "\"}\n");
  for (const char* data : {"texts", "t.jsonl"}) {
    const std::string out = std::string(data) + ".model";
    ASSERT_EQ(workshop
                  .Run("data tokenizer --vocab 320 --data " +
                       std::string(data) + " --out " + out)
                  .exit_code,
              0)
        << data;
    EXPECT_EQ(ReadFile(workshop.File(out)),
              ReadFile(workshop.File("own.model")))
        << data;
  }
  EXPECT_EQ(workshop
                .Run("data slice --data text.txt --tokenizer own.model "
                     "--context 64 --min-tokens 32 --out s.json")
                .exit_code,
            0);
}

// One line of 200 KB, which SentencePiece would drop, and of which a share is
// asked for.
TEST(DataCommand, ATokenizerOfOneLongLine) {
  Workshop workshop;
  std::string text;
  for (int i = 0; text.size() < 200'000; ++i)
    text += "Größe " + std::to_string(i * i) + " and so on; ";
  WriteFile(workshop.File("long.txt"), text);
  const Outcome made = workshop.Run(
      "data tokenizer --data long.txt --vocab 300 --bytes-per-source 150001 "
      "--out own.model");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("300 pieces from 15000"));
}

TEST(DataCommand, ATokenizerIsNotWrittenOverAnything) {
  Workshop workshop;
  EXPECT_EQ(
      workshop.Run("data tokenizer --data text.txt --vocab 320 --out text.txt")
          .exit_code,
      2);
  EXPECT_EQ(workshop.Run("data tokenizer --data absent --out o").exit_code, 4);
}

}  // namespace
}  // namespace plastometer
