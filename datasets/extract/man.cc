// Man pages written with the `man` macros, as plain paragraphs.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/files.h"
#include "datasets/extract/extract.h"

namespace plastometer {
namespace {

const std::map<std::string_view, std::string_view> kGlyphs = {
    {"aq", "'"},  {"cq", "’"}, {"oq", "‘"}, {"lq", "“"},  {"rq", "”"},
    {"dq", "\""}, {"bu", "•"}, {"co", "©"}, {"em", "—"},  {"en", "–"},
    {"ha", "^"},  {"ti", "~"}, {"ga", "`"}, {"rs", "\\"}, {"mu", "×"},
    {"+-", "±"},  {"<=", "≤"}, {">=", "≥"}, {"->", "→"},  {"<-", "←"},
    {"if", "∞"},  {"*p", "π"}, {"mi", "-"}, {"sq", "□"}};

// What follows \f, \s, \*, \(: one letter, "(xx" or "[...]".
std::string_view Name(std::string_view s, size_t* i) {
  if (*i >= s.size()) return {};
  if (s[*i] == '[') {
    const size_t end = std::min(s.find(']', *i), s.size());
    const std::string_view name = s.substr(*i + 1, end - *i - 1);
    *i = std::min(end + 1, s.size());
    return name;
  }
  const size_t length = s[*i] == '(' ? 2 : 1;
  if (s[*i] == '(') ++*i;
  const std::string_view name = s.substr(*i, length);
  *i = std::min(*i + length, s.size());
  return name;
}

void SkipQuoted(std::string_view s, size_t* i) {
  const size_t end =
      *i < s.size() ? s.find(s[*i], *i + 1) : std::string_view::npos;
  *i = end == std::string_view::npos ? s.size() : end + 1;
}

void AppendGlyph(std::string_view name, std::string* out) {
  const auto it = kGlyphs.find(name);
  if (it != kGlyphs.end()) *out += it->second;
}

// One escape; *i stands behind the backslash.
void AppendEscape(std::string_view s, size_t* i, std::string* out) {
  if (*i >= s.size()) return;
  const char c = s[(*i)++];
  switch (c) {
    case 'f':
      Name(s, i);
      break;
    case 's':
      if (*i < s.size() && (s[*i] == '+' || s[*i] == '-')) ++*i;
      Name(s, i);
      break;
    case '*':
      AppendGlyph(Name(s, i), out);
      break;
    case '(':
    case '[':
      --*i;
      AppendGlyph(Name(s, i), out);
      break;
    case 'h':
    case 'v':
    case 'w':
    case 'o':
    case 'l':
    case 'L':
      SkipQuoted(s, i);
      break;
    case 'm':
    case 'n':
    case 'F':
      Name(s, i);
      break;
    case 'e':
    case '\\':
      out->push_back('\\');
      break;
    case '~':
    case ' ':
    case '0':
      out->push_back(' ');
      break;
    case 't':
      out->push_back('\t');
      break;
    case '&':
    case '|':
    case '^':
    case ':':
    case '/':
    case ',':
    case 'c':
    case '%':
    case ')':
    case 'd':
    case 'u':
      break;
    case '"':
    case '#':
      *i = s.size();
      break;  // a comment up to the end of the line
    default:
      out->push_back(c);
  }
}

std::string Plain(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size();) {
    if (line[i] == '\\') {
      AppendEscape(line, &++i, &out);
    } else {
      out.push_back(line[i++]);
    }
  }
  return out;
}

std::vector<std::string> Arguments(std::string_view s) {
  std::vector<std::string> arguments;
  for (size_t i = 0;;) {
    while (i < s.size() && (s[i] == ' ' || s[i] == '\t')) ++i;
    if (i >= s.size()) return arguments;
    std::string argument;
    const bool quoted = s[i] == '"';
    for (i += quoted; i < s.size(); ++i) {
      if (s[i] == '\\' && i + 1 < s.size()) {
        argument += s[i++];
      } else if (quoted && s[i] == '"') {
        if (i + 1 >= s.size() || s[i + 1] != '"') break;
        ++i;
      } else if (!quoted && (s[i] == ' ' || s[i] == '\t')) {
        break;
      }
      argument += s[i];
    }
    i += i < s.size();
    arguments.push_back(Plain(argument));
  }
}

std::string Join(const std::vector<std::string>& parts,
                 std::string_view between) {
  std::string out;
  for (const auto& part : parts)
    out += (out.empty() ? "" : std::string(between)) + part;
  return out;
}

class Page {
 public:
  void Line(std::string_view line) {
    if (skip_until_dots_) {
      skip_until_dots_ = !line.starts_with("..");
    } else if (table_format_) {
      table_format_ = !(line.ends_with(".") || line.ends_with(". "));
    } else if (line.starts_with('.') || line.starts_with('\'')) {
      Request(line.substr(1));
    } else if (table_ && (line == "T{" || line.starts_with("T}"))) {
      if (line.size() > 2) Text(Plain(line.substr(3)));
    } else if (line.empty()) {
      Break("\n\n");
    } else {
      Text(Plain(line));
    }
  }
  std::string Take() { return std::move(out_); }

