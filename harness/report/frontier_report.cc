#include "harness/report/frontier_report.h"

#include <vector>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/measured.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

using Texts = std::vector<std::string>;

std::string Title(const FrontierRun& run) { return run.choice.cost.title; }

std::string Percent0(double share) { return Fixed(100 * share, 0) + " %"; }
std::string Percent1(double share) { return Fixed(100 * share, 1) + " %"; }

std::string NatsCell(const Measured& m) { return MeasuredCell(m, 4); }

std::string RetentionCell(const Measured& m) {
  if (!m.value) return "not available";
  std::string text = Fixed(100 * *m.value, 1) + "%";
  if (m.low && m.high)
    text +=
        " [" + Fixed(100 * *m.low, 1) + ", " + Fixed(100 * *m.high, 1) + "]";
  return text;
}

std::string Header(const FrontierRun& run) {
  const FrontierChoice& c = run.choice;
  const bool exhaustive = c.method == SearchMethod::kExhaustive;
  const std::string all =
      c.num_candidates < 0 ? "more than 10^18" : Count(c.num_candidates);
  return "model " + run.record.model_name + " (sha256 " +
         run.record.model_sha256.substr(0, 12) + "), lane " + run.record.lane +
         "; data " + run.record.data_name + ". Front of loss and " +
         Title(run) + ", " +
         (exhaustive ? "all " + all + " candidates"
                     : "greedy with restarts, " + Count(c.num_tried) + " of " +
                           all + " candidates") +
         " tried on " + Count(static_cast<int64_t>(c.num_windows)) +
         " tuning windows of " + Count(static_cast<int64_t>(c.num_works)) +
         " works; " + Count(static_cast<int64_t>(c.front_size)) +
         " on the front" +
         (c.front_size > c.members.size()
              ? ", thinned to " + Count(static_cast<int64_t>(c.members.size()))
              : "") +
         ". Everything below is measured on " +
         Count(static_cast<int64_t>(run.record.windows.size())) +
         " windows of " + Count(NumWorks(run.record)) + " other works.";
}

// Cost and loss of rows, as groups of columns.
std::vector<Cells> Groups(const std::vector<FrontierRow>& rows,
                          const FrontierRun& run) {
  Texts cost, saved, nll, lost, retention;
  for (const FrontierRow& row : rows) {
    cost.push_back(Short(static_cast<double>(row.cost)));
    saved.push_back(Percent(row.saved));
    nll.push_back(MeasuredCell(row.nll, 3));
    lost.push_back(row.profile_idx == run.record.uniform_idx
                       ? "0 (reference)"
                       : NatsCell(row.lost));
    retention.push_back(RetentionCell(row.retention));
  }
  std::vector<Cells> groups(4);
  const bool flops = std::string(run.choice.cost.name) == "flops";
  Append(groups[0], flops ? Column{{"FLOPs"}} : Column{{"inner", "updates"}},
         cost);
  Append(groups[0], {{"saved"}}, saved);
  Append(groups[1], {{"nats/token", "[95 %]"}, true}, nll);
  Append(groups[2], {{"nats lost against", "uniform [95 %]"}, true}, lost);
  Append(groups[3], {{"retention", "[95 %]"}, true}, retention);
  return groups;
}

std::string MembersTable(const FrontierRun& run, const FrontierJudgement& j,
                         int width) {
  Texts names, paces;
  for (const FrontierMember& member : run.choice.members) {
    names.push_back(member.tuning.profile);
    paces.push_back(PaceText(member.pace));
  }
  Cells shorter, longer;
  Append(shorter, {{"member"}, true}, names);
  longer = shorter;
  Append(longer, {{"period of", "each layer"}, true}, paces);
  return PackedTables(longer, shorter, Groups(j.members, run), width);
}

// "retina, early:25%": with the default profiles of the same multipliers.
std::string DefaultName(const FrontierRun& run, const FrontierJudgement& j,
                        size_t default_idx) {
  std::string name = run.choice.defaults[default_idx].profile;
  for (const std::string& other :
       run.record.profiles[j.defaults[default_idx].profile_idx].same_as)
    if (!other.starts_with("front-")) name += ", " + other;
  return name;
}

std::string DefaultsTable(const FrontierRun& run, const FrontierJudgement& j,
                          int width) {
  Texts names, members, differences, verdicts;
  for (const FrontierComparison& c : j.comparisons) {
    names.push_back(DefaultName(run, j, names.size()));
    members.push_back(c.member ? run.choice.members[*c.member].tuning.profile
                               : "none");
    differences.push_back(c.same ? "0 (the same)" : NatsCell(c.difference));
    verdicts.push_back(c.same || !c.member ? "no"
                                           : VerdictText(c.better.verdict));
  }
  Cells labels;
  Append(labels, {{"profile"}, true}, names);
  std::vector<Cells> groups = Groups(j.defaults, run);
  groups.emplace_back();
  Append(groups.back(), {{"member within", "its cost"}, true}, members);
  Append(groups.back(), {{"member's loss less", "the profile's [95 %]"}, true},
         differences);
  Append(groups.back(), {{"better"}, true}, verdicts);
  return PackedTables(labels, labels, groups, width);
}

Texts SlowedAlike(const FrontierJudgement& j, bool better) {
  Texts names;
  for (const FrontierComparison& c : j.comparisons)
    if (c.profile.starts_with("uniform;every=") &&
        (c.better.verdict == stats::Verdict::kYes) == better)
      names.push_back(c.profile);
  return names;
}

