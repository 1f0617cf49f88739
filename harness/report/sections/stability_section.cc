// RQ2: how far the model moves on other text (a drift probe), and what it
// forgets of its own (a context probe).
#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "harness/report/format.h"
#include "harness/report/sections/curves.h"
#include "harness/report/sections/sections.h"
#include "harness/report/sections/verdicts.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

constexpr char kEarly[] = "early:25%", kLate[] = "late:25%",
               kUniform[] = "uniform", kOwn[] = "own";

// ---- Drift.

std::optional<std::pair<size_t, size_t>> Pair(const DriftRecord& drift,
                                              const char* a, const char* b) {
  const auto first = FindProfile(drift, a), second = FindProfile(drift, b);
  if (!first || !second || first == second) return std::nullopt;
  return std::pair(*first, *second);
}

std::vector<SliceVerdict> JudgeDrift(const DriftRecord& drift,
                                     std::pair<size_t, size_t> profiles) {
  std::set<std::string> domains;
  for (const DriftContext& c : drift.contexts) domains.insert(c.domain);
  return JudgeAll({domains.begin(), domains.end()},
                  static_cast<uint64_t>(drift.seed),
                  [&](const std::string& slice) {
                    return KlDifferences(drift, profiles.first, profiles.second,
                                         drift.positions.size() - 1, slice);
                  });
}

Answer DriftAnswer(const ReportRun& run) {
  Answer answer = OpenAnswer(
      "rq2" + run.suffix,
      "RQ2, stability, drift: with only the first 25 % of the layers "
      "learning, does the model move less on other text?");
  const auto profiles =
      run.drift ? Pair(*run.drift, kEarly, kUniform) : std::nullopt;
  if (!profiles) {
    answer.sentence =
        "It needs the folder of `plastometer drift --model " +
        run.results.record.model_name +
        " --profiles \"uniform early:25% late:25%\"` beside this run's.";
    return answer;
  }
  const DriftRecord& drift = *run.drift;
  const auto verdicts = JudgeDrift(drift, *profiles);
  const Overall overall = OverallOf(verdicts);
  const auto rows = SummariseDrift(drift);
  const DriftRow &early = rows[profiles->first].back(),
                 &uniform = rows[profiles->second].back();
  answer.verdict = VerdictText(overall.verdict);
  answer.sentence =
      "After " + Count(drift.positions.back()) +
      " tokens KL(p_W0 || p_Wt) on other text is " + WithInterval(early.kl, 3) +
      " nats a prediction under `early:25%` and " +
      WithInterval(uniform.kl, 3) + " under `uniform`, paired by work " +
      WithInterval(verdicts[0].contrast, 3) + "; the loss there changes by " +
      WithInterval(early.nll_change, 3) + " and " +
      WithInterval(uniform.nll_change, 3) + " nats.";
  if (const auto depth = Pair(drift, kEarly, kLate)) {
    const auto by_depth = JudgeDrift(drift, *depth);
    answer.sentence +=
        " That fewer layers learn is one thing, which ones another: against "
        "as many late layers the difference is " +
        WithInterval(by_depth[0].contrast, 3) +
        " nats (below 0: early ones "
        "move it less).";
  }
  answer.sentence += Caveat(overall);
  answer.table_id = answer.id;
  answer.would_change =
      "the opposite sign in every domain, or on other probe text: the "
      "intervals resample the works that were read, not the text that was "
      "asked.";
  return answer;
}

struct DriftPanel {
  const char *id, *title, *axis;
  const Measured DriftRow::*value;
};
constexpr DriftPanel kPanels[] = {
    {"drift-kl", "Drift on other text", "KL(p_W0 || p_Wt), nats",
     &DriftRow::kl},
    {"drift-weights", "Drift of the fast weights", "||W_t - W_0|| / ||W_0||",
     &DriftRow::weight_distance}};

