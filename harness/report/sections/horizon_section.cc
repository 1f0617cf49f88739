// How far back what was learned is of use.
#include <algorithm>
#include <utility>

#include "harness/report/sections/curves.h"
#include "harness/report/sections/sections.h"
#include "harness/results/conditions.h"
#include "harness/results/horizon.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

void ToPercent(std::vector<Curve>& curves) {
  for (Curve& curve : curves)
    for (Measured& m : curve.points) {
      if (m.value) *m.value *= 100;
      if (m.low) *m.low *= 100;
      if (m.high) *m.high *= 100;
    }
}

void DrawShares(const std::vector<TokenRange>& ranges,
                std::vector<Curve> curves, const std::string& x_label,
                Figure& figure) {
  ToPercent(curves);
  DrawCurves(ranges, curves, x_label, "share of the gap, %", figure);
  figure.plot = "set yrange [*<0:*]\n" + figure.plot;  // from 0, or below it
}

// Curves that may have different rungs, on all of them.
void Draw(const RunRecord& record,
          const std::vector<std::pair<std::string, HorizonCurve>>& curves,
          Figure& figure) {
  std::vector<TokenRange> ranges;
  for (const auto& [name, curve] : curves)
    for (const HorizonPoint& point : curve.points)
      ranges.push_back({point.reset_every, point.reset_every});
  std::ranges::sort(ranges, {}, &TokenRange::from);
  const auto same = [](TokenRange a, TokenRange b) { return a.from == b.from; };
  ranges.erase(std::unique(ranges.begin(), ranges.end(), same), ranges.end());
  ranges.push_back({record.context_tokens, record.context_tokens});
  std::vector<Curve> drawn;
  for (const auto& [name, curve] : curves) {
    Curve line{name, drawn.size(), std::vector<Measured>(ranges.size())};
    for (const HorizonPoint& point : curve.points)
      for (size_t k = 0; k < ranges.size(); ++k)
        if (ranges[k].from == point.reset_every) line.points[k] = point.share;
    line.points.back() = curve.base_share;  // the whole window: never reset
    drawn.push_back(std::move(line));
  }
  DrawShares(ranges, std::move(drawn), "memory of at most n tokens (log scale)",
             figure);
}

Figure HorizonFigure(const ReportRun& run) {
  const RunRecord& record = run.results.record;
  Figure figure;
  figure.id = "horizon" + run.suffix;
  figure.title = "Memory horizon";
  figure.alt =
      "Share of the gap between frozen and uniform that is left when the fast "
      "weights are reset every n tokens, against n, one line a profile.";
  figure.caption =
      "Share of uniform's gap that is left when the fast weights go back to "
      "their start every n tokens: what a memory of at most n tokens brings. "
      "Rightmost: never reset. Shaded: 95 % by work.";
  std::vector<std::pair<std::string, HorizonCurve>> curves;
  for (HorizonCurve& curve : HorizonCurves(record, AllWindows(record)))
    curves.emplace_back(record.profiles[curve.base].name, std::move(curve));
  Draw(record, curves, figure);
  return figure;
}

Figure DomainFigure(const ReportRun& run) {
  const RunRecord& record = run.results.record;
  Figure figure;
  figure.id = "horizon-domains" + run.suffix;
  figure.title = "Memory horizon by domain";
  figure.alt = "The same for uniform, one line a domain.";
  figure.caption =
      "The same for `uniform`, of each domain. A domain of too few works has "
      "no band.";
  std::vector<std::pair<std::string, HorizonCurve>> curves;
  for (const SliceResult& domain : run.results.domains)
    for (HorizonCurve& curve :
         HorizonCurves(record, WindowsOf(record, domain.name)))
      if (curve.base == record.uniform_idx)
        curves.emplace_back(domain.name, std::move(curve));
  Draw(record, curves, figure);
  return figure;
}

std::optional<ConditionChange> OtherDocument(const Results& results) {
  if (!OwnDocument(results)) return std::nullopt;
  for (ConditionChange& condition : ChangesByPlace(results.record))
    if (condition.name == kOtherDocument) return std::move(condition);
  return std::nullopt;
}

