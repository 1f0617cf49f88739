#include "datasets/word_class.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

namespace plastometer {
namespace {

using WordSet = std::unordered_set<std::string_view>;

// Grammar, not a corpus: the closed classes with their contractions' stems.
const WordSet& FunctionWords() {
  static const WordSet words = {
      // determiners and predeterminers
      "a", "an", "the", "this", "that", "these", "those", "each", "every",
      "some", "any", "no", "all", "both", "half", "such", "either", "neither",
      "another", "many", "much", "few", "several", "enough",
      // coordination
      "and", "or", "but", "nor", "yet", "so", "plus",
      // prepositions and subordination
      "about", "above", "across", "after", "against", "along", "although",
      "among", "amongst", "around", "as", "at", "because", "before", "behind",
      "below", "beneath", "beside", "besides", "between", "beyond", "by",
      "concerning", "despite", "down", "during", "except", "for", "from", "if",
      "in", "inside", "into", "lest", "like", "near", "of", "off", "on", "onto",
      "out", "outside", "over", "past", "per", "since", "than", "though",
      "through", "throughout", "till", "to", "toward", "towards", "under",
      "underneath", "unless", "unlike", "until", "unto", "up", "upon", "via",
      "whereas", "whether", "while", "whilst", "with", "within", "without",
      // modals and auxiliaries
      "can", "cannot", "could", "may", "might", "must", "ought", "shall",
      "should", "will", "would", "be", "am", "is", "are", "was", "were", "been",
      "being", "art", "wast", "have", "has", "had", "having", "hath", "hast",
      "do", "does", "did", "doing", "done", "doth", "dost", "not",
      // pronouns
      "i", "me", "my", "mine", "myself", "we", "us", "our", "ours", "ourselves",
      "you", "your", "yours", "yourself", "yourselves", "thou", "thee", "thy",
      "thine", "thyself", "ye", "he", "him", "his", "himself", "she", "her",
      "hers", "herself", "it", "its", "itself", "they", "them", "their",
      "theirs", "themselves", "one", "oneself",
      // question and relative words, existential there
      "what", "whatever", "which", "whichever", "who", "whoever", "whom",
      "whose", "when", "whenever", "where", "wherever", "why", "how", "however",
      "there"};
  return words;
}

// Python's, C++'s and Go's together: a language's own set is not known here.
const WordSet& Keywords() {
  static const WordSet words = {
      "and",       "as",        "assert",   "async",       "await",
      "break",     "class",     "continue", "def",         "del",
      "elif",      "else",      "except",   "finally",     "for",
      "from",      "global",    "if",       "import",      "in",
      "is",        "lambda",    "nonlocal", "not",         "or",
      "pass",      "raise",     "return",   "try",         "while",
      "with",      "yield",     "None",     "True",        "False",
      "auto",      "bool",      "case",     "catch",       "char",
      "const",     "constexpr", "decltype", "default",     "delete",
      "do",        "double",    "enum",     "explicit",    "export",
      "extern",    "false",     "float",    "friend",      "goto",
      "inline",    "int",       "long",     "mutable",     "namespace",
      "new",       "noexcept",  "nullptr",  "operator",    "private",
      "protected", "public",    "short",    "signed",      "sizeof",
      "static",    "struct",    "switch",   "template",    "this",
      "throw",     "true",      "typedef",  "typename",    "union",
      "unsigned",  "using",     "virtual",  "void",        "volatile",
      "break",     "chan",      "defer",    "fallthrough", "func",
      "go",        "interface", "map",      "package",     "range",
      "select",    "type",      "var",      "nil"};
  return words;
}

bool IsLetter(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}
bool IsDigit(unsigned char c) { return c >= '0' && c <= '9'; }
bool IsSpace(unsigned char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

// One class a byte of the text; a word's first byte has the word's class, the
// others kContinuation.
class Scanner {
 public:
  explicit Scanner(std::string_view text)
      : text_(text), classes_(text.size(), WordClass::kOther) {}

  std::vector<WordClass> English(bool other_language) {
    while (at_ < text_.size()) {
      if (IsLetter(Byte(at_))) {
        const std::string_view word = Take([this](size_t i) {
          return IsLetter(Byte(i)) ||
                 (text_[i] == '\'' && i + 1 < text_.size() &&
                  IsLetter(Byte(i + 1)));
        });
        if (!other_language) Mark(word, ProseClass(Lower(word)));
      } else {
        Single();
      }
    }
    return std::move(classes_);
  }

  std::vector<WordClass> Code() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (IsLetter(Byte(at_)) || c == '_') {
        const std::string_view word = Take([this](size_t i) {
          return IsLetter(Byte(i)) || IsDigit(Byte(i)) || text_[i] == '_';
        });
        Mark(word, CodeClass(word));
      } else if (IsDigit(Byte(at_))) {
        Mark(Take([this](size_t i) {
               return IsDigit(Byte(i)) || IsLetter(Byte(i)) || text_[i] == '.';
             }),
             WordClass::kLiteral);
      } else if (c == '"' || c == '\'') {
        Quoted(c);
      } else {
        Single();
      }
    }
    return std::move(classes_);
  }

