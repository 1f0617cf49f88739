// Lists and cells, as text.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace plastometer {

// "1, 2, 3": each element as `text_of` writes it.
template <class Parts, class TextOf>
std::string JoinEach(const Parts& parts, const TextOf& text_of,
                     std::string_view separator = ", ") {
  std::string text;
  bool first = true;
  for (const auto& part : parts) {
    if (!first) text += separator;
    text += text_of(part);
    first = false;
  }
  return text;
}

// "a, b, c": of elements that are text.
template <class Parts>
std::string Join(const Parts& parts, std::string_view separator = ", ") {
  return JoinEach(
      parts, [](std::string_view part) { return part; }, separator);
}

// Of ASCII: not to be printed as it stands.
inline bool IsControl(char c) {
  return (static_cast<unsigned char>(c) < 0x20) || c == 0x7f;
}

// What is no UTF-8 and control characters (C0 but for line ends, DEL, C1) as
// \xNN: what a terminal or a log would obey or not show.
std::string Escaped(std::string_view text);
// At most `most` bytes: of a longer one its beginning and its end, and how many
// bytes stand between them.
std::string Shortened(const std::string& text, size_t most);
// On one line: line ends as \n.
std::string EscapedLine(std::string_view text);
// Throws kInvalid: `what` has such a character, or a line end, in its name.
void CheckName(std::string_view name, const std::string& what);

// A cell of a CSV file: in quotes when it must be; one that a spreadsheet would
// take for a formula (it begins with = + - @, and is no number) after an
// apostrophe.
std::string CsvCell(const std::string& text);

// As one word of a POSIX shell: in quotes when it must be.
std::string ShellWord(const std::string& text);

// "; did you mean 'retina'?": the first of `known` that fewest letters put in,
// left out, exchanged or swapped with a neighbour make of `word`; "" where that
// takes more than a third of its letters, or two.
std::string DidYouMean(const std::string& word,
                       const std::vector<std::string>& known);

}  // namespace plastometer
