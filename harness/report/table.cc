#include "harness/report/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "base/text.h"
#include "harness/report/columns.h"
#include "harness/report/format.h"
#include "harness/report/measured.h"
#include "harness/report/sections/continual.h"

namespace plastometer {
namespace {

constexpr int64_t kMaxName = 14, kMaxOptions = 24, kMaxLayers = 9;

// Row labels; what does not fit a column is spelled out below the table.
struct Label {
  std::string name, layers;
};

struct Labels {
  std::vector<Label> rows;
  std::vector<std::string> legend;
};

constexpr char kUniformWith[] = "uniform;";

// "every=4" of uniform;every=4, where the whole name is too long and the rest
// is not. Empty: it does not apply.
std::string OptionsAlone(const std::string& name) {
  if (!name.starts_with(kUniformWith) || DisplayWidth(name) <= kMaxName)
    return "";
  std::string options = name.substr(sizeof(kUniformWith) - 1);
  return DisplayWidth(options) <= kMaxOptions ? options : "";
}

Labels MakeLabels(const SliceResult& slice) {
  Labels labels;
  std::vector<std::string> shortened;
  for (const CaseResult& row : slice.cases) {
    std::string name = row.profile;
    for (const std::string& same : row.same_as) name += " = " + same;
    const std::string options = OptionsAlone(name);
    const bool alone = !options.empty();
    if (alone) {
      shortened.push_back(name);
      name = options;
    }
    const bool short_enough = (alone || DisplayWidth(name) <= kMaxName) &&
                              DisplayWidth(row.plastic_layers) <= kMaxLayers;
    Label label{name, row.plastic_layers};
    if (!short_enough) {
      const std::string mark =
          "[" + std::to_string(labels.legend.size() + 1) + "]";
      labels.legend.push_back(
          mark + " " + name + ": plastic layers " + row.plastic_layers +
          (row.same_as.empty()
               ? ""
               : " (the same multipliers under several names: one row)"));
      label.name = DisplayWidth(row.profile) + 4 <= kMaxName
                       ? row.profile + " " + mark
                       : mark;
      if (DisplayWidth(row.plastic_layers) > kMaxLayers) label.layers = mark;
    }
    if (!row.asked) label.name = "(" + label.name + ")";
    labels.rows.push_back(std::move(label));
  }
  if (!shortened.empty())
    labels.legend.push_back("options alone are of uniform: " + Join(shortened));
  return labels;
}

// Nats, of what is no column.
std::string NatsCell(const Measured& m, int decimals) {
  const std::string text = MeasuredCell(m, decimals);
  return m.value && m.range() == Range::kNone ? text + " [n/a]" : text;
}

Column TitleOf(const ResultColumn& column) {
  std::istringstream lines(column.heading);
  Column title{{}, column.range == Range::kInterval95};
  for (std::string line; std::getline(lines, line);)
    title.title.push_back(line);
  return title;
}

Cells LabelCells(const Labels& labels, bool with_layers) {
  Cells cells;
  std::vector<std::string> names, layers;
  for (const Label& label : labels.rows) {
    names.push_back(label.name);
    layers.push_back(label.layers);
  }
  Column profile = TitleOf(ColumnOf("profile")),
         plastic = TitleOf(ColumnOf("plastic_layers"));
  profile.left = plastic.left = true;
  Append(cells, profile, names);
  if (with_layers) Append(cells, plastic, layers);
  return cells;
}

Cells GroupCells(const Results& results, const SliceResult& slice,
                 TableGroup group) {
  Cells cells;
  for (const ResultColumn& column : ResultColumns()) {
    if (!column.stands_in(kTerminal) || column.group != group ||
        !column.AppliesTo(results, slice, kTerminal))
      continue;
    std::vector<std::string> texts;
    for (const CaseResult& row : slice.cases)
      texts.push_back(TerminalCell(column, {results, slice, row}));
    Append(cells, TitleOf(column), texts);
  }
  return cells;
}

std::string SliceTable(const Results& results, const SliceResult& slice,
                       int width) {
  const Labels labels = MakeLabels(slice);
  std::vector<Cells> groups;
  for (const TableGroup group :
       {TableGroup::kLevels, TableGroup::kDifferences, TableGroup::kCosts})
    groups.push_back(GroupCells(results, slice, group));
  std::string text = PackedTables(LabelCells(labels, true),
                                  LabelCells(labels, false), groups, width);
  for (const std::string& line : labels.legend) text += Wrap(line, width, 4);
  return text;
}

std::string Plural(int64_t n, const std::string& noun) {
  return Count(n) + " " + noun + (n == 1 ? "" : "s");
}

std::string ShortHash(const std::string& sha256) {
  return sha256.empty() ? "no hash" : "sha256 " + sha256.substr(0, 12);
}

std::string Size(const SliceResult& slice) {
  return Plural(slice.num_windows, "window") + " from " +
         Plural(slice.num_works, "work") + ", " +
         Plural(slice.tokens, "token") + " (" + Count(slice.scored_tokens) +
         " scored)";
}

std::string Heading(const Results& results, int width) {
  const RunRecord& r = results.record;
  const std::string domains =
      JoinEach(results.domains, [](const SliceResult& d) { return d.name; });
  return Wrap("model " + r.model_name + " (" + ShortHash(r.model_sha256) +
                  "), tokenizer " + r.tokenizer_name + " (" +
                  ShortHash(r.tokenizer_sha256) + "), lane " + r.lane + ", " +
                  Plural(r.num_threads, "thread"),
              width) +
         Wrap("data " + r.data_name + " (" + ShortHash(r.data_sha256) +
                  "): " + domains + "; " + Size(results.all) +
                  "; windows of at most " + Count(r.context_tokens) +
                  " tokens, each read with a fresh state",
              width);
}

// Missing numbers with their reasons, each once.
std::vector<std::string> Reasons(const SliceResult& slice) {
  std::vector<std::string> lines;
  if (slice.num_works < kMinWorks) {
    lines.push_back(Plural(slice.num_works, "work") + ", fewer than " +
                    std::to_string(kMinWorks) +
                    ": estimates only, no intervals, no P (?) and no verdict.");
  } else if (slice.num_works < kMinWorksForVerdict) {
    lines.push_back(Plural(slice.num_works, "work") + ", fewer than " +
                    std::to_string(kMinWorksForVerdict) +
                    ": intervals, but too few for a verdict.");
  }
  std::set<std::string> seen;
  for (const CaseResult& row : slice.cases) {
    if (!row.retention.value && seen.insert(row.retention.reason).second) {
      lines.push_back("retention not available: " + row.retention.reason + ".");
    }
    if (!std::isfinite(row.nll_nats))
      lines.push_back("profile " + row.profile +
                      " diverged: its loss is not finite.");
  }
  return lines;
}

// One block a condition: what reading something else before changes.
std::string ConditionTables(const Results& results, int width) {
  std::string text;
  for (const ConditionResult& condition : results.conditions) {
    const bool first = &condition == &results.conditions.front();
    Cells cells;
    std::vector<std::string> names, nll, change, beyond;
    for (size_t p = 0; p < condition.rows.size(); ++p) {
      const ConditionResult::Row& row = condition.rows[p];
      names.push_back(results.record.profiles[p].name);
      nll.push_back(row.nll.value ? Fixed(*row.nll.value, 4) : "not finite");
      change.push_back(first ? "0 (reference)" : NatsCell(row.change, 4));
      beyond.push_back(first || p == results.record.frozen_idx
                           ? ""
                           : NatsCell(row.change_beyond_frozen, 4));
    }
    Append(cells, {{"profile"}, true}, names);
    Append(cells, {{"nats/", "token"}}, nll);
    Append(cells, {{"change", "[95 %]"}, true}, change);
    Append(cells, {{"beyond frozen's", "[95 %]"}, true}, beyond);
    text += Wrap("condition " + condition.name + ": " +
                     Plural(condition.num_windows, "window") + " from " +
                     Plural(condition.num_works, "work") + ", " +
                     Count(condition.scored_tokens) + " scored tokens",
                 width) +
            RenderTable(cells.columns, cells.rows, width) + "\n";
  }
  if (!text.empty())
    text += Wrap("change: nats per token against condition " +
                     results.conditions.front().name +
                     ", the same text and profile, paired by work. beyond "
                     "frozen's: less what the same change of context does to "
                     "frozen.",
                 width);
  return text;
}

std::string AnswersByPlace(const Results& results, int width) {
  const auto& profiles = results.record.profiles;
  Cells labels;
  std::vector<std::string> places, counts;
  for (const PositionBin& bin : results.positions) {
    if (bin.answers.empty()) return "";
    places.push_back(Count(bin.from) + " to " + Count(bin.to - 1));
    counts.push_back(Count(bin.scored_tokens));
  }
  Append(labels, {{"place in", "document"}, true}, places);
  Append(labels, {{"answers"}}, counts);
  std::vector<Cells> groups(profiles.size());
  for (size_t p = 0; p < groups.size(); ++p) {
    std::vector<std::string> losses;
    for (const PositionBin& bin : results.positions)
      losses.push_back(NatsCell(bin.answers[p], 3));
    Append(groups[p], {{profiles[p].name, "[95 %]"}, true}, losses);
  }
  return Wrap("loss of the answers by their place, nats:", width) +
         PackedTables(labels, labels, groups, width) + "\n";
}

// Sentences of a column's legend.
std::vector<std::string> LegendOf(const ResultColumn& column) {
  std::istringstream lines(column.legend);
  std::vector<std::string> sentences;
  for (std::string line; std::getline(lines, line);) sentences.push_back(line);
  return sentences;
}

// As many sentences in a line of the usual width as fit.
std::string Explanation(int width) {
  constexpr int64_t kUsualWidth = 120;
  std::string text, line;
  for (const ResultColumn& column : ResultColumns()) {
    if (column.applies == Applies::kWithAccuracy) continue;  // a note
    for (const std::string& sentence : LegendOf(column)) {
      const bool full =
          DisplayWidth(line) + 1 + DisplayWidth(sentence) > kUsualWidth;
      if (full) text += Wrap(line, width);
      line = full || line.empty() ? sentence : line + " " + sentence;
    }
  }
  return text + Wrap(line, width);
}

std::string Notes(const Results& results, int width) {
  std::string text;
  bool added = false;
  for (const CaseResult& row : results.all.cases) added = added || !row.asked;
  if (added)
    text +=
        Wrap("(profile): not asked for; measured because retention needs it.",
             width);
  for (const std::string& line : Reasons(results.all))
    text += Wrap(line, width);
  if (results.all.floor_nats)
    text += Wrap("floor: the exact Bayes loss of the task, " +
                     Fixed(*results.all.floor_nats, 4) +
                     " nats per scored token (docs/synthetic.md); no profile "
                     "went below it further than chance allows.",
                 width);
  if (results.record.accuracy) text += Wrap(ColumnOf("accuracy").legend, width);
  for (const std::string& note : results.record.notes)
    text += Wrap("note: " + note, width);
  return text;
}

}  // namespace

std::string RunTable(const Results& results, const TableOptions& options) {
  const int width = std::max(options.width, 40);
  std::string text = Heading(results, width) + "\n" +
                     SliceTable(results, results.all, width) + "\n";
  if (options.per_domain) {
    for (const SliceResult& domain : results.domains) {
      text += Wrap(domain.name + ": " + Size(domain), width) +
              SliceTable(results, domain, width);
      for (const std::string& line : Reasons(domain)) text += Wrap(line, width);
      text += "\n";
    }
  }
  text += AnswersByPlace(results, width) + ConditionTables(results, width) +
          ContinualText(results, width);
  text += Explanation(width) + Notes(results, width);
  if (!options.run_folder.empty())
    text += Wrap("Run folder: " + options.run_folder +
                     " (windows.csv names every window and its work)",
                 width);
  return text;
}

int TerminalWidth() {
  if (const char* columns = std::getenv("COLUMNS")) {
    const int n = std::atoi(columns);
    if (n > 0) return n;
  }
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 120;
}

}  // namespace plastometer
