// SWORD modules: an index of (offset, packed size, size) and blocks of zlib
// data that hold OSIS markup.
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "datasets/extract/extract.h"

namespace plastometer {
namespace {

uint32_t LittleEndian(std::string_view bytes, size_t at) {
  uint32_t word = 0;
  for (size_t k = 4; k-- > 0;)
    word = word << 8 | static_cast<unsigned char>(bytes[at + k]);
  return word;
}

std::string_view TagName(std::string_view tag) {
  tag.remove_prefix(tag.starts_with('/') ? 1 : 0);
  return tag.substr(0, tag.find_first_of(" /\t\n"));
}

std::string Attribute(std::string_view tag, std::string_view key) {
  const std::string pattern = " " + std::string(key) + "=\"";
  const size_t at = tag.find(pattern);
  if (at == std::string_view::npos) return "";
  const size_t from = at + pattern.size();
  return std::string(tag.substr(from, tag.find('"', from) - from));
}

// Milestones are markers inside a line, not divisions of the page.
bool BreaksLine(std::string_view tag) {
  static const std::set<std::string_view> kBreaks = {
      "p",       "div",   "l",    "lb",  "lg",   "title",
      "chapter", "verse", "item", "row", "list", "table"};
  return kBreaks.contains(TagName(tag)) &&
         Attribute(tag, "type") != "x-milestone";
}

void AppendEntity(std::string_view name, std::string* out) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6>
      kNamed = {{{"amp", "&"},
                 {"lt", "<"},
                 {"gt", ">"},
                 {"quot", "\""},
                 {"apos", "'"},
                 {"nbsp", " "}}};
  for (const auto& [key, value] : kNamed) {
    if (key == name) {
      *out += value;
      return;
    }
  }
  *out += '&';
  *out += name;
  *out += ';';
}

// Runs of blanks to one space, lines trimmed, empty lines dropped.
std::string Tidy(std::string_view text) {
  std::string out;
  bool blank = false;
  for (char c : text) {
    if (c == '\n') {
      if (!out.empty() && out.back() != '\n') out.push_back('\n');
      blank = false;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      blank = true;
    } else {
      if (blank && !out.empty() && out.back() != '\n') out.push_back(' ');
      blank = false;
      out.push_back(c);
    }
  }
  return out;
}

bool StartsWord(std::string_view text) {
  return std::isalnum(static_cast<unsigned char>(text[0])) ||
         text.starts_with("“") || text.starts_with("‘");
}

struct Unit {
  std::string name;
  std::string osis;
};

// Cuts at the start tag of each book or chapter. What stands before the first
// (prefaces) is left out. One block may hold two books and one book may fill
// twenty blocks, so blocks cannot be the unit.
std::vector<Unit> CutUnits(std::string_view osis, const std::string& kind) {
  const std::string_view element = kind == "book" ? "<div " : "<chapter ";
  std::vector<Unit> units;
  size_t from = 0;
  for (size_t at = osis.find(element); at != std::string_view::npos;
       at = osis.find(element, at + 1)) {
    const std::string_view tag =
        osis.substr(at + 1, osis.find('>', at) - at - 1);
    if (Attribute(tag, "sID").empty() ||
        (kind == "book" && Attribute(tag, "type") != "book"))
      continue;
    if (!units.empty()) units.back().osis = osis.substr(from, at - from);
    units.push_back({Attribute(tag, "osisID"), ""});
    from = at;
  }
  if (!units.empty()) units.back().osis = osis.substr(from);
  return units;
}

std::string Numbered(size_t number) {
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits;
}

}  // namespace

std::string SwordBlocks(std::string_view index, std::string_view data,
                        const std::string& name) {
  if (index.size() % 12 != 0) {
    throw InvalidError(name + ": index of " + std::to_string(index.size()) +
                       " bytes; expected a multiple of 12");
  }
  std::string out;
  for (size_t i = 0; i < index.size(); i += 12) {
    const uint64_t offset = LittleEndian(index, i),
                   packed = LittleEndian(index, i + 4),
                   size = LittleEndian(index, i + 8);
    if (packed == 0) continue;
    const std::string block = name + ": block " + std::to_string(i / 12);
    if (offset + packed > data.size())
      throw InvalidError(block + " lies outside the data file");
    const std::string text = Inflate(data.substr(offset, packed), 15, block);
    if (text.size() != size) {
      throw InvalidError(block + " holds " + std::to_string(text.size()) +
                         " bytes; its index says " + std::to_string(size));
    }
    out += text;
  }
  return out;
}

std::string OsisToText(std::string_view osis) {
  std::string out;
  bool note_left_out = false;
  for (size_t i = 0; i < osis.size();) {
    const char c = osis[i];
    if (c == '<') {
      const size_t close = std::min(osis.find('>', i), osis.size());
      const std::string_view tag = osis.substr(i + 1, close - i - 1);
      i = close + 1;
      if (TagName(tag) == "note" && !tag.starts_with('/') &&
          !tag.ends_with('/')) {
        const size_t end = osis.find("</note>", i);
        i = end == std::string_view::npos ? osis.size() : end + 7;
        note_left_out = true;
      } else if (TagName(tag) == "cell") {
        out.push_back(' ');
      } else if (BreaksLine(tag)) {
        out.push_back('\n');
      }
    } else if (const size_t end = osis.find(';', i);
               c == '&' && end != std::string_view::npos && end - i < 8) {
      AppendEntity(osis.substr(i + 1, end - i - 1), &out);
      i = end + 1;
    } else {
      // Some modules have no blank beside a footnote: without this, the words
      // around it become one.
      if (note_left_out && StartsWord(osis.substr(i))) out.push_back(' ');
      note_left_out = false;
      out.push_back(c);
      ++i;
    }
  }
  return Tidy(out);
}

std::vector<Document> ExtractSword(const std::filesystem::path& root,
                                   const nlohmann::json& parameters) {
  const auto folder = root / parameters.at("folder").get<std::string>();
  const nlohmann::json same_work =
      parameters.value("same_work", nlohmann::json::object());
  std::vector<Document> documents;
  for (const std::string testament : parameters.at("testaments")) {
    const std::string base =
        (folder / (testament + parameters.at("suffix").get<std::string>()))
            .string();
    const std::string osis =
        SwordBlocks(ReadFile(base + "s"), ReadFile(base + "z"), base + "s");
    size_t number = 0;
    for (const Unit& unit : CutUnits(osis, parameters.at("unit"))) {
      Document d;
      d.id = testament + "-" + Numbered(++number) + "-" + unit.name;
      d.work = same_work.value(unit.name, unit.name);
      d.text = OsisToText(unit.osis);
      documents.push_back(std::move(d));
    }
  }
  return documents;
}

}  // namespace plastometer
