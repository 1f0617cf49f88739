// Numbers as people read them. "not available" is written, never a 0 that was
// not measured.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/stats/contrast.h"

namespace plastometer {

std::string Fixed(double value, int decimals);     // "12.35"; "nan", "inf"
std::string Percent(std::optional<double> share);  // 0.792 -> "79.2%"; "n/a"
std::string Count(int64_t value);                  // 196608 -> "196,608"
std::string Short(double value);                   // 6740000 -> "6.74M"
std::string Bytes(int64_t value);                  // 812544 -> "794 KiB"
// Four significant digits, at most two decimals.
std::string Perplexity(double value);
// Shortest text that reads back as the same double; empty for NaN.
std::string CsvNumber(double value);
std::string VerdictText(stats::Verdict verdict);  // "yes", "no", "undecided"
int64_t DisplayWidth(const std::string& utf8);    // code points

int64_t WidestLine(const std::string& text);

struct Column {
  std::vector<std::string> title;  // lines, the last one just above the rows
  bool left = false;
};

// Two spaces between columns, one if that is what it takes to stay within
// `width`; where that is not enough, cells of more than 30 letters are cut:
// "layers:0@0.123456789012...[3]", in row 3.
std::string RenderTable(const std::vector<Column>& columns,
                        const std::vector<std::vector<std::string>>& rows,
                        int width);

// Columns with their cells.
struct Cells {
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};
void Append(Cells& to, Column column, const std::vector<std::string>& cells);
// As few tables as the width allows; a group of columns stays together. The
// first table has the long labels, the others the short ones.
std::string PackedTables(const Cells& long_labels, const Cells& short_labels,
                         const std::vector<Cells>& groups, int width);

// Breaks at spaces; continuation lines are indented.
std::string Wrap(const std::string& text, int width, int indent = 2);

}  // namespace plastometer