Figure ProbeFigure(const ReportRun& run, const ConditionChange& other) {
  const RunRecord& record = run.results.record;
  Figure figure;
  figure.id = "horizon-context" + run.suffix;
  figure.title = "Memory horizon by a context probe";
  figure.alt =
      "Share of the gap between frozen and uniform that is left after another "
      "document, against the tokens of the own one read since, one line a "
      "profile.";
  figure.caption =
      "The text was read after another document of its kind instead of after "
      "its own beginning. Gain over frozen n tokens into it, as a share of "
      "uniform's gain there after its own beginning: what the last n tokens "
      "bring together with what another document leaves behind. What is "
      "missing to 100 % is memory of the document further back than n tokens. "
      "Shaded: 95 % by work.";
  std::vector<TokenRange> ranges;
  for (const PlaceChange& place : other.places)
    ranges.push_back({place.from, place.to});
  std::vector<Curve> curves;
  for (const size_t p : Candidates(record)) {
    if (p == record.frozen_idx) continue;
    curves.push_back({record.profiles[p].name, p, {}});
    for (const PlaceChange& place : other.places)
      curves.back().points.push_back(place.share[p]);
  }
  DrawShares(ranges, std::move(curves),
             "tokens of its own document since (log scale)", figure);
  return figure;
}

Table HorizonTable(const ReportRun& run) {
  const RunRecord& record = run.results.record;
  Table table{"horizon" + run.suffix,
              "What a memory of at most n tokens brings",
              {{"profile", {"profile"}, true},
               {"reset every", {"reset_every_tokens"}},
               {"text", {"slice"}, true},
               {"share of uniform's gap, %", WithBounds("share")},
               {"nats lost by resets", WithBounds("nats_lost")}},
              {},
              {}};
  const auto add = [&](const std::string& slice) {
    for (const HorizonCurve& curve :
         HorizonCurves(record, WindowsOf(record, slice))) {
      const std::string& name = record.profiles[curve.base].name;
      for (const HorizonPoint& point : curve.points)
        table.rows.push_back(
            {TextCell(name), CountCell(point.reset_every), TextCell(slice),
             IntervalCell(point.share, 1, 100), IntervalCell(point.lost, 4)});
      table.rows.push_back({TextCell(name), TableCell{"never", {""}},
                            TextCell(slice),
                            IntervalCell(curve.base_share, 1, 100),
                            IntervalCell(Measured{0.0, {}, {}, ""}, 4)});
    }
  };
  add("all");
  if (run.results.domains.size() > 1)
    for (const SliceResult& domain : run.results.domains) add(domain.name);
  return table;
}

}  // namespace

std::string HorizonSentence(const ReportRun& run,
                            const std::vector<ReportRun>& runs) {
  const auto split = SplitOfGain(run.results);
  std::optional<Measured> own;
  for (const ReportRun& other : runs)
    if (!own &&
        other.results.record.model_sha256 == run.results.record.model_sha256)
      own = OwnDocument(other.results);
  const std::string document =
      own ? " Its own instead of another document of its kind is worth " +
                WithInterval(*own, 3) +
                " nats (context probe): adaptation to the document."
          : " What its own instead of another document is worth is not asked "
            "here: " +
                SuiteFor(run, "context", "windows of a context probe") + ".";
  if (!split)
    return "How much of that is mixing of the last tokens and how much memory "
           "of the document so far is not asked here: " +
           SuiteFor(run, "horizon", "ladders of `reset-every`") + "." +
           document;
  return "Of that, a memory of at most " + std::to_string(split->border) +
         " tokens brings " + WithInterval(split->short_range, 3) +
         " nats (mixing of the last tokens, and memory no longer than that), a "
         "longer one within the window " +
         WithInterval(split->within, 3) + "." + document;
}

void AddHorizon(const ReportRun& run, Page& page) {
  const RunRecord& record = run.results.record;
  const bool ladder = !HorizonCurves(record, AllWindows(record)).empty();
  const std::optional<ConditionChange> other = OtherDocument(run.results);
  if (!ladder && !other) return;
  page.Add(Heading{2, "Memory horizon", "horizon-section" + run.suffix});
  const Measured gap = GapOf(run, "all", record.frozen_idx);
  if (!GapReason(gap).empty()) {
    page.Add(Paragraph{NoGapSentence(gap, "frozen")});
    return;
  }
  if (other) page.Add(ProbeFigure(run, *other));
  if (!ladder) return;
  page.Add(HorizonFigure(run));
  if (run.results.domains.size() > 1) page.Add(DomainFigure(run));
  page.Add(HorizonTable(run));
}

}  // namespace plastometer
