#include "datasets/word_class.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plastometer {
namespace {

using testing::ElementsAre;
using enum WordClass;

TEST(WordClass, FunctionSeenAndNew) {
  EXPECT_THAT(ClassifyWords({"The", " cat", " saw", " the", " Cat", ".", "\n"},
                            TextKind::kEnglish),
              ElementsAre(kFunction, kNewContent, kNewContent, kFunction,
                          kSeenContent, kPunctuation, kSpace));
}

TEST(WordClass, AWordsClassStandsAtItsFirstPiece) {
  EXPECT_THAT(ClassifyWords({" light", "house", "s", " don", "'t", " 12", "3"},
                            TextKind::kEnglish),
              ElementsAre(kNewContent, kContinuation, kContinuation,
                          kNewContent, kContinuation, kDigits, kDigits));
}

// A stem before an apostrophe: "he's" is a pronoun with its auxiliary.
TEST(WordClass, ContractionsFollowTheirStem) {
  EXPECT_THAT(
      ClassifyWords({"he", "'s", " king", "'s"}, TextKind::kEnglish),
      ElementsAre(kFunction, kContinuation, kNewContent, kContinuation));
}

TEST(WordClass, Code) {
  EXPECT_THAT(
      ClassifyWords({"return", " foo", "_1", "(", "foo_1", ",", " 0x", "1f",
                     ", ", "\"a b", " c\"", ")"},
                    TextKind::kCode),
      ElementsAre(kKeyword, kNewIdentifier, kContinuation, kPunctuation,
                  kSeenIdentifier, kPunctuation, kLiteral, kContinuation,
                  kPunctuation, kLiteral, kContinuation, kPunctuation));
}

TEST(WordClass, AnOpenQuoteIsPunctuation) {
  EXPECT_THAT(ClassifyWords({"'", "a", "\n", "'"}, TextKind::kCode),
              ElementsAre(kPunctuation, kNewIdentifier, kSpace, kPunctuation));
  EXPECT_THAT(ClassifyWords({"\"\\"}, TextKind::kCode),
              ElementsAre(kPunctuation));
}

TEST(WordClass, ControlIdsAndOtherLanguages) {
  EXPECT_THAT(ClassifyWords({"", "la", "."}, TextKind::kOtherLanguage),
              ElementsAre(kOther, kOther, kPunctuation));
  EXPECT_EQ(KindOfDomain("python"), TextKind::kCode);
  EXPECT_EQ(KindOfDomain("Github"), TextKind::kCode);
  EXPECT_EQ(KindOfDomain("spanish"), TextKind::kOtherLanguage);
  EXPECT_EQ(KindOfDomain("novels"), TextKind::kEnglish);
}

}  // namespace
}  // namespace plastometer
