// What kind of word a token is: function words against content words that the
// window has or has not held before.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace plastometer {

// Values are written into files: they do not change.
enum class WordClass : uint8_t {
  kOther = 0,        // control ids, bytes of broken text
  kFunction = 1,     // closed class: determiners, prepositions, pronouns, ...
  kSeenContent = 2,  // a content word that stood earlier in the window
  kNewContent = 3,
  kPunctuation = 4,
  kDigits = 5,
  kSpace = 6,         // blanks and line ends only
  kContinuation = 7,  // a later piece of a word, whatever its class
  // Code:
  kKeyword = 8,
  kSeenIdentifier = 9,
  kNewIdentifier = 10,
  kLiteral = 11,  // numbers and quoted text
};
inline constexpr int kNumWordClasses = 12;
std::string WordClassName(WordClass word_class);

enum class TextKind { kEnglish, kCode, kOtherLanguage };
// By a domain's name: held-out sources and the Pile's sets; what is unknown is
// taken for English.
TextKind KindOfDomain(const std::string& domain);

// One class for each piece (Tokenizer::TokenText of a window's ids). A word's
// class stands at the piece that holds its first letter. Function words: the
// closed classes of the Penn Treebank (CC DT PDT EX IN MD POS PRP PRP$ RP TO
// WDT WP WP$ WRB) and forms of be, have, do; case does not matter. Code: one
// lexer for C-like languages, Python and Go; words of comments count as
// identifiers. kOtherLanguage: words are kOther.
std::vector<WordClass> ClassifyWords(const std::vector<std::string>& pieces,
                                     TextKind kind);

}  // namespace plastometer
