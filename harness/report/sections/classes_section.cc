// Figure 3: which words are learned.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/page/gnuplot.h"
#include "harness/report/sections/learning_sections.h"
#include "harness/report/sections/sections.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

// The classes of figure 3, prose and code; all others are in the table.
constexpr const char* kShown[] = {"function",        "seen content",
                                  "new content",     "keyword",
                                  "seen identifier", "new identifier"};
constexpr char kAxis[] = "applied step, times the usual";

stats::Interval Exp(const stats::Interval& i) {
  return {std::exp(i.estimate), std::exp(i.low), std::exp(i.high)};
}

// Conditions of one kind, in order: "all", "loss ...", "rank ...".
std::vector<std::string> Conditions(const Learning& learning,
                                    const std::string& kind) {
  std::vector<std::string> names;
  for (const ClassMean& c : learning.classes)
    if (c.condition.starts_with(kind) &&
        std::ranges::find(names, c.condition) == names.end())
      names.push_back(c.condition);
  return names;
}

std::string ClassCsv(const Learning& learning,
                     const std::vector<std::string>& conditions) {
  std::string csv = "place,condition,class,tokens,step,step_low,step_high\n";
  for (size_t k = 0; k < conditions.size(); ++k) {
    for (const ClassMean& c : learning.classes) {
      const auto* shown = std::ranges::find(kShown, c.word_class);
      if (c.condition != conditions[k] || shown == std::end(kShown)) continue;
      const double offset =
          0.1 * (static_cast<double>(shown - std::begin(kShown)) - 2.5);
      const stats::Interval step = Exp(c.log_step);
      csv += CsvNumber(static_cast<double>(k) + offset) + "," +
             CsvCell(c.condition) + "," + c.word_class + "," +
             std::to_string(c.tokens) + "," + CsvNumber(step.estimate) + "," +
             CsvNumber(step.low) + "," + CsvNumber(step.high) + "\n";
    }
  }
  return csv;
}

Figure ClassFigure(const ReportRun& run, const std::string& name,
                   const std::string& kind, const std::string& title,
                   const std::string& caption) {
  const Learning& learning = *run.learning;
  const std::vector<std::string> conditions = Conditions(learning, kind);
  Figure figure;
  figure.id = "words-" + name + run.suffix;
  figure.title = title;
  figure.alt =
      "Applied step relative to what is usual at its position, for "
      "word classes, " +
      title + ".";
  figure.caption = caption;
  const std::string file = figure.id + ".csv";
  figure.data[file] = ClassCsv(learning, conditions);
  std::string tics;
  for (size_t k = 0; k < conditions.size(); ++k) {
    std::string label = conditions[k];
    if (label.starts_with(kind + " ")) label.erase(0, kind.size() + 1);
    if (label.ends_with(" nats")) label.erase(label.size() - 5);
    tics += (k == 0 ? "" : ", ") + Quoted(label) + " " + std::to_string(k);
  }
  figure.plot = "set ylabel " + Quoted(kAxis) + "\nset xrange [-0.6:" +
                std::to_string(static_cast<int64_t>(conditions.size()) - 1) +
                ".6]\nset xtics (" + tics +
                ")\nset key above samplen 2\nset arrow from graph 0, "
                "first 1 to graph 1, first 1 nohead lc rgb '#7a7a7a'\n";
  if (kind != "all")
    figure.plot += "set xlabel " +
                   Quoted(kind == "loss" ? "loss of the token, nats"
                                         : "frequency rank of the token") +
                   "\n";
  std::vector<std::string> parts;
  for (size_t s = 0; s < std::size(kShown); ++s) {
    if (figure.data[file].find("," + std::string(kShown[s]) + ",") ==
        std::string::npos)
      continue;
    const std::string row = "'" + file + "' skip 1 using 1:(strcol(3) eq '" +
                            kShown[s] + "' ? $5 : NaN)",
                      color = " lc rgb '" + SeriesColor(s) + "'";
    parts.push_back(row + ":6:7 with yerrorbars pt -1 lw 1.5" + color +
                    " notitle");
    parts.push_back(row + " with points ps 0.8 pt " + std::to_string(4 + s) +
                    color + " title " + Quoted(kShown[s]));
  }
  if (parts.empty()) {
    figure.plot = EmptyPlot();
  } else {
    figure.plot += PlotCommand(parts);
  }
  return figure;
}

Table ContrastTable(const ReportRun& run) {
  Table table{
      "words" + run.suffix,
      "How much more strongly one class of words is learned than another: "
      "factor of the applied step, paired by work",
      {{"classes", {"classes"}, true},
       {"plain", WithBounds("plain")},
       {"at equal loss", WithBounds("equal_loss")},
       {"at equal frequency", WithBounds("equal_frequency")}},
      {},
      {"1: as strongly. Function words are frequent and easy: only what "
       "remains at equal loss and at equal frequency belongs to the class. "
       "Frequency is counted in the run's own text. A word's class stands at "
       "its first piece. Classes of prose assume English."}};
  for (const ClassContrast& c : run.learning->contrasts)
    table.rows.push_back({TextCell(c.a + " / " + c.b),
                          IntervalCell(ToMeasured(Exp(c.plain)), 3),
                          IntervalCell(ToMeasured(Exp(c.equal_loss)), 3),
                          IntervalCell(ToMeasured(Exp(c.equal_frequency)), 3)});
  return table;
}

Table ClassTable(const ReportRun& run) {
  Table table{"word-classes" + run.suffix,
              "Applied step of every class of tokens, times the usual at its "
              "position",
              {{"tokens taken", {"condition"}, true},
               {"class", {"class"}, true},
               {"tokens", {"tokens"}},
               {"step", WithBounds("step")}},
              {},
              {}};
  for (const ClassMean& c : run.learning->classes)
    if (c.condition == "all")
      table.rows.push_back({TextCell(c.condition), TextCell(c.word_class),
                            CountCell(c.tokens),
                            IntervalCell(ToMeasured(Exp(c.log_step)), 3)});
  return table;
}

}  // namespace

void AddClasses(const ReportRun& run, Page& page) {
  page.Add(
      Heading{2, "Which words are learned (figure 3)", "words" + run.suffix});
  const std::string bars =
      " Geometric mean over tokens and layers, 1 is usual at that position; "
      "bars: 95 % over works.";
  page.Add(ClassFigure(run, "all", "all", "All tokens",
                       "Function words, content words that the window has held "
                       "before, and new ones; for code keywords and "
                       "identifiers." +
                           bars));
  page.Add(ClassFigure(run, "loss", "loss", "At equal loss",
                       "The same among tokens of similar surprise." + bars));
  page.Add(ClassFigure(run, "frequency", "rank", "At equal frequency",
                       "The same among tokens of similar frequency in the "
                       "run's text." +
                           bars));
  page.Add(ContrastTable(run));
  page.Add(ClassTable(run));
}

}  // namespace plastometer
