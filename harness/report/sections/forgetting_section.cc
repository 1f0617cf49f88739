// Context probes: how the change by another context fades while the scored text
// is read.
#include <algorithm>

#include "harness/report/sections/curves.h"
#include "harness/report/sections/sections.h"
#include "harness/results/conditions.h"

namespace plastometer {
namespace {

Figure ForgettingFigure(const ReportRun& run, const ConditionChange& condition,
                        const std::string& first) {
  Figure figure;
  std::string name = condition.name;
  std::ranges::replace(name, '+', '-');
  figure.id = "forgetting-" + name + run.suffix;
  figure.title = condition.name + " against " + first;
  figure.alt = "Change of the loss in nats per token after context " +
               condition.name + " instead of " + first +
               ", against the place in the scored text, one line a profile "
               "with its band. Above 0: the text is predicted worse.";
  figure.caption =
      "Loss after `" + condition.name + "` less loss after `" + first +
      "`, same text and profile, paired by work, within octaves of the scored "
      "text. Shaded: pointwise 95 % bands. Scales differ between contexts.";
  std::vector<TokenRange> ranges;
  for (const PlaceChange& place : condition.places)
    ranges.push_back({place.from, place.to});
  std::vector<Curve> curves;
  for (const size_t p : Candidates(run.results.record)) {
    curves.push_back({run.results.record.profiles[p].name, p, {}});
    for (const PlaceChange& place : condition.places)
      curves.back().points.push_back(place.change[p]);
  }
  DrawCurves(ranges, curves, "place in the scored text (log scale)",
             "nats per token against " + first, figure);
  return figure;
}

TableCell RecoveryCell(const Recovery& recovery) {
  if (!recovery.known) return {"not available", {"", "not available"}};
  if (!recovery.tokens) return {"not reached", {"", "not reached"}};
  const TableCell tokens = CountCell(*recovery.tokens);
  return {tokens.text, {tokens.csv[0], "reached"}};
}

Table RecoveryTable(const ReportRun& run,
                    const std::vector<ConditionChange>& conditions) {
  Table table{"recovery" + run.suffix,
              "How soon the effect of another context is gone",
              {{"context", {"condition"}, true},
               {"profile", {"profile"}, true},
               {"change at the first tokens, nats", WithBounds("first_change")},
               {"at the last ones", WithBounds("last_change")},
               {"recovered after, tokens", {"recovery_tokens", "recovery"}}},
              {},
              {"First and last: the first and the last octave of places in the "
               "scored text. Recovered: the place where the first octave "
               "begins from which on, to the end, no 95 % interval of the "
               "change (pointwise, by work) lies above 0. 0: it never does. "
               "Not reached: it does in the last octave. A change too small "
               "for this many works counts as recovered."}};
  for (const ConditionChange& c : conditions)
    for (const size_t p : Candidates(run.results.record))
      table.rows.push_back({TextCell(c.name),
                            TextCell(ProfileLabel(run.results.all.cases[p])),
                            IntervalCell(c.places.front().change[p], 4),
                            IntervalCell(c.places.back().change[p], 4),
                            RecoveryCell(RecoveryOf(c, p))});
  return table;
}

}  // namespace

void AddForgetting(const ReportRun& run, Page& page) {
  const std::vector<ConditionChange> conditions =
      ChangesByPlace(run.results.record);
  if (conditions.empty()) return;
  for (const ConditionChange& c : conditions)
    page.Add(ForgettingFigure(run, c, run.results.conditions.front().name));
  page.Add(RecoveryTable(run, conditions));
}

}  // namespace plastometer