Figure DriftFigure(const ReportRun& run,
                   const std::vector<std::vector<DriftRow>>& rows,
                   const DriftPanel& panel) {
  const DriftRecord& drift = *run.drift;
  Figure figure;
  figure.id = panel.id + run.suffix;
  figure.title = panel.title;
  figure.alt = std::string(panel.title) +
               " against the number of tokens read, one line a profile with "
               "its band.";
  figure.caption = "The state is taken after so many tokens of " +
                   drift.data_name + " and frozen. Means over " +
                   Count(static_cast<int64_t>(drift.contexts.size())) +
                   " windows from " + Count(drift.num_works()) +
                   " works; shaded: pointwise 95 % bands.";
  std::vector<TokenRange> ranges;
  std::vector<Curve> curves;
  for (size_t p = 0; p < drift.profiles.size(); ++p)
    curves.push_back({drift.profiles[p].name, p, {}});
  for (size_t n = 0; n < drift.positions.size(); ++n) {
    if (drift.positions[n] == 0) continue;  // W_0 itself
    ranges.push_back({drift.positions[n], drift.positions[n]});
    for (size_t p = 0; p < curves.size(); ++p)
      curves[p].points.push_back(rows[p][n].*panel.value);
  }
  DrawCurves(ranges, curves, "tokens read (log scale)", panel.axis, figure);
  return figure;
}

Table DriftTable(const ReportRun& run,
                 const std::vector<std::vector<DriftRow>>& rows) {
  const DriftRecord& drift = *run.drift;
  Table table{"drift" + run.suffix,
              "How far the model has moved from W_0",
              {{"profile", {"profile"}, true},
               {"tokens read", {"tokens_read"}},
               {"KL, nats", WithBounds("kl")},
               {"JS, nats", WithBounds("js")},
               {"top-1 flips, %", WithBounds("flips")},
               {"change of loss, nats", WithBounds("nll_change")},
               {"weights' distance", WithBounds("weight_distance")},
               {"KL against " + drift.profiles[0].name,
                WithBounds("kl_against_first")}},
              {},
              {"Per prediction of the probe text (" + drift.probe_name + ", " +
               Count(drift.probe_predictions) +
               " predictions), read with the state frozen, against the same "
               "text at W_0. Intervals: works of the context; the probe is "
               "given."}};
  for (size_t p = 0; p < rows.size(); ++p)
    for (size_t n = 0; n < rows[p].size(); ++n) {
      const DriftRow& r = rows[p][n];
      table.rows.push_back(
          {TextCell(drift.profiles[p].name), CountCell(drift.positions[n]),
           IntervalCell(r.kl, 4), IntervalCell(r.js, 4),
           IntervalCell(r.flips, 1, 100), IntervalCell(r.nll_change, 4),
           IntervalCell(r.weight_distance, 3),
           IntervalCell(r.kl_against_first, 4)});
    }
  return table;
}

// ---- Forgetting: the same text after its own beginning, with and without
// something else between.

struct Forgetting {
  std::string condition;
  size_t early, uniform;
};

std::optional<Forgetting> ForgettingOf(const ReportRun& run) {
  const Results& results = run.results;
  const auto early = FindProfile(results.record, kEarly);
  if (results.conditions.empty() || results.conditions[0].name != kOwn ||
      !early || *early == results.record.uniform_idx)
    return std::nullopt;
  std::string condition;
  for (const ConditionResult& c : results.conditions)
    if (c.name == "own+other" ||
        (condition.empty() && c.name.starts_with("own+")))
      condition = c.name;
  if (condition.empty()) return std::nullopt;
  return Forgetting{condition, *early, results.record.uniform_idx};
}

