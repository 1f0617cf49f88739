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
  for (const ClassMean& c : learning.words.classes)
    if (c.condition.starts_with(kind) &&
        std::ranges::find(names, c.condition) == names.end())
      names.push_back(c.condition);
  return names;
}

std::string ClassCsv(const Learning& learning,
                     const std::vector<std::string>& conditions) {
  std::string csv = "place,condition,class,tokens,step,step_low,step_high\n";
  for (size_t k = 0; k < conditions.size(); ++k) {
    for (const ClassMean& c : learning.words.classes) {
      const auto* shown = std::ranges::find(kShown, c.word_class);
      if (c.condition != conditions[k] || shown == std::end(kShown)) continue;
      const double offset =
          0.13 * (static_cast<double>(shown - std::begin(kShown)) - 2.5);
      const stats::Interval step = Exp(c.log_step);
      csv += CsvNumber(static_cast<double>(k) + offset) + "," +
             CsvCell(c.condition) + "," + c.word_class + "," +
             std::to_string(c.tokens) + "," + CsvNumber(step.estimate) + "," +
             CsvNumber(step.low) + "," + CsvNumber(step.high) + "\n";
    }
  }
  return csv;
}

// Label of a cluster: "all", "2 to 4", "17 to 64".
std::string TicText(std::string condition, const std::string& kind) {
  if (condition.starts_with(kind + " ")) condition.erase(0, kind.size() + 1);
  if (condition.ends_with(" nats")) condition.erase(condition.size() - 5);
  return condition;
}

// Clusters of bars: all tokens, then those of each bin of `kind`.
Figure ClassFigure(const ReportRun& run, const std::string& name,
                   const std::string& kind, const std::string& title,
                   const std::string& x_label) {
  const Learning& learning = *run.learning;
  std::vector<std::string> conditions = Conditions(learning, "all");
  for (const std::string& condition : Conditions(learning, kind))
    conditions.push_back(condition);
  Figure figure;
  figure.id = "words-" + name + run.suffix;
  figure.title = "Applied step " + title;
  figure.alt =
      "Applied step relative to what is usual at its position, bars for word "
      "classes, of all tokens and " +
      title + ".";
  figure.caption =
      "The first cluster: all tokens; the others: only tokens of similar " +
      std::string(kind == "loss" ? "surprise" : "frequency in the run's text") +
      ". Geometric mean over tokens and layers, 1 (line) is usual at that "
      "position; whiskers: 95 % over works, from 12 on.";
  const std::string file = figure.id + ".csv";
  figure.data[file] = ClassCsv(learning, conditions);
  std::string tics;
  for (size_t k = 0; k < conditions.size(); ++k)
    tics += (k == 0 ? "" : ", ") + Quoted(TicText(conditions[k], kind)) + " " +
            std::to_string(k);
  figure.plot = "set xlabel " + Quoted(x_label) + "\nset ylabel " +
                Quoted(kAxis) + "\nset xrange [-0.6:" +
                std::to_string(static_cast<int64_t>(conditions.size()) - 1) +
                ".6]\nset yrange [0:*]\nset boxwidth 0.13\nset xtics (" + tics +
                ") rotate by 25 right\nset key above maxcols 2 samplen 1\nset "
                "arrow from graph 0, "
                "first 1 to graph 1, first 1 nohead front lc rgb '#7a7a7a'\n";
  std::vector<std::string> parts;
  for (size_t s = 0; s < std::size(kShown); ++s) {
    if (figure.data[file].find("," + std::string(kShown[s]) + ",") ==
        std::string::npos)
      continue;
    AddBars("'" + file + "' skip 1 using (strcol(3) eq '" + kShown[s] +
                "' ? $1 : NaN):",
            {5, 6, 7}, s, "title " + Quoted(kShown[s]), parts);
  }
  if (parts.empty()) {
    figure.plot = EmptyPlot();
  } else {
    figure.plot += PlotCommand(parts);
  }
  return figure;
}

