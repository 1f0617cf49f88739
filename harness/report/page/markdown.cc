// The same page for a terminal, a code review or a wiki, and its tables as CSV.
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/page/page.h"

namespace plastometer {
namespace {

// A cell must not end its row.
std::string CellText(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += c == '|'       ? "\\|"
           : c == '<'     ? "&lt;"
           : IsControl(c) ? " "
                          : std::string(1, c);
  return out;
}

class MarkdownWriter {
 public:
  explicit MarkdownWriter(const Drawings& drawings) : drawings_(drawings) {}

  void operator()(const Heading& h) {
    text_ +=
        std::string(static_cast<size_t>(h.level), '#') + " " + h.text + "\n\n";
  }
  void operator()(const Paragraph& p) { text_ += p.text + "\n\n"; }
  void operator()(const Bullets& b) {
    for (const std::string& item : b.items) text_ += "- " + item + "\n";
    text_ += "\n";
  }
  void operator()(const Table& t) {
    text_ += "Table `" + t.id + "`: " + t.caption + "\n\n|";
    for (const TableColumn& c : t.columns)
      text_ += " " + CellText(c.title) + " |";
    text_ += "\n|";
    for (const TableColumn& c : t.columns) text_ += c.left ? "---|" : "---:|";
    for (const auto& row : t.rows) {
      text_ += "\n|";
      for (const TableCell& cell : row)
        text_ += " " + CellText(cell.text) + " |";
    }
    text_ += "\n\n";
    for (const std::string& note : t.notes) text_ += note + "\n\n";
  }
  void operator()(const Figure& f) {
    const bool drawn = drawings_.count(f.id) && !drawings_.at(f.id).svg.empty();
    text_ += drawn ? "![" + f.alt + "](figures/" + f.id + ".png)\n\n"
                   : "(not drawn: in figures/, `gnuplot " + f.id +
                         ".gp` draws it) " + f.alt + "\n\n";
    text_ += "**" + f.title + ".** " + f.caption + "\n\n";
  }
  void operator()(const Answer& a) {
    text_ += "### " + a.question + "\n\n**" + a.verdict + "**: " + a.sentence +
             (a.table_id.empty() ? "" : " (table `" + a.table_id + "`)") +
             "\n\n";
    if (!a.against.empty()) text_ += "Decided against: " + a.against + "\n\n";
    if (!a.would_change.empty())
      text_ += "What would change this: " + a.would_change + "\n\n";
  }
  std::string text() && { return std::move(text_); }

 private:
  const Drawings& drawings_;
  std::string text_;
};

}  // namespace

std::string MarkdownPage(const Page& page, const Drawings& drawings) {
  MarkdownWriter writer(drawings);
  for (const Block& block : page.blocks) std::visit(writer, block);
  return "# " + page.title + "\n\n" + page.subtitle + "\n\n" +
         std::move(writer).text();
}

std::string TableCsv(const Table& table) {
  std::string csv;
  const auto line = [&csv](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i)
      csv += (i == 0 ? "" : ",") + CsvCell(cells[i]);
    csv += "\n";
  };
  std::vector<std::string> cells;
  for (const TableColumn& c : table.columns)
    cells.insert(cells.end(), c.csv_names.begin(), c.csv_names.end());
  line(cells);
  for (const auto& row : table.rows) {
    cells.clear();
    for (size_t c = 0; c < row.size(); ++c) {
      if (row.size() != table.columns.size() ||
          row[c].csv.size() != table.columns[c].csv_names.size())
        throw InternalError("table " + table.id + ": a row does not fit its " +
                            std::to_string(table.columns.size()) + " columns");
      cells.insert(cells.end(), row[c].csv.begin(), row[c].csv.end());
    }
    line(cells);
  }
  return csv;
}

}  // namespace plastometer