 private:
  unsigned char Byte(size_t i) const {
    return static_cast<unsigned char>(text_[i]);
  }
  template <class Belongs>
  std::string_view Take(const Belongs& belongs) {
    begin_ = at_;
    while (at_ < text_.size() && belongs(at_)) ++at_;
    return text_.substr(begin_, at_ - begin_);
  }
  void Mark(std::string_view word, WordClass word_class) {
    if (word.empty()) return;
    std::fill_n(classes_.begin() + static_cast<int64_t>(begin_), word.size(),
                WordClass::kContinuation);
    classes_[begin_] = word_class;
  }
  void Single() {
    const unsigned char c = Byte(at_);
    classes_[at_] = IsSpace(c)   ? WordClass::kSpace
                    : IsDigit(c) ? WordClass::kDigits
                                 : WordClass::kPunctuation;
    ++at_;
  }
  // Text in quotes that ends on its line; an apostrophe alone is punctuation.
  void Quoted(char quote) {
    const size_t line_end = std::min(text_.find('\n', at_), text_.size());
    size_t end = at_ + 1;
    while (end < line_end && text_[end] != quote)
      end += text_[end] == '\\' ? 2 : 1;
    if (end >= line_end) return Single();
    begin_ = at_;
    at_ = end + 1;
    Mark(text_.substr(begin_, at_ - begin_), WordClass::kLiteral);
  }
  WordClass ProseClass(const std::string& word) {
    if (FunctionWords().count(
            std::string_view(word).substr(0, word.find('\''))))
      return WordClass::kFunction;
    return seen_.insert(word).second ? WordClass::kNewContent
                                     : WordClass::kSeenContent;
  }
  WordClass CodeClass(std::string_view word) {
    if (Keywords().count(word)) return WordClass::kKeyword;
    return seen_.insert(std::string(word)).second ? WordClass::kNewIdentifier
                                                  : WordClass::kSeenIdentifier;
  }

  std::string_view text_;
  std::vector<WordClass> classes_;
  std::unordered_set<std::string> seen_;
  size_t at_ = 0, begin_ = 0;
};

// Of a piece's bytes: the first word that begins in it, else what is left of a
// word, else its first byte that is no blank.
WordClass OfPiece(const WordClass* begin, const WordClass* end) {
  const auto is_word = [](WordClass c) {
    return c != WordClass::kOther && c != WordClass::kSpace &&
           c != WordClass::kPunctuation && c != WordClass::kDigits &&
           c != WordClass::kContinuation;
  };
  const WordClass* word = std::find_if(begin, end, is_word);
  if (word != end) return *word;
  if (std::find(begin, end, WordClass::kContinuation) != end)
    return WordClass::kContinuation;
  const WordClass* visible = std::find_if(
      begin, end, [](WordClass c) { return c != WordClass::kSpace; });
  if (visible != end) return *visible;
  return begin == end ? WordClass::kOther : WordClass::kSpace;
}

}  // namespace

TextKind KindOfDomain(const std::string& domain) {
  constexpr const char* kCode[] = {"python",     "go",   "cpp",
                                   "c",          "rust", "java",
                                   "javascript", "code", "github"};
  const std::string name = Lower(domain);
  if (std::ranges::find(kCode, name) != std::end(kCode)) return TextKind::kCode;
  return name == "spanish" || name == "europarl" ? TextKind::kOtherLanguage
                                                 : TextKind::kEnglish;
}

std::vector<WordClass> ClassifyWords(const std::vector<std::string>& pieces,
                                     TextKind kind) {
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  Scanner scanner(text);
  const std::vector<WordClass> bytes =
      kind == TextKind::kCode
          ? scanner.Code()
          : scanner.English(kind == TextKind::kOtherLanguage);
  std::vector<WordClass> classes;
  size_t begin = 0;
  for (const std::string& piece : pieces) {
    classes.push_back(
        OfPiece(bytes.data() + begin, bytes.data() + begin + piece.size()));
    begin += piece.size();
  }
  return classes;
}

}  // namespace plastometer