// Mean of a norm, one bar a class.
Figure NormFigure(const ReportRun& run, const std::string& name,
                  const std::string& what, const std::string& axis,
                  stats::Interval ClassNorms::*value) {
  Figure figure;
  figure.id = "words-" + name + run.suffix;
  figure.title = what + " by word class";
  figure.alt = what + ", mean over tokens, one bar a word class from 0.";
  figure.caption = what +
                   " of a token over all layers and heads that learn (root of "
                   "the sum of squares), mean over the tokens of the class; "
                   "whiskers: 95 % over works, from 12 on.";
  const std::string file = figure.id + ".csv";
  std::string csv = "place,class,tokens,mean,mean_low,mean_high\n", tics;
  std::vector<std::string> parts;
  int64_t place = 0;
  for (size_t s = 0; s < std::size(kShown); ++s) {
    for (const ClassNorms& c : run.learning->words.norms) {
      const stats::Interval& mean = c.*value;
      if (c.word_class != kShown[s] || !std::isfinite(mean.estimate)) continue;
      csv += std::to_string(place) + "," + c.word_class + "," +
             std::to_string(c.tokens) + "," + CsvNumber(mean.estimate) + "," +
             CsvNumber(mean.low) + "," + CsvNumber(mean.high) + "\n";
      tics += (place == 0 ? "" : ", ") + Quoted(kShown[s]) + " " +
              std::to_string(place);
      const std::string at = std::to_string(place++);
      AddBars("'" + file + "' every ::" + at + "::" + at + " skip 1 using 1:",
              {4, 5, 6}, s, "notitle", parts);
    }
  }
  figure.data[file] = csv;
  if (parts.empty()) {
    figure.plot = EmptyPlot();
    return figure;
  }
  figure.plot = "set ylabel " + Quoted(axis) +
                "\nset xrange [-0.6:" + std::to_string(place - 1) +
                ".6]\nset yrange [0:*]\nset boxwidth 0.6\nset xtics (" + tics +
                ") rotate by 25 right\nunset key\n" + PlotCommand(parts);
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
  for (const ClassContrast& c : run.learning->words.contrasts)
    table.rows.push_back({TextCell(c.a + " / " + c.b),
                          IntervalCell(ToMeasured(Exp(c.plain)), 3),
                          IntervalCell(ToMeasured(Exp(c.equal_loss)), 3),
                          IntervalCell(ToMeasured(Exp(c.equal_frequency)), 3)});
  return table;
}

// What no logarithm holds, if anything.
std::vector<std::string> ZeroNotes(const WordLearning& words) {
  if (words.zero_steps == 0) return {};
  return {
      "Step, times the usual: on a log scale, which holds no step of "
      "exactly 0 (a learned rate that was clipped). Left out of it: " +
      Count(words.zero_steps) + " of " + Count(words.steps) +
      " steps of a token in a layer; " + Count(words.zero_tokens) +
      " tokens have no other. The mean norms hold them as 0."};
}

Table ClassTable(const ReportRun& run) {
  const WordLearning& words = run.learning->words;
  Table table{"word-classes" + run.suffix,
              "How strongly every class of tokens is learned: mean norms over "
              "all layers and heads that learn, and the applied step times the "
              "usual at its position",
              {{"class", {"class"}, true},
               {"tokens", {"tokens"}},
               {"gradient norm", WithBounds("gradient_norm")},
               {"applied step", WithBounds("applied_step")},
               {"step, times the usual", WithBounds("step")}},
              {},
              ZeroNotes(words)};
  for (const ClassNorms& c : words.norms) {
    const auto usual = std::ranges::find_if(words.classes, [&](const auto& m) {
      return m.condition == "all" && m.word_class == c.word_class;
    });
    const stats::Interval step =
        usual == words.classes.end() ? stats::Interval{} : Exp(usual->log_step);
    table.rows.push_back({TextCell(c.word_class), CountCell(c.tokens),
                          IntervalCell(ToMeasured(c.gradient), 3),
                          IntervalCell(ToMeasured(c.step), 4),
                          IntervalCell(ToMeasured(step), 3)});
  }
  return table;
}

}  // namespace

void AddClasses(const ReportRun& run, Page& page) {
  page.Add(
      Heading{2, "Which words are learned (figure 3)", "words" + run.suffix});
  page.Add(Paragraph{
      "Function words, content words that the window has held before, and new "
      "ones; for code keywords and identifiers. Figures and tables under `" +
      run.learning->profile + "`."});
  page.Add(NormFigure(run, "gradient", "Norm of the raw gradient",
                      "mean gradient norm", &ClassNorms::gradient));
  page.Add(NormFigure(run, "step", "Norm of the applied step",
                      "mean applied step", &ClassNorms::step));
  page.Add(ClassFigure(run, "loss", "loss", "at equal loss",
                       "loss of the token, nats"));
  page.Add(ClassFigure(run, "frequency", "rank", "at equal frequency",
                       "frequency rank of the token"));
  page.Add(ClassTable(run));
  page.Add(ContrastTable(run));
}

}  // namespace plastometer
