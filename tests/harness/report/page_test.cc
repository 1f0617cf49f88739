// Blocks to HTML, Markdown, CSV and gnuplot.
#include "harness/report/page/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "base/files.h"
#include "base/process.h"
#include "harness/report/page/gnuplot.h"
#include "harness/report/page/point_labels.h"

namespace plastometer {
namespace {

using testing::HasSubstr;
using testing::Not;

Page OnePage(Block block) {
  Page page{"A <title>", "sub", {}};
  page.Add(std::move(block));
  return page;
}

Table SmallTable() {
  return {"t",
          "what | it is",
          {{"name", {"name"}, true}, {"loss", {"loss", "loss_low"}}},
          {{{"a|b", {"a|b"}}, {"1.0 [0.5, 2]", {"1", "0.5"}}},
           {{"c,\"d\"", {"c,\"d\""}}, {"not available", {"", ""}}}},
          {"a note"}};
}

TEST(Html, EscapesTextAndSetsCode) {
  const std::string html =
      HtmlPage(OnePage(Paragraph{"a < b & `x<y` \"q\" `"}), {});
  EXPECT_THAT(html,
              HasSubstr("a &lt; b &amp; <code>x&lt;y</code> &quot;q&quot; `"));
  EXPECT_THAT(html, HasSubstr("<title>A &lt;title&gt;</title>"));
}

TEST(Html, TablesHaveScopesAndACaption) {
  const std::string html = HtmlPage(OnePage(SmallTable()), {});
  EXPECT_THAT(html, HasSubstr("<th scope=\"col\">loss</th>"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\" class=\"left\">a|b</th>"));
  EXPECT_THAT(html, HasSubstr("<caption><span>what | it is</span></caption>"));
}

TEST(Html, ADrawingLosesItsAddressesAndSharedNames) {
  Figure figure;
  figure.id = "f";
  figure.alt = "a \"curve\"";
  const std::string svg =
      "<?xml version=\"1.0\"?>\n<svg width=\"5\" "
      "xmlns=\"http://www.w3.org/2000/svg\" "
      "xmlns:xlink=\"http://www.w3.org/1999/xlink\">\n<title>Gnuplot</title>"
      "<desc>made by</desc><g id=\"gnuplot_canvas\"><path id='gpPt0'/>"
      "<use xlink:href='#gpPt0'/></g></svg>";
  const std::string html = HtmlPage(OnePage(figure), {{"f", {svg, "png"}}});
  EXPECT_THAT(html, HasSubstr("<svg role=\"img\" aria-label=\"a "
                              "&quot;curve&quot;\" width=\"5\">"));
  EXPECT_THAT(html, HasSubstr("<path id='f-gpPt0'/><use href='#f-gpPt0'/>"));
  EXPECT_THAT(html, HasSubstr("id=\"f-gnuplot_canvas\""));
  EXPECT_THAT(html, Not(HasSubstr("http")));
  EXPECT_THAT(html, Not(HasSubstr("made by")));
}

TEST(Html, ARasterFigureIsEmbedded) {
  Figure figure;
  figure.id = "f";
  figure.alt = "cells";
  figure.raster = true;
  EXPECT_THAT(HtmlPage(OnePage(figure), {{"f", {"<svg/>", "png"}}}),
              HasSubstr("<img alt=\"cells\" width=\"480\" height=\"370\" "
                        "src=\"data:image/png;base64,cG5n\">"));
}

TEST(Markdown, CellsDoNotEndTheirRow) {
  const std::string text = MarkdownPage(OnePage(SmallTable()), {});
  EXPECT_THAT(text, HasSubstr("| a\\|b | 1.0 [0.5, 2] |\n"));
  EXPECT_THAT(text, HasSubstr("|---|---:|"));
}

TEST(TableCsv, HasANumberAndItsBoundsInColumns) {
  EXPECT_EQ(TableCsv(SmallTable()),
            "name,loss,loss_low\na|b,1,0.5\n\"c,\"\"d\"\"\",,\n");
}

TEST(TableCsv, ARowThatDoesNotFitIsAnError) {
  Table table = SmallTable();
  table.rows[0].pop_back();
  EXPECT_THROW(TableCsv(table), Error);
  table = SmallTable();
  table.rows[1][1].csv.pop_back();
  EXPECT_THROW(TableCsv(table), Error);
}

// Two points in one place, and one at the right edge.
TEST(PointLabels, HideNeitherEachOtherNorAPoint) {
  const std::vector<std::string> places =
      PlaceLabels({{0.5, 0.5, "first"}, {0.5, 0.5, "second"}, {1, 0.2, "edge"}},
                  {300, 200});
  EXPECT_THAT(places[0], testing::EndsWith("left"));
  EXPECT_THAT(places[1], testing::EndsWith("right"));
  EXPECT_THAT(places[2], testing::EndsWith("right"));
}

// A name over a bar can be read, two names over each other cannot.
TEST(PointLabels, ANameLiesOnABarRatherThanOnAName) {
  std::vector<LabelledPoint> points(14, {0.5, 0.5, "late:25%"});
  for (LabelledPoint& p : points) {  // bars all over the picture
    p.left = p.bottom = 0;
    p.right = p.top = 1;
  }
  struct At {
    double x, y;
  };
  const LabelArea area{300, 300};
  std::vector<At> begins;
  for (const std::string& label : PlaceLabels(points, area)) {
    At at{};
    char side[8];
    ASSERT_EQ(
        std::sscanf(label.c_str(), "at graph %lf,%lf %7s", &at.x, &at.y, side),
        3);
    const double width = 8 * area.letter_width;
    at.x = at.x * area.width - (side[0] == 'r'   ? width
                                : side[0] == 'c' ? width / 2
                                                 : 0);
    at.y *= area.height;
    for (const At& other : begins)
      EXPECT_FALSE(std::abs(at.x - other.x) < width - 1 &&
                   std::abs(at.y - other.y) < area.letter_height - 4)
          << label;
    begins.push_back(at);
  }
}

TEST(Gnuplot, LogTicsAreRound) {
  EXPECT_EQ(LogTics(78, 104), "('80' 80, '90' 90, '100' 100)");
  EXPECT_EQ(LogTics(0.03, 3),
            "('0.05' 0.05, '0.1' 0.1, '0.2' 0.2, '0.5' 0.5, '1' 1, '2' 2)");
  EXPECT_EQ(LogTics(1, 1e4),
            "('1' 1, '10' 10, '100' 100, '1000' 1000, '10000' 10000)");
}

// gnuplot runs what stands in backquotes within "...".
TEST(Gnuplot, RunsNothingThatANameBrings) {
  TemporaryFolder folder;
  WriteFile(folder.path() / "a.gp",
            "set terminal dumb\nset title " +
                Quoted("x `touch broken` \n`touch broken`") +
                "\nplot sin(x)\n");
  const ProcessResult result = RunProcess({"gnuplot", "a.gp"}, folder.path());
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "broken"));
}

TEST(Gnuplot, QuotesWhatCouldEndAString) {
  EXPECT_EQ(Quoted("a'b\"c\\d\ne"), "'a''b\"c\\d e'");
}

}  // namespace
}  // namespace plastometer