// What `early` forgets less what `uniform` forgets, by work.
std::vector<SliceVerdict> JudgeForgetting(const ReportRun& run,
                                          const Forgetting& f) {
  const RunRecord& record = run.results.record;
  return JudgeAll(run.results, [&](const std::string& slice) {
    const auto under = [&](const std::string& condition) {
      std::vector<size_t> windows = WindowsOf(record, slice);
      std::erase_if(windows, [&](size_t w) {
        return record.windows[w].condition != condition;
      });
      return SumByWork(record, windows);
    };
    const WorkSums after = under(f.condition), own = under(kOwn);
    const std::vector<stats::Term> terms = {{1, Totals(after, f.early)},
                                            {-1, Totals(own, f.early)},
                                            {-1, Totals(after, f.uniform)},
                                            {1, Totals(own, f.uniform)}};
    return stats::Combine(terms);
  });
}

Answer ForgettingAnswer(const ReportRun& run) {
  Answer answer =
      OpenAnswer("rq2-forgetting" + run.suffix,
                 "RQ2, stability, forgetting: with only the first 25 % of the "
                 "layers learning, is less of the document forgotten?");
  const auto f = ForgettingOf(run);
  if (!f) {
    answer.sentence =
        "It needs a context probe with `uniform` and `early:25%`: "
        "`plastometer run context`.";
    return answer;
  }
  const auto verdicts = JudgeForgetting(run, *f);
  const Overall overall = OverallOf(verdicts);
  const ConditionResult* changed = nullptr;
  const ConditionResult* fresh = nullptr;
  for (const ConditionResult& c : run.results.conditions) {
    if (c.name == f->condition) changed = &c;
    if (c.name == "fresh") fresh = &c;
  }
  answer.verdict = VerdictText(overall.verdict);
  answer.sentence = "Something else read in between (`" + f->condition +
                    "`) costs " +
                    WithInterval(changed->rows[f->early].change, 3) +
                    " nats per token under `early:25%` and " +
                    WithInterval(changed->rows[f->uniform].change, 3) +
                    " under `uniform`, paired by work " +
                    WithInterval(verdicts[0].contrast, 3) + ".";
  if (fresh)
    answer.sentence +=
        " Who learns little has little to forget: no context at all costs " +
        WithInterval(fresh->rows[f->early].change, 3) + " and " +
        WithInterval(fresh->rows[f->uniform].change, 3) + ".";
  answer.sentence += Caveat(overall);
  answer.table_id = answer.id;
  answer.would_change =
      "the opposite sign in every domain; how much of the gain from context "
      "is left is in the table of contexts.";
  return answer;
}

}  // namespace

void AddStabilityAnswers(const ReportRun& run, Page& page) {
  page.Add(DriftAnswer(run));
  page.Add(ForgettingAnswer(run));
}

void AddStabilityTables(const ReportRun& run, Page& page) {
  if (run.drift) {
    const std::string after =
        ", after " + Count(run.drift->positions.back()) + " tokens, nats";
    if (const auto profiles = Pair(*run.drift, kEarly, kUniform))
      page.Add(VerdictTable("rq2" + run.suffix,
                            "RQ2, drift: KL(early:25%) - KL(uniform)" + after,
                            JudgeDrift(*run.drift, *profiles)));
    if (const auto profiles = Pair(*run.drift, kEarly, kLate))
      page.Add(VerdictTable("rq2-depth" + run.suffix,
                            "RQ2, depth: KL(early:25%) - KL(late:25%)" + after,
                            JudgeDrift(*run.drift, *profiles)));
  }
  if (const auto f = ForgettingOf(run))
    page.Add(VerdictTable(
        "rq2-forgetting" + run.suffix,
        "RQ2, forgetting: L(" + f->condition +
            ") - L(own) under early:25%, less the same under uniform",
        JudgeForgetting(run, *f)));
}

void AddDrift(const ReportRun& run, Page& page) {
  if (!run.drift) return;
  const auto rows = SummariseDrift(*run.drift);
  page.Add(Heading{2, "Drift", "drift-section" + run.suffix});
  for (const DriftPanel& panel : kPanels)
    page.Add(DriftFigure(run, rows, panel));
  page.Add(DriftTable(run, rows));
}

}  // namespace plastometer
