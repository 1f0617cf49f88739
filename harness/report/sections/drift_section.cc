// How far the model moves on other text, and what that buys.
#include <utility>

#include "harness/report/format.h"
#include "harness/report/sections/curves.h"
#include "harness/report/sections/sections.h"
#include "harness/results/drift_gain.h"

namespace plastometer {
namespace {

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

// Nat for nat: of the profiles that both the probe and the run have.
Table PerNatTable(const ReportRun& run) {
  Table table{"drift-per-nat" + run.suffix,
              "Drift for each nat per token gained over frozen",
              {{"profile", {"profile"}, true},
               {"works", {"works"}},
               {"KL per nat gained", WithBounds("kl_per_nat")}},
              {},
              {"KL on other text after the last position over L(frozen) - "
               "L(profile) of the run, on the works that both have."}};
  const DriftGain gain(*run.drift, run.results.record, "all");
  for (const DriftProfile& profile : run.drift->profiles)
    if (FindProfile(run.results.record, profile.name) &&
        profile.name !=
            run.results.record.profiles[run.results.record.frozen_idx].name)
      table.rows.push_back({TextCell(profile.name), CountCell(gain.num_works()),
                            IntervalCell(gain.PerNat({profile.name}), 2)});
  return table;
}

}  // namespace

void AddDrift(const ReportRun& run, Page& page) {
  if (!run.drift) return;
  const auto rows = SummariseDrift(*run.drift);
  page.Add(Heading{2, "Drift", "drift-section" + run.suffix});
  for (const DriftPanel& panel : kPanels)
    page.Add(DriftFigure(run, rows, panel));
  page.Add(DriftTable(run, rows));
  if (Table table = PerNatTable(run); !table.rows.empty())
    page.Add(std::move(table));
}

}  // namespace plastometer