std::string AgainstDefaults(const FrontierJudgement& j) {
  std::string text =
      "Better than " + Count(j.num_better) + " of the " +
      Count(static_cast<int64_t>(j.comparisons.size())) +
      " default profiles at no higher cost, on works that it was not chosen "
      "on (" +
      Count(j.num_below) + " by each interval alone, before Holm). ";
  const Texts better = SlowedAlike(j, true), not_better = SlowedAlike(j, false);
  if (better.empty())
    return text +
           "It is not shown to be better than slowing all layers alike (" +
           Join(not_better) +
           "): of this front, no more is shown than that all layers may learn "
           "more seldom.";
  text += "It is better than slowing all layers alike at the cost of " +
          Join(better);
  return text + (not_better.empty() ? "."
                                    : "; not shown to be at that of " +
                                          Join(not_better) + ".");
}

std::string Areas(const FrontierRun& run, const FrontierJudgement& j) {
  return "Area to (uniform's cost, frozen's loss), as nats gained over frozen "
         "within a budget, averaged over budgets from frozen's " +
         Title(run) + " to uniform's: front " + MeasuredCell(j.front_area, 4) +
         ", default profiles " + MeasuredCell(j.default_area, 4) +
         ", difference " + MeasuredCell(j.area_difference, 4) + ".";
}

std::string Against(const FrontierCriterion& c, const std::string& rival) {
  if (c.against.empty()) return "";
  if (c.same) return " It is itself the " + rival + ", " + c.against + ".";
  const bool below = c.difference.high && *c.difference.high < 0;
  return " Its loss less that of the " + rival + ", " + c.against + ": " +
         MeasuredCell(c.difference, 4) + " nats" +
         (below ? "." : ", not shown to be lower.");
}

std::string Contrast(const FrontierRun& run, const FrontierJudgement& j,
                     const FrontierCriterion& c, const std::string& rival) {
  const FrontierRow& row = j.members[*c.member];
  return run.choice.members[*c.member].tuning.profile + " saves " +
         Percent1(row.saved) + "; L - " + Fixed(1 - kKeptShare, 2) +
         " L_frozen - " + Fixed(kKeptShare, 2) +
         " L_uniform = " + MeasuredCell(c.contrast, 4) +
         " nats (below 0: it "
         "keeps at least " +
         Percent0(kKeptShare) + " of the gap)." + Against(c, rival);
}

std::string Why(const FrontierRun& run, const FrontierJudgement& j,
                const FrontierCriterion& c) {
  if (!j.no_gap.empty()) return " (" + j.no_gap + ")";
  const int64_t num_works = NumWorks(run.record);
  if (AnswerText(j, c) != "undecided") return "";
  if (num_works < kMinWorksForVerdict)
    return " (" + Count(num_works) + " works, fewer than " +
           Count(kMinWorksForVerdict) + ")";
  return "";
}

std::string HalfText(const FrontierRun& run, const FrontierJudgement& j) {
  const std::string question =
      "Do " + Percent0(1 - kSavedShare) + " of uniform's " + Title(run) +
      " or fewer keep " + Percent0(kKeptShare) + " of the gap? " +
      AnswerText(j, j.half) + Why(run, j, j.half) + ". ";
  if (!j.no_gap.empty()) return question;
  if (!j.half.member)
    return question + "No member saves " + Percent0(kSavedShare) +
           "; frozen itself saves " + Percent1(j.frozen_saved) + ".";
  return question + "Of the lowest tuning loss among those, " +
         Contrast(run, j, j.half,
                  "best default profile at that cost (to " +
                      Percent0(kCostSlack) + " of uniform's)");
}

std::string FurthestText(const FrontierRun& run, const FrontierJudgement& j) {
  const std::string title =
      "Largest saving that keeps " + Percent0(kKeptShare) +
      " of the gap on tuning works (by its interval there): ";
  if (!j.no_gap.empty()) return title + "not asked (" + j.no_gap + ").";
  if (!j.furthest.member) return title + "none was found.";
  return title +
         Contrast(run, j, j.furthest,
                  "best default profile at no higher cost") +
         " Does that hold here? " + AnswerText(j, j.furthest) +
         Why(run, j, j.furthest) + ".";
}

constexpr char kLegend[] =
    "period: of the layers first to last, a layer learns in every n-th "
    "mini-batch (x: 16, .: never); @: times its rate. Intervals of 95 % are "
    "over independent works. retention: share of the gap frozen - uniform that "
    "is kept. better: "
    "by an interval, and Holm over all verdicts here.";

}  // namespace

std::string AnswerText(const FrontierJudgement& j,
                       const FrontierCriterion& criterion) {
  if (!j.no_gap.empty()) return "not available";
  return criterion.member ? VerdictText(criterion.kept.verdict) : "no";
}

std::string FrontierTable(const FrontierRun& run, int width) {
  const FrontierJudgement j = Judge(run);
  std::string text = Wrap(Header(run), width) + "\n" +
                     MembersTable(run, j, width) + "\n" +
                     DefaultsTable(run, j, width) + "\n";
  for (const std::string& sentence :
       {std::string(kLegend),
        "Gap frozen - uniform: " + MeasuredCell(j.gap_nats, 4) + " nats" +
            (j.no_gap.empty() ? "." : "; " + j.no_gap + "."),
        AgainstDefaults(j), Areas(run, j), HalfText(run, j),
        FurthestText(run, j),
        Count(j.num_verdicts) + " verdicts, read together."})
    text += Wrap(sentence, width);
  for (const std::string& note : run.record.notes)
    text += Wrap("note: " + note, width);
  return text;
}

}  // namespace plastometer
