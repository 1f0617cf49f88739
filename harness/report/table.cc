#include "harness/report/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <utility>
#include <vector>

#include "harness/report/format.h"
#include "harness/report/sections/continual.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

constexpr int64_t kMaxName = 14, kMaxLayers = 9;

// Row labels; what does not fit a column is spelled out below the table.
struct Label {
  std::string name, layers;
};

struct Labels {
  std::vector<Label> rows;
  std::vector<std::string> legend;
};

Labels MakeLabels(const SliceResult& slice) {
  Labels labels;
  for (const CaseResult& row : slice.cases) {
    std::string name = row.profile;
    for (const std::string& same : row.same_as) name += " = " + same;
    const bool short_enough = DisplayWidth(name) <= kMaxName &&
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
  return labels;
}

std::string Interval(const Measured& m, int decimals, double scale) {
  if (!m.low || !m.high) return " [n/a]";
  return " [" + Fixed(scale * *m.low, decimals) + ", " +
         Fixed(scale * *m.high, decimals) + "]";
}

std::string NatsCell(const Measured& m, int decimals) {
  return m.value ? Fixed(*m.value, decimals) + Interval(m, decimals, 1)
                 : "not available";
}

std::string RetentionCell(const CaseResult& row) {
  if (!row.retention.value) return "not available";
  const bool by_definition = !row.retention.low && row.retention.reason.empty();
  return Fixed(100 * *row.retention.value, 1) + "%" +
         (by_definition ? "" : Interval(row.retention, 1, 100));
}

std::string TimeCell(const Measured& ms) {
  if (!ms.value) return "n/a";
  const int decimals = *ms.value < 100 ? 1 : 0;
  return Fixed(*ms.value, decimals) +
         (ms.low ? "±" + Fixed((*ms.high - *ms.low) / 2, decimals) : "");
}

std::string ParetoCell(const CaseResult& row) {
  const auto mark = row.pareto.find("flops");
  if (mark == row.pareto.end() || !mark->second) return "?";
  return *mark->second ? "*" : "";
}

template <typename F>
std::vector<std::string> ForEach(const SliceResult& slice, F f) {
  std::vector<std::string> cells;
  for (size_t p = 0; p < slice.cases.size(); ++p)
    cells.push_back(f(slice.cases[p], p));
  return cells;
}

Cells LabelCells(const Labels& labels, bool with_layers) {
  Cells cells;
  std::vector<std::string> names, layers;
  for (const Label& label : labels.rows) {
    names.push_back(label.name);
    layers.push_back(label.layers);
  }
  Append(cells, {{"profile"}, true}, names);
  if (with_layers) Append(cells, {{"plastic", "layers"}, true}, layers);
  return cells;
}

Cells Levels(const SliceResult& slice) {
  Cells cells;
  Append(cells, {{"perplex-", "ity"}},
         ForEach(slice, [](const CaseResult& c, size_t) {
           return Perplexity(c.perplexity);
         }));
  if (slice.floor_nats) {
    Append(cells, {{"nats above", "floor [95 %]"}, true},
           ForEach(slice, [](const CaseResult& c, size_t) {
             return NatsCell(c.above_floor, 4);
           }));
  } else {
    Append(cells, {{"bits/", "byte"}},
           ForEach(slice, [](const CaseResult& c, size_t) {
             return c.bits_per_byte ? Fixed(*c.bits_per_byte, 3) : "n/a";
           }));
  }
  if (slice.cases.front().accuracy.value) {
    Append(cells, {{"accuracy", "[95 %]"}, true},
           ForEach(slice, [](const CaseResult& c, size_t) {
             return c.accuracy.value ? Fixed(100 * *c.accuracy.value, 1) + "%" +
                                           Interval(c.accuracy, 1, 100)
                                     : "not available";
           }));
  }
  return cells;
}

Cells Differences(const SliceResult& slice, size_t uniform_idx) {
  Cells cells;
  Append(cells, {{"nats lost against", "uniform [95 %]"}, true},
         ForEach(slice, [&](const CaseResult& c, size_t p) {
           return p == uniform_idx ? "0 (reference)" : NatsCell(c.lost, 3);
         }));
  Append(cells, {{"retention", "[95 %]"}, true},
         ForEach(slice,
                 [](const CaseResult& c, size_t) { return RetentionCell(c); }));
  return cells;
}

Cells Costs(const SliceResult& slice) {
  Cells cells;
  Append(cells, {{"inner", "updates"}},
         ForEach(slice, [](const CaseResult& c, size_t) {
           return Short(static_cast<double>(c.counters.inner_updates));
         }));
  Append(cells, {{"saved"}}, ForEach(slice, [](const CaseResult& c, size_t) {
           return Percent(c.updates_saved);
         }));
  Append(cells, {{"FLOPs/", "token"}},
         ForEach(slice, [](const CaseResult& c, size_t) {
           return Short(c.flops_per_token);
         }));
  Append(cells, {{"saved"}}, ForEach(slice, [](const CaseResult& c, size_t) {
           return Percent(c.flops_saved);
         }));
  if (slice.name == "all") {
    Append(cells, {{"ms/1k", "tokens"}},
           ForEach(slice, [](const CaseResult& c, size_t) {
             return TimeCell(c.ms_per_1k_tokens);
           }));
  }
  Append(cells, {{"adaptive", "state"}},
         ForEach(slice, [](const CaseResult& c, size_t) {
           return Bytes(c.counters.adaptive_state_bytes);
         }));
  Append(cells, {{"P"}}, ForEach(slice, [](const CaseResult& c, size_t) {
           return ParetoCell(c);
         }));
  return cells;
}

std::string SliceTable(const SliceResult& slice, size_t uniform_idx,
                       int width) {
  const Labels labels = MakeLabels(slice);
  std::string text = PackedTables(
      LabelCells(labels, true), LabelCells(labels, false),
      {Levels(slice), Differences(slice, uniform_idx), Costs(slice)}, width);
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
  std::string domains;
  for (const SliceResult& d : results.domains)
    domains += (domains.empty() ? "" : ", ") + d.name;
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
                    ": estimates only, no intervals and no verdict.");
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

// Of a generated task whose answers alone are scored: how far from what is
// asked for they can stand.
std::string AnswersByPlace(const Results& results, int width) {
  const RunRecord& record = results.record;
  const auto partly = [](const WindowRecord& w) { return !w.scored.empty(); };
  if (!results.all.floor_nats || !std::ranges::all_of(record.windows, partly))
    return "";
  const std::vector<size_t> windows = AllWindows(record);
  std::vector<std::string> places, counts;
  std::vector<std::vector<std::string>> losses(record.profiles.size());
  for (const PositionBin& bin : results.positions) {
    const WorkSums works = SumByWork(record, windows, bin.from, bin.to);
    places.push_back(Count(bin.from) + " to " + Count(bin.to - 1));
    counts.push_back(Count(bin.scored_tokens));
    for (size_t p = 0; p < losses.size(); ++p)
      losses[p].push_back(NatsCell(
          MeanOverWorks(works, p, static_cast<uint64_t>(record.seed)), 3));
  }
  Cells labels;
  Append(labels, {{"place in", "document"}, true}, places);
  Append(labels, {{"answers"}}, counts);
  std::vector<Cells> groups(losses.size());
  for (size_t p = 0; p < losses.size(); ++p)
    Append(groups[p], {{record.profiles[p].name, "[95 %]"}, true}, losses[p]);
  return Wrap("loss of the answers by their place, nats:", width) +
         PackedTables(labels, labels, groups, width) + "\n";
}

std::string Explanation(int width) {
  const char* lines[] = {
      "plastic layers: layers whose inner model learns while reading. "
      "bits/byte: comparable between tokenizers.",
      "nats lost: loss per token above uniform (all layers learn). retention: "
      "share of the gap frozen - uniform that "
      "is kept.",
      "[95 %]: intervals over independent works (books, packages), never over "
      "windows of one work.",
      "inner updates: gradient steps applied, all windows. FLOPs/token: "
      "algorithmic, exact. saved: against uniform.",
      "ms/1k tokens: median over batches, ± half the interquartile range. "
      "adaptive state: per sequence.",
      "P: * no other profile is better (by a paired interval) at no higher "
      "FLOPs; other costs in results.json."};
  std::string text;
  for (const char* line : lines) text += Wrap(line, width);
  return text;
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
  if (results.record.accuracy)
    text += Wrap(
        "accuracy: share of the scored tokens whose probability was above all "
        "others'.",
        width);
  for (const std::string& note : results.record.notes)
    text += Wrap("note: " + note, width);
  return text;
}

}  // namespace

std::string RunTable(const Results& results, const TableOptions& options) {
  const int width = std::max(options.width, 40);
  const size_t uniform_idx = results.record.uniform_idx;
  std::string text = Heading(results, width) + "\n" +
                     SliceTable(results.all, uniform_idx, width) + "\n";
  if (options.per_domain) {
    for (const SliceResult& domain : results.domains) {
      text += Wrap(domain.name + ": " + Size(domain), width) +
              SliceTable(domain, uniform_idx, width);
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
