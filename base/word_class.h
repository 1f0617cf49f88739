// What kind of word a token is; datasets/word_class.h decides it.
#pragma once
#include <cstdint>
#include <string>

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

}  // namespace plastometer
