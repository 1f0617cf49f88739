// Which words lose what under which profile.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/page/gnuplot.h"
#include "harness/report/sections/learning_sections.h"
#include "harness/report/sections/sections.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

// The classes of the figure; the table has all.
constexpr WordClass kShownClasses[] = {
    WordClass::kFunction,       WordClass::kSeenContent,
    WordClass::kNewContent,     WordClass::kKeyword,
    WordClass::kSeenIdentifier, WordClass::kNewIdentifier};

stats::Interval Mean(const ReportRun& run, const ByWork& works) {
  return MeanByWork(works, static_cast<uint64_t>(run.results.record.seed));
}

// Candidates that are compared with uniform.
std::vector<size_t> Compared(const RunRecord& record) {
  std::vector<size_t> profiles = Candidates(record);
  std::erase(profiles, record.uniform_idx);
  return profiles;
}

// One row a class and profile; clusters of bars are classes.
std::string BarsCsv(const ReportRun& run, const std::vector<size_t>& profiles,
                    const std::vector<WordClass>& classes) {
  const RunRecord& record = run.results.record;
  const double step = 0.8 / static_cast<double>(profiles.size());
  std::string csv =
      "profile_idx,place,class,profile,tokens,nats_lost,nats_lost_low,"
      "nats_lost_high\n";
  for (size_t k = 0; k < profiles.size(); ++k) {
    for (size_t c = 0; c < classes.size(); ++c) {
      const ClassGroup group = OneClass(classes[c]);
      const stats::Interval lost = Mean(
          run,
          run.class_losses->Difference(profiles[k], record.uniform_idx, group));
      const double place =
          static_cast<double>(c) - 0.4 + step * (static_cast<double>(k) + 0.5);
      csv += std::to_string(k) + "," + CsvNumber(place) + "," + group.name +
             "," + CsvCell(record.profiles[profiles[k]].name) + "," +
             std::to_string(run.class_losses->Tokens(group)) + "," +
             CsvNumber(lost.estimate) + "," + CsvNumber(lost.low) + "," +
             CsvNumber(lost.high) + "\n";
    }
  }
  return csv;
}

std::string BarsPlot(const ReportRun& run, const Figure& figure,
                     const std::vector<size_t>& profiles,
                     const std::vector<WordClass>& classes) {
  std::vector<std::string> tics, parts;
  for (size_t c = 0; c < classes.size(); ++c)
    tics.push_back(Quoted(WordClassName(classes[c])) + " " + std::to_string(c));
  for (size_t k = 0; k < profiles.size(); ++k)
    AddBars("'" + figure.id + ".csv' skip 1 using ($1 == " + std::to_string(k) +
                " ? $2 : NaN):",
            {6, 7, 8}, profiles[k],
            "title " + Quoted(run.results.record.profiles[profiles[k]].name),
            parts);
  return "set ylabel 'nats per token above uniform'\nset xrange [-0.6:" +
         std::to_string(classes.size() - 1) +
         ".6]\nset yrange [*<0:0<*]\nset xzeroaxis lt -1\nset boxwidth " +
         CsvNumber(0.8 / static_cast<double>(profiles.size())) +
         "\nset xtics (" + Join(tics) +
         ") rotate by 25 right\nset rmargin 2\nset key above maxcols 2 samplen "
         "1\n" +
         PlotCommand(parts);
}

// Those that the run's text has; a generated task's symbols have none.
std::vector<WordClass> ShownClasses(const ReportRun& run) {
  std::vector<WordClass> classes;
  for (const WordClass c : kShownClasses)
    if (run.class_losses->Tokens(OneClass(c)) > 0) classes.push_back(c);
  return classes;
}

Figure LossFigure(const ReportRun& run) {
  const std::vector<size_t> profiles = Compared(run.results.record);
  const std::vector<WordClass> classes = ShownClasses(run);
  Figure figure;
  figure.id = "class-losses" + run.suffix;
  figure.title = "Loss against uniform by word class";
  figure.alt =
      "Loss in nats per token minus uniform's, bars from 0 for word classes, "
      "one a profile.";
  figure.caption =
      "Mean loss of the tokens of a class under a profile minus that under "
      "uniform, paired by work; whiskers: 95 % over works, from 12 on. Classes "
      "differ in "
      "how hard they are: the table of contrasts compares them at equal loss.";
  std::vector<std::string> names;
  for (const size_t p : profiles)
    names.push_back(run.results.record.profiles[p].name);
  figure.height += LegendHeight(names);
  figure.data[figure.id + ".csv"] = BarsCsv(run, profiles, classes);
  figure.plot = BarsPlot(run, figure, profiles, classes);
  return figure;
}

