#include "base/text.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/utf8.h"

namespace plastometer {
namespace {

// Optimal string alignment: insertions, deletions, substitutions, swaps of
// neighbours.
size_t Distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> d(a.size() + 1,
                                     std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1,
                          d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

// Bytes of the UTF-8 character that `text` begins with, 0 where it is none, a
// control character or a line end.
size_t PlainCharacter(std::string_view text) {
  if (IsControl(text[0])) return 0;
  const size_t size = Utf8Length(text);
  const bool is_c1 = size == 2 && text[0] == '\xc2' &&
                     static_cast<unsigned char>(text[1]) < 0xa0;
  return is_c1 ? 0 : size;
}

}  // namespace

std::string Escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t size = PlainCharacter(text);
    if (size > 0 || text[0] == '\n') {
      size = std::max<size_t>(size, 1);
      out += text.substr(0, size);
    } else {
      constexpr char kHex[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(text[0]);
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
      size = 1;
    }
    text.remove_prefix(size);
  }
  return out;
}

std::string EscapedLine(std::string_view text) {
  std::string line = Escaped(text);
  for (size_t end = 0; (end = line.find('\n', end)) != std::string::npos;)
    line.replace(end, 1, "\\n");
  return line;
}

std::string Shortened(const std::string& text, size_t most) {
  if (text.size() <= most) return text;
  const size_t head = most * 2 / 3, tail = most / 3;
  return text.substr(0, head) + " [" +
         std::to_string(text.size() - head - tail) + " bytes left out] " +
         text.substr(text.size() - tail);
}

void CheckName(std::string_view name, const std::string& what) {
  for (size_t at = 0; at < name.size();) {
    const size_t size = PlainCharacter(name.substr(at));
    if (size == 0) {
      throw InvalidError(what + " '" + EscapedLine(name.substr(0, 200)) +
                         "' has at byte " + std::to_string(at) +
                         " what is no UTF-8 or a control character; expected "
                         "a name that can be printed");
    }
    at += size;
  }
}

std::string CsvCell(const std::string& text) {
  char* end = nullptr;
  const bool number =
      !text.empty() && (std::strtod(text.c_str(), &end), *end == '\0');
  const bool formula =
      !text.empty() && !number &&
      std::string_view("=+-@").find(text[0]) != std::string_view::npos;
  const std::string cell = (formula ? "'" : "") + text;
  if (cell.find_first_of(",\"\n\r") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string ShellWord(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./"
      ":+@%,=";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos)
    return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string DidYouMean(const std::string& word,
                       const std::vector<std::string>& known) {
  const std::string* nearest = nullptr;
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& one : known) {
    const size_t distance = Distance(word, one);
    if (distance >= least || distance >= one.size()) continue;
    least = distance;
    nearest = &one;
  }
  return nearest == nullptr ? "" : "; did you mean '" + *nearest + "'?";
}

}  // namespace plastometer
