#include "harness/report/format.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <sstream>

namespace plastometer {
namespace {

std::string Print(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string ThreeDigits(double value) {
  if (value < 9.995) return Print("%.2f", value);
  return value < 99.95 ? Print("%.1f", value) : Print("%.0f", value);
}

std::string Pad(const std::string& cell, int64_t width, bool left) {
  const std::string space(
      static_cast<size_t>(std::max<int64_t>(0, width - DisplayWidth(cell))),
      ' ');
  return left ? cell + space : space + cell;
}

std::string Line(const std::vector<Column>& columns,
                 const std::vector<std::string>& cells,
                 const std::vector<int64_t>& widths, const std::string& gap) {
  std::string line;
  for (size_t c = 0; c < columns.size(); ++c)
    line += (c > 0 ? gap : "") + Pad(cells[c], widths[c], columns[c].left);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

void Append(Cells& to, const Cells& more) {
  to.columns.insert(to.columns.end(), more.columns.begin(), more.columns.end());
  to.rows.resize(more.rows.size());
  for (size_t r = 0; r < more.rows.size(); ++r)
    to.rows[r].insert(to.rows[r].end(), more.rows[r].begin(),
                      more.rows[r].end());
}

// Where the table does not fit: the beginning of a cell longer than this, and
// the number of its row, so that two with one beginning stay apart.
constexpr int64_t kMaxCell = 30;

std::string Cut(const std::string& text, size_t row) {
  const std::string mark = "...[" + std::to_string(row + 1) + "]";
  int64_t left = kMaxCell - DisplayWidth(mark);
  size_t end = 0;
  // To the end of the last letter that fits: 10xxxxxx go on with one.
  for (; end < text.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80;
    if (begins && left-- == 0) break;
  }
  return text.substr(0, end) + mark;
}

// Whether anything was too long.
bool CutLongCells(std::vector<Column>& columns,
                  std::vector<std::vector<std::string>>& rows) {
  bool any = false;
  const auto cut = [&](std::string& cell, size_t number) {
    if (DisplayWidth(cell) <= kMaxCell) return;
    cell = Cut(cell, number);
    any = true;
  };
  for (size_t c = 0; c < columns.size(); ++c)
    for (std::string& line : columns[c].title) cut(line, c);
  for (size_t r = 0; r < rows.size(); ++r)
    for (std::string& cell : rows[r]) cut(cell, r);
  return any;
}

}  // namespace

std::string Fixed(double value, int decimals) {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : "inf";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  // "-0.000" says less than "0.000".
  const std::string s = text;
  return s[0] == '-' && s.find_first_not_of("-0.") == std::string::npos
             ? s.substr(1)
             : s;
}

std::string Percent(std::optional<double> share) {
  return share ? Fixed(100 * *share, 1) + "%" : "n/a";
}

std::string VerdictText(stats::Verdict verdict) {
  return verdict == stats::Verdict::kYes  ? "yes"
         : verdict == stats::Verdict::kNo ? "no"
                                          : "undecided";
}

std::string Count(int64_t value) {
  std::string digits = std::to_string(value);
  const int64_t first = value < 0 ? 1 : 0;
  for (auto i = static_cast<int64_t>(digits.size()) - 3; i > first; i -= 3)
    digits.insert(static_cast<size_t>(i), ",");
  return digits;
}

std::string Short(double value) {
  constexpr const char* kUnits[] = {"k", "M", "G", "T", "P"};
  if (!std::isfinite(value)) return Fixed(value, 0);
  if (value < 1000)
    return value == std::floor(value) ? Print("%.0f", value)
                                      : ThreeDigits(value);
  int unit = 0;
  value /= 1000;
  while (value >= 999.5 && unit < 4) {
    value /= 1000;
    ++unit;
  }
  return ThreeDigits(value) + kUnits[unit];
}

std::string Bytes(int64_t value) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  if (value < 0) return "n/a";
  auto scaled = static_cast<double>(value);
  int unit = 0;
  while (scaled >= 1024 && unit < 4) {
    scaled /= 1024;
    ++unit;
  }
  return (unit == 0 ? Print("%.0f", scaled) : ThreeDigits(scaled)) + " " +
         kUnits[unit];
}

std::string Perplexity(double value) {
  if (!std::isfinite(value)) return Fixed(value, 0);
  return value < 1000  ? Print("%.2f", value)
         : value < 1e5 ? Print("%.0f", value)
                       : Print("%.3g", value);
}

std::string CsvNumber(double value) {
  if (std::isnan(value)) return "";
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

int64_t DisplayWidth(const std::string& utf8) {
  return std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  });
}

int64_t WidestLine(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  int64_t widest = 0;
  while (std::getline(lines, line))
    widest = std::max(widest, DisplayWidth(line));
  return widest;
}

std::string RenderTable(const std::vector<Column>& columns,
                        const std::vector<std::vector<std::string>>& rows,
                        int width) {
  std::vector<int64_t> widths(columns.size(), 0);
  size_t num_title_lines = 0;
  for (size_t c = 0; c < columns.size(); ++c) {
    num_title_lines = std::max(num_title_lines, columns[c].title.size());
    for (const std::string& line : columns[c].title)
      widths[c] = std::max(widths[c], DisplayWidth(line));
    for (const auto& row : rows)
      widths[c] = std::max(widths[c], DisplayWidth(row[c]));
  }
  int64_t total = 2 * (static_cast<int64_t>(columns.size()) - 1);
  for (int64_t w : widths) total += w;
  const std::string gap = total <= width ? "  " : " ";
  if (total - std::ssize(columns) + 1 > width) {
    std::vector<Column> short_columns = columns;
    std::vector<std::vector<std::string>> short_rows = rows;
    if (CutLongCells(short_columns, short_rows))
      return RenderTable(short_columns, short_rows, width);
  }
  std::string text;
  for (size_t i = 0; i < num_title_lines; ++i) {
    std::vector<std::string> cells;
    for (const Column& column : columns) {
      const size_t missing = num_title_lines - column.title.size();
      cells.push_back(i < missing ? "" : column.title[i - missing]);
    }
    text += Line(columns, cells, widths, gap);
  }
  for (const auto& row : rows) text += Line(columns, row, widths, gap);
  return text;
}

void Append(Cells& to, Column column, const std::vector<std::string>& cells) {
  to.columns.push_back(std::move(column));
  to.rows.resize(cells.size());
  for (size_t r = 0; r < cells.size(); ++r) to.rows[r].push_back(cells[r]);
}

std::string PackedTables(const Cells& long_labels, const Cells& short_labels,
                         const std::vector<Cells>& groups, int width) {
  std::string text;
  Cells table = long_labels;
  size_t num_groups = 0;
  const auto render = [&](const Cells& cells) {
    return RenderTable(cells.columns, cells.rows, width);
  };
  for (const Cells& group : groups) {
    Cells wider = table;
    Append(wider, group);
    if (num_groups > 0 && WidestLine(render(wider)) > width) {
      text += render(table) + "\n";
      wider = short_labels;
      Append(wider, group);
      num_groups = 0;
    }
    table = std::move(wider);
    ++num_groups;
  }
  return text + render(table);
}

std::string Wrap(const std::string& text, int width, int indent) {
  std::istringstream words(text);
  std::string word, out, line;
  while (words >> word) {
    if (!line.empty() && DisplayWidth(line) + 1 + DisplayWidth(word) > width) {
      out += line + "\n";
      line = std::string(static_cast<size_t>(indent), ' ') + word;
    } else {
      line += (line.empty() ? "" : " ") + word;
    }
  }
  return out + line + "\n";
}

}  // namespace plastometer
