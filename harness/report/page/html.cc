// The page as one file: styles, figures and tables inside, nothing fetched.
#include <algorithm>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/text.h"
#include "harness/report/page/html_style.h"
#include "harness/report/page/page.h"

namespace plastometer {
namespace {

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += IsControl(c) && c != '\n' ? ' ' : c;
    }
  }
  return out;
}

// `x` -> <code>x</code>; a single backquote stays.
std::string Inline(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t open = text.find('`');
    const size_t close =
        open == text.npos ? text.npos : text.find('`', open + 1);
    if (close == text.npos) return out + Escape(text);
    out += Escape(text.substr(0, open)) + "<code>" +
           Escape(text.substr(open + 1, close - open - 1)) + "</code>";
    text.remove_prefix(close + 1);
  }
  return out;
}

void ReplaceAll(std::string& text, const std::string& from,
                const std::string& to) {
  for (size_t at = text.find(from); at != text.npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// gnuplot's SVG, fit to stand within a page: no prolog, no names that two
// figures share, no addresses; lines and letters take the page's colour.
std::string InlineSvg(const Figure& figure, std::string svg) {
  svg.erase(0, svg.find("<svg"));
  for (const char* address : {" xmlns=\"http://www.w3.org/2000/svg\"",
                              " xmlns:xlink=\"http://www.w3.org/1999/xlink\""})
    ReplaceAll(svg, address, "");
  ReplaceAll(svg, "xlink:href", "href");
  for (const char* name : {"id='", "id=\"", "'#", "url(#"})
    ReplaceAll(svg, name, name + figure.id + "-");
  for (std::string_view tag : {"<title>", "<desc>"}) {
    const size_t begin = svg.find(tag);
    if (begin == svg.npos) continue;
    const std::string end_tag = "</" + std::string(tag.substr(1));
    const size_t end = svg.find(end_tag, begin);
    if (end != svg.npos) svg.erase(begin, end + end_tag.size() - begin);
  }
  svg.insert(4, " role=\"img\" aria-label=\"" + Escape(figure.alt) + "\"");
  return svg;
}

std::string Image(const Figure& figure, const Drawings& drawings) {
  const auto drawn = drawings.find(figure.id);
  if (drawn == drawings.end() || drawn->second.svg.empty())
    return "<p class=\"absent\">Not drawn: gnuplot was not there. In the "
           "folder "
           "<code>figures</code>, <code>gnuplot " +
           Escape(figure.id) + ".gp</code> draws it.</p>\n<p>" +
           Escape(figure.alt) + "</p>\n";
  if (!figure.raster) return InlineSvg(figure, drawn->second.svg) + "\n";
  return "<img alt=\"" + Escape(figure.alt) + "\" width=\"" +
         std::to_string(figure.width) + "\" height=\"" +
         std::to_string(figure.height) + "\" src=\"data:image/png;base64," +
         Base64Encode(drawn->second.png) + "\">\n";
}

class HtmlWriter {
 public:
  explicit HtmlWriter(const Drawings& drawings) : drawings_(drawings) {}

  void operator()(const Heading& h) {
    const std::string tag = "h" + std::to_string(h.level);
    Open();
    html_ += "<" + tag + (h.id.empty() ? "" : " id=\"" + Escape(h.id) + "\"") +
             ">" + Inline(h.text) + "</" + tag + ">\n";
  }
  void operator()(const Paragraph& p) {
    Open();
    html_ += "<p>" + Inline(p.text) + "</p>\n";
  }
  void operator()(const Bullets& b) {
    Open();
    html_ += "<ul>\n";
    for (const std::string& item : b.items)
      html_ += "<li>" + Inline(item) + "</li>\n";
    html_ += "</ul>\n";
  }
  void operator()(const Table& t) {
    Open();
    html_ +=
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"" +
        Escape(t.caption) + "\">\n<table id=\"table-" + Escape(t.id) +
        "\">\n<caption><span>" + Inline(t.caption) +
        "</span></caption>\n<thead><tr>";
    for (const TableColumn& c : t.columns)
      html_ += std::string("<th scope=\"col\"") +
               (c.left ? " class=\"left\"" : "") + ">" + Inline(c.title) +
               "</th>";
    html_ += "</tr></thead>\n<tbody>\n";
    for (const auto& row : t.rows) Row(t, row);
    html_ += "</tbody>\n</table>\n</div>\n";
    for (const std::string& note : t.notes)
      html_ += "<p class=\"note\">" + Inline(note) + "</p>\n";
    html_ += "<p class=\"note\">Numbers: <code>tables/" + Escape(t.id) +
             ".csv</code></p>\n";
  }
  // Neighbouring figures stand side by side where there is room.
  void operator()(const Figure& f) {
    if (!in_figures_) html_ += "<div class=\"figures\">\n";
    in_figures_ = true;
    html_ += "<figure id=\"figure-" + Escape(f.id) + "\">\n" +
             (f.raster ? "<div class=\"paper\">" : "<div>") +
             Image(f, drawings_) + "</div>\n<figcaption><b>" + Inline(f.title) +
             ".</b> " + Inline(f.caption) +
             " <span class=\"note\">Data and script: <code>figures/" +
             Escape(f.id) + ".gp</code></span></figcaption>\n</figure>\n";
  }
  void operator()(const Answer& a) {
    Open();
    std::string mark = a.verdict;
    std::ranges::replace(mark, ' ', '-');
    html_ += "<section class=\"answer " + Escape(mark) + "\" id=\"" +
             Escape(a.id) + "\">\n<h3>" + Inline(a.question) +
             "</h3>\n<p><strong class=\"verdict\">" + Escape(a.verdict) +
             "</strong> " + Inline(a.sentence);
    if (!a.table_id.empty())
      html_ +=
          " (<a href=\"#table-" + Escape(a.table_id) + "\">the numbers</a>)";
    html_ += "</p>\n";
    if (!a.against.empty())
      html_ +=
          "<p class=\"note\">Decided against: " + Inline(a.against) + "</p>\n";
    if (!a.would_change.empty())
      html_ += "<p class=\"note\">What would change this: " +
               Inline(a.would_change) + "</p>\n";
    html_ += "</section>\n";
  }
  std::string Finish() {
    Open();
    return std::move(html_);
  }

 private:
  void Open() {
    if (std::exchange(in_figures_, false)) html_ += "</div>\n";
  }
  void Row(const Table& t, const std::vector<TableCell>& row) {
    html_ += "<tr>";
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string left = t.columns[c].left ? " class=\"left\"" : "";
      html_ += c == 0 ? "<th scope=\"row\"" + left + ">" : "<td" + left + ">";
      html_ += Inline(row[c].text) + (c == 0 ? "</th>" : "</td>");
    }
    html_ += "</tr>\n";
  }

  const Drawings& drawings_;
  std::string html_;
  bool in_figures_ = false;
};

std::string Contents(const Page& page) {
  std::string items;
  for (const Block& block : page.blocks) {
    const auto* h = std::get_if<Heading>(&block);
    if (h && h->level == 2 && !h->id.empty())
      items += "<li><a href=\"#" + Escape(h->id) + "\">" + Inline(h->text) +
               "</a></li>\n";
  }
  return "<nav aria-label=\"Contents\"><ul>\n" + items + "</ul></nav>\n";
}

}  // namespace

std::string HtmlPage(const Page& page, const Drawings& drawings) {
  HtmlWriter writer(drawings);
  for (const Block& block : page.blocks) std::visit(writer, block);
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta "
         "charset=\"utf-8\">\n<meta name=\"viewport\" "
         "content=\"width=device-width, initial-scale=1\">\n<meta "
         "name=\"color-scheme\" content=\"light dark\">\n<title>" +
         Escape(page.title) + "</title>\n<style>\n" + kHtmlStyle +
         "</style>\n</head>\n<body>\n<header>\n<h1>" + Inline(page.title) +
         "</h1>\n<p>" + Inline(page.subtitle) + "</p>\n" + Contents(page) +
         "</header>\n<main>\n" + writer.Finish() +
         "</main>\n</body>\n</html>\n";
}

}  // namespace plastometer
