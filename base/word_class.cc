#include "base/word_class.h"

namespace plastometer {

std::string WordClassName(WordClass word_class) {
  constexpr const char* kNames[kNumWordClasses] = {
      "other",       "function",        "seen content",   "new content",
      "punctuation", "digits",          "space",          "continuation",
      "keyword",     "seen identifier", "new identifier", "literal"};
  return kNames[static_cast<size_t>(word_class)];
}

}  // namespace plastometer