Table LossTable(const ReportRun& run) {
  const RunRecord& record = run.results.record;
  const std::vector<size_t> profiles = Compared(record);
  Table table{"class-losses" + run.suffix,
              "Loss by word class, nats per token: under uniform, and what is "
              "lost against it under each profile",
              {{"class", {"class"}, true},
               {"tokens", {"tokens"}},
               {"uniform", WithBounds("nats.uniform")}},
              {},
              {"A word's class stands at its first piece. Intervals: 95 % over "
               "works; differences are paired by work."}};
  for (const size_t p : profiles)
    table.columns.push_back({record.profiles[p].name + " - uniform",
                             WithBounds("lost." + record.profiles[p].name)});
  for (int c = 0; c < kNumWordClasses; ++c) {
    const ClassGroup group = OneClass(static_cast<WordClass>(c));
    const int64_t tokens = run.class_losses->Tokens(group);
    if (tokens == 0) continue;
    table.rows.push_back(
        {TextCell(group.name), CountCell(tokens),
         IntervalCell(ToMeasured(Mean(run, run.class_losses->Loss(
                                               record.uniform_idx, group))),
                      3)});
    for (const size_t p : profiles)
      table.rows.back().push_back(IntervalCell(
          ToMeasured(Mean(
              run, run.class_losses->Difference(p, record.uniform_idx, group))),
          3));
  }
  return table;
}

// Each candidate against uniform, and retina against cortex.
std::vector<std::pair<size_t, size_t>> Pairs(const RunRecord& record) {
  std::vector<std::pair<size_t, size_t>> pairs;
  const auto retina = FindProfile(record, "retina"),
             cortex = FindProfile(record, "cortex");
  if (retina && cortex) pairs.emplace_back(*retina, *cortex);
  for (const size_t p : Compared(record))
    pairs.emplace_back(p, record.uniform_idx);
  return pairs;
}

Table ClassContrasts(const ReportRun& run) {
  const RunRecord& record = run.results.record;
  const ClassLosses& losses = *run.class_losses;
  Table table{"class-loss-contrasts" + run.suffix,
              "What one group of words loses more than another: difference in "
              "loss between two profiles, of the first group less that of the "
              "second, nats per token, by work",
              {{"words", {"words"}, true},
               {"profiles", {"profiles"}, true},
               {"tokens", {"tokens_first", "tokens_second"}},
               {"plain", WithBounds("plain")},
               {"at equal loss", WithBounds("equal_loss")}},
              {},
              {"Above 0: under the first profile the first group loses more, "
               "against the second profile, than the second group does. At "
               "equal loss: only among tokens whose loss under uniform is in "
               "the same bin (edges 0, 0.5, 1, 2, 3, 4, 5, 6, 8 nats), "
               "weighted by the smaller number of tokens of a work: function "
               "words are easier, and only what remains there belongs to the "
               "class. The bins are of uniform's own loss, so rows against "
               "uniform hold tokens that it happened to predict well in the "
               "low bins; a difference of two other profiles does not."}};
  for (const auto& [a, b] : {std::pair{FunctionWords(), ContentWords()},
                             {Keywords(), Identifiers()}}) {
    const int64_t of_a = losses.Tokens(a), of_b = losses.Tokens(b);
    if (of_a == 0 || of_b == 0) continue;
    for (const auto& [p, q] : Pairs(record))
      table.rows.push_back(
          {TextCell(a.name + " - " + b.name),
           TextCell(record.profiles[p].name + " - " + record.profiles[q].name),
           {Count(of_a) + " / " + Count(of_b),
            {std::to_string(of_a), std::to_string(of_b)}},
           IntervalCell(ToMeasured(Mean(run, losses.Contrast(p, q, a, b))), 3),
           IntervalCell(
               ToMeasured(Mean(run, losses.ContrastAtEqualLoss(p, q, a, b))),
               3)});
  }
  return table;
}

}  // namespace

void AddClassLosses(const ReportRun& run, Page& page) {
  if (ShownClasses(run).empty() || Compared(run.results.record).empty()) return;
  page.Add(Heading{2, "Which words lose what under which profile",
                   "class-losses" + run.suffix});
  page.Add(LossFigure(run));
  page.Add(LossTable(run));
  page.Add(ClassContrasts(run));
}

}  // namespace plastometer
