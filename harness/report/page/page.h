// The report's content as plain values: sections make blocks, and one renderer
// each turns them into HTML, Markdown and CSV. Text is plain; `x` in backquotes
// is set as code.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace plastometer {

struct Heading {
  int level = 2;
  std::string text, id;
};

struct Paragraph {
  std::string text;
};

struct Bullets {
  std::vector<std::string> items;
};

// A column may stand for several columns of the CSV: a number and its interval.
struct TableColumn {
  std::string title;
  std::vector<std::string> csv_names;
  bool left = false;
};

struct TableCell {
  std::string text;
  std::vector<std::string> csv;  // one for each of the column's csv_names
};

struct Table {
  std::string id;  // tables/<id>.csv
  std::string caption;
  std::vector<TableColumn> columns;  // the first one names the row
  std::vector<std::vector<TableCell>> rows;
  std::vector<std::string> notes;
};

struct Figure {
  std::string id;     // figures/<id>.gp, .png, .svg
  std::string title;  // of the panel
  std::string alt;    // what it shows, for those who do not see it
  std::string caption;
  std::map<std::string, std::string> data;  // file name -> content
  std::string plot;  // gnuplot commands between the settings and the output
  // Of the SVG, in pixels; narrow, so that its letters stay legible on a phone.
  int width = 480, height = 370;
  bool raster = false;  // the page embeds the PNG: many cells
};

struct Answer {
  std::string id, question;
  std::string verdict;   // "yes", "no", "undecided", "not available"
  std::string sentence;  // with the interval
  // The trivial explanation that it was decided against; empty: not decided.
  std::string against = {};
  std::string table_id = {};  // where it came from; empty: nowhere
  std::string would_change = {};
};

using Block = std::variant<Heading, Paragraph, Bullets, Table, Figure, Answer>;

struct Page {
  std::string title, subtitle;
  std::vector<Block> blocks;
  template <typename B>
  void Add(B block) {
    blocks.emplace_back(std::move(block));
  }
};

// What drawing left behind for the page: by figure id.
struct Drawing {
  std::string svg, png;  // contents; empty when it was not drawn
};
using Drawings = std::map<std::string, Drawing>;

std::string TableCsv(const Table& table);
// Complete gnuplot script: draws <id>.svg and <id>.png into its own folder. The
// PNG has `scale` pixels for each of the SVG's.
std::string GnuplotScript(const Figure& figure, int scale);
std::string HtmlPage(const Page& page, const Drawings& drawings);
std::string MarkdownPage(const Page& page, const Drawings& drawings);

}  // namespace plastometer
