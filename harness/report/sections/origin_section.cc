// What the gain of learning is made of: controls, contexts, and arms.
#include <algorithm>
#include <string>
#include <vector>

#include "harness/report/arms_report.h"
#include "harness/report/format.h"
#include "harness/report/sections/sections.h"
#include "harness/results/arms.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

// A difference of two profiles' losses that has a meaning of its own.
struct Step {
  std::string a, b, meaning;
};

std::vector<Step> StepsOf(const ReportRun& run) {
  std::vector<Step> steps = {
      {"frozen", "uniform",
       "what learning while reading brings (below 0: it hurts)"},
      {"frozen", "frozen;start=mean",
       "what a constant average state brings; it mixes nothing, so it is no "
       "part of the gain's split"},
      {"uniform;eta=flip", "uniform", "the direction of the step"},
      {"uniform;eta=shuffle", "uniform", "which token learns how much"}};
  for (const ProfileRecord& p : run.results.record.profiles)
    if (p.controls.starts_with(";reset-every=") &&
        p.name.starts_with("uniform;reset-every="))
      steps.push_back({p.name, "uniform",
                       "what was learned more than that many tokens ago, or "
                       "before a reset"});
    else if (p.name.starts_with("uniform;reset="))
      steps.push_back({p.name, "uniform", "what was learned before the reset"});
  return steps;
}

// Of the gap between frozen and uniform, where one end of the step is an end of
// the gap.
Measured ShareOf(const WorkSums& works, size_t a, size_t b,
                 const RunRecord& record) {
  const auto seed = static_cast<uint64_t>(record.seed);
  if (a == record.frozen_idx)
    return Retention(works, b, record.uniform_idx, a, seed);
  if (b != record.uniform_idx) return {};
  const Measured kept = Retention(works, a, b, record.frozen_idx, seed);
  const auto rest = [](std::optional<double> x) {
    return x ? std::optional<double>(1 - *x) : x;
  };
  return {rest(kept.value), rest(kept.high), rest(kept.low), kept.reason};
}

// Rows of one slice.
void AddSteps(const ReportRun& run, const std::string& slice, Table& table) {
  const RunRecord& record = run.results.record;
  const WorkSums works = SumByWork(record, WindowsOf(record, slice));
  for (const Step& step : StepsOf(run)) {
    const auto a = FindProfile(record, step.a), b = FindProfile(record, step.b);
    if (!a || !b) continue;
    table.rows.push_back(
        {TextCell(step.a), TextCell(step.b), TextCell(slice),
         IntervalCell(
             LostAgainst(works, *a, *b, static_cast<uint64_t>(record.seed)), 3),
         IntervalCell(ShareOf(works, *a, *b, record), 1, 100),
         TextCell(step.meaning)});
  }
}

}  // namespace

void AddOrigin(const ReportRun& run, Page& page) {
  Table table{"origin" + run.suffix,
              "What the gain is made of: differences of losses, paired by work",
              {{"loss of", {"a"}, true},
               {"minus loss of", {"b"}, true},
               {"text", {"slice"}, true},
               {"nats per token", WithBounds("nats")},
               {"share of frozen - uniform, %", WithBounds("share")},
               {"what it measures", {"meaning"}, true}},
              {},
              {}};
  AddSteps(run, "all", table);
  if (table.rows.size() == 1)
    table.notes.push_back(
        "The split needs controls: `plastometer run --profiles \"uniform "
        "frozen frozen;start=mean uniform;eta=flip uniform;eta=shuffle\"` "
        "measures them, `plastometer run horizon` the ladder of resets.");
  if (run.results.domains.size() > 1)
    for (const SliceResult& domain : run.results.domains)
      AddSteps(run, domain.name, table);
  page.Add(Heading{2, "Where the gain comes from", "origin" + run.suffix});
  page.Add(std::move(table));
}

void AddConditions(const ReportRun& run, Page& page) {
  const Results& results = run.results;
  if (results.conditions.empty()) return;
  Table table{"contexts" + run.suffix,
              "The same text after different contexts",
              {{"context", {"condition"}, true},
               {"profile", {"profile"}, true},
               {"works", {"works"}},
               {"nats per token", WithBounds("nll")},
               {"change", WithBounds("change")},
               {"beyond frozen's change", WithBounds("change_beyond_frozen")}},
              {},
              {"Change: against the first context, same profile, paired by "
               "work. Beyond frozen's: what the learning layers make of the "
               "context, without convolutions and position."}};
  for (const ConditionResult& c : results.conditions)
    for (size_t p = 0; p < c.rows.size(); ++p)
      table.rows.push_back(
          {TextCell(c.name), TextCell(ProfileLabel(results.all.cases[p])),
           CountCell(c.num_works), IntervalCell(c.rows[p].nll, 4),
           IntervalCell(c.rows[p].change, 4),
           IntervalCell(c.rows[p].change_beyond_frozen, 4)});
  page.Add(Heading{2, "Own context, other context", "contexts" + run.suffix});
  page.Add(std::move(table));
}

std::vector<ArmComparison> ArmsOf(const std::vector<ReportRun>& runs) {
  const auto says_how = [](const ReportRun& run) {
    return !run.results.record.training.profile.empty();
  };
  if (std::ranges::count_if(runs, says_how) < 2) return {};
  std::vector<const RunRecord*> records;
  for (const ReportRun& run : runs)
    if (says_how(run)) records.push_back(&run.results.record);
  return CompareArms(records);
}

void AddArms(const std::vector<ArmComparison>& comparisons, Page& page) {
  if (comparisons.empty()) return;
  page.Add(Heading{2, "Arms: frozen after training, or trained so", "arms"});
  for (size_t i = 0; i < comparisons.size(); ++i) {
    const ArmComparison& c = comparisons[i];
    Table table{"arms" + (i == 0 ? "" : "-" + std::to_string(i + 1)),
                c.data_name + ": " + Count(c.num_works) + " works, " +
                    Count(c.scored_tokens) +
                    " scored tokens; intervals cross training seeds with works",
                {{"arm", {"arm"}, true},
                 {"profile", {"profile"}, true},
                 {"training seeds", {"seeds"}},
                 {"nats lost against uniform", WithBounds("nats_lost")},
                 {"retention, %", WithBounds("retention")},
                 {"RQ1 contrast, nats", WithBounds("contrast")},
                 {"95 % kept?", {"verdict"}, true}},
                {},
                c.notes};
    for (const ArmRow& r : c.rows)
      table.rows.push_back(
          {TextCell(r.arm), TextCell(r.profile),
           CountCell(static_cast<int64_t>(r.seeds.size())),
           IntervalCell(r.lost, 4), IntervalCell(r.retention, 1, 100),
           IntervalCell(r.contrast, 4), TextCell(ArmVerdict(r))});
    if (!table.rows.empty()) page.Add(std::move(table));
  }
}

}  // namespace plastometer