 private:
  void Break(std::string_view with) {
    while (!out_.empty() && (out_.back() == ' ' || out_.back() == '\n'))
      out_.pop_back();
    if (!out_.empty()) out_ += with;
  }
  void Text(std::string text) {
    if (!as_is_ && !out_.empty() && out_.back() != '\n') out_ += ' ';
    if (table_) std::replace(text.begin(), text.end(), '\t', ' ');
    out_ += text;
    if (as_is_) out_ += '\n';
  }
  void Heading(const std::vector<std::string>& arguments) {
    as_is_ = false;
    Break("\n\n");
    out_ += Join(arguments, " ") + "\n";
  }
  void Request(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.starts_with("\\\"")) return;
    const std::string_view name = line.substr(0, line.find_first_of(" \t"));
    const auto arguments = Arguments(line.substr(name.size()));
    static const std::set<std::string_view> kParagraph = {
        "PP", "P", "LP", "TP", "TQ", "IP", "HP", "sp"};
    static const std::set<std::string_view> kAlternate = {"BR", "RB", "BI",
                                                          "IB", "IR", "RI"};
    if (name == "SH" || name == "SS") {
      Heading(arguments);
    } else if (kParagraph.contains(name)) {
      as_is_&& name == "sp" ? Break("\n\n")
                            : Break(name == "TQ" ? "\n" : "\n\n");
      if (name == "IP" && !arguments.empty()) Text(arguments[0]);
    } else if (name == "br" || name == "RS" || name == "RE") {
      Break("\n");
    } else if (name == "nf" || name == "EX" || name == "fi" || name == "EE") {
      Break("\n");
      as_is_ = name == "nf" || name == "EX";
    } else if (name == "TS" || name == "TE") {
      Break("\n");
      as_is_ = table_ = table_format_ = name == "TS";
    } else if (name == "T&") {
      table_format_ = true;
    } else if (name == "de" || name == "ig") {
      skip_until_dots_ = true;
    } else if (kAlternate.contains(name)) {
      Text(Join(arguments, ""));
    } else if (name == "B" || name == "I" || name == "SM" || name == "SB" ||
               name == "UR" || name == "MT") {
      if (!arguments.empty()) Text(Join(arguments, " "));
    }
  }

  std::string out_;
  bool as_is_ = false, table_ = false, table_format_ = false,
       skip_until_dots_ = false;
};

}  // namespace

std::string ManToText(std::string_view roff) {
  if (roff.starts_with(".so ")) return "";
  Page page;
  std::string line;
  for (size_t from = 0; from < roff.size();) {
    const size_t to = std::min(roff.find('\n', from), roff.size());
    line += roff.substr(from, to - from);
    from = to + 1;
    if (line.ends_with('\\') && !line.ends_with("\\\\")) {
      line.pop_back();  // the line goes on
      continue;
    }
    page.Line(line);
    line.clear();
  }
  return page.Take();
}

std::vector<Document> ExtractManPages(const std::filesystem::path& root,
                                      const nlohmann::json& parameters) {
  const auto folder = root / parameters.at("folder").get<std::string>();
  std::vector<Document> documents;
  for (const auto& path : FilesBelow(folder)) {
    if (path.extension() != ".gz") continue;
    Document d;
    d.text = ManToText(
        NormaliseText(Inflate(ReadFile(folder / path), 31, path.string())));
    d.id = d.work = (path.parent_path() / path.stem()).string();
    documents.push_back(std::move(d));
  }
  return documents;
}

}  // namespace plastometer
