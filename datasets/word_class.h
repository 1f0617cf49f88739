// What kind of word a token is: function words against content words that the
// window has or has not held before.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/word_class.h"

namespace plastometer {

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
