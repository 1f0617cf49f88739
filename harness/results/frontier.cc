#include "harness/results/frontier.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "harness/results/works.h"
#include "harness/stats/pareto.h"

namespace plastometer {
namespace {

using stats::Verdict;

// What every number of a judgement is made of.
struct Evaluated {
  const FrontierRun& run;
  WorkSums works;
  std::vector<int64_t> costs;  // by profile of the record
  uint64_t seed;

  explicit Evaluated(const FrontierRun& r)
      : run(r),
        works(SumByWork(r.record, AllWindows(r.record))),
        seed(static_cast<uint64_t>(r.record.seed)) {
    for (const ProfileRecord& profile : r.record.profiles) {
      costs.push_back(0);
      for (const Counters& counters : profile.counters)
        costs.back() += counters.*r.choice.cost.value;
    }
  }
  size_t uniform() const { return run.record.uniform_idx; }
  size_t frozen() const { return run.record.frozen_idx; }
  bool enough(int64_t least) const {
    return static_cast<int64_t>(works.num_works()) >= least;
  }
  double Saved(size_t profile) const {
    return 1 - static_cast<double>(costs[profile]) /
                   static_cast<double>(costs[uniform()]);
  }
};

// An interval as the tables show it: none below kMinWorks works.
Measured Shown(const Evaluated& e, stats::Interval interval) {
  if (!e.enough(kMinWorks)) {
    interval.low = interval.high = stats::kUnknown;
    return ToMeasured(interval, TooFewWorks(e.works.num_works(), kMinWorks));
  }
  return ToMeasured(interval,
                    "the works do not vary enough to estimate an interval");
}

FrontierRow RowOf(const Evaluated& e, const std::string& profile,
                  const std::string& no_gap) {
  const auto idx = FindProfile(e.run.record, profile);
  if (!idx)
    throw InternalError("the profile '" + profile +
                        "' of a front was not measured on evaluation works");
  FrontierRow row{*idx, e.costs[*idx], e.Saved(*idx), {}, {}, {}};
  row.nll = MeanOverWorks(e.works, *idx, e.seed);
  row.lost = LostAgainst(e.works, *idx, e.uniform(), e.seed);
  if (no_gap.empty())
    row.retention = Retention(e.works, *idx, e.uniform(), e.frozen(), e.seed);
  else
    row.retention.reason = no_gap;
  return row;
}

// A verdict of one contrast, before Holm: none below kMinWorksForVerdict works.
struct Decided {
  Measured contrast;
  stats::Judged negative;
};

Decided Decide(const Evaluated& e,
               const std::vector<stats::WorkTotals>& works) {
  const stats::Interval interval = stats::VerdictInterval(works, e.seed);
  Decided decided{Shown(e, interval), {}};
  if (!e.enough(kMinWorksForVerdict)) return decided;
  decided.negative.verdict = stats::IsNegative(interval);
  decided.negative.level = stats::SignFlipLevel(works, e.seed);
  return decided;
}

// The one of lowest tuning loss whose row costs at most `cost`.
template <class TuningOf>
std::optional<size_t> BestWithin(const std::vector<FrontierRow>& rows,
                                 int64_t cost, const TuningOf& tuning) {
  std::optional<size_t> best;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].cost > cost || !std::isfinite(tuning(i))) continue;
    if (!best || tuning(i) < tuning(*best)) best = i;
  }
  return best;
}

FrontierComparison Compare(const Evaluated& e, const FrontierJudgement& j,
                           size_t default_idx) {
  const FrontierRow& row = j.defaults[default_idx];
  FrontierComparison c;
  c.profile = e.run.choice.defaults[default_idx].profile;
  c.member = BestWithin(j.members, row.cost, [&](size_t i) {
    return e.run.choice.members[i].tuning.nats;
  });
  if (!c.member) {
    c.difference.reason = "no member costs so little";
    return c;
  }
  const FrontierRow& member = j.members[*c.member];
  c.same = member.profile_idx == row.profile_idx;
  if (c.same) {
    c.difference.value = 0;  // by definition
    return c;
  }
  const Decided decided =
      Decide(e, stats::Differences(Totals(e.works, member.profile_idx),
                                   Totals(e.works, row.profile_idx)));
  c.difference = decided.contrast;
  c.better = decided.negative;
  return c;
}

// `allowed`: what a rival may cost where the member costs less.
FrontierCriterion Criterion(const Evaluated& e, const FrontierJudgement& j,
                            std::optional<size_t> member, int64_t allowed) {
  FrontierCriterion c;
  c.member = member;
  if (!member) return c;
  const FrontierRow& row = j.members[*member];
  const Decided decided =
      Decide(e, stats::Combine(std::vector<stats::Term>{
                    {1, Totals(e.works, row.profile_idx)},
                    {kKeptShare - 1, Totals(e.works, e.frozen())},
                    {-kKeptShare, Totals(e.works, e.uniform())}}));
  c.contrast = decided.contrast;
  // Without a gap there is nothing to keep a share of.
  if (j.no_gap.empty()) c.kept = decided.negative;
  const auto rival =
      BestWithin(j.defaults, std::max(row.cost, allowed),
                 [&](size_t i) { return e.run.choice.defaults[i].nats; });
  if (!rival) return c;
  const FrontierRow& other = j.defaults[*rival];
  c.against = e.run.choice.defaults[*rival].profile;
  c.same = other.profile_idx == row.profile_idx;
  if (c.same) {
    c.difference.value = 0;  // by definition
    return c;
  }
  c.difference =
      Decide(e, stats::Differences(Totals(e.works, row.profile_idx),
                                   Totals(e.works, other.profile_idx)))
          .contrast;
  return c;
}

// All verdicts read together.
void Correct(FrontierJudgement& j) {
  std::vector<stats::Judged*> family;
  for (FrontierComparison& c : j.comparisons) {
    j.num_below += c.better.verdict == Verdict::kYes;
    family.push_back(&c.better);
  }
  family.push_back(&j.half.kept);
  // One verdict where both ask about the same member.
  const bool two = j.furthest.member != j.half.member;
  if (two) family.push_back(&j.furthest.kept);
  j.num_verdicts = stats::CorrectTogether(family);
  if (!two) j.furthest.kept = j.half.kept;
  for (const FrontierComparison& c : j.comparisons)
    j.num_better += c.better.verdict == Verdict::kYes;
}

// Losses as what is gained over frozen, work by work, so that resampled works
// move a front and its reference alike; costs from 0 (frozen) to 1 (uniform).
std::vector<stats::ParetoPoint> PointsOf(const Evaluated& e,
                                         const std::vector<FrontierRow>& rows) {
  const auto least = static_cast<double>(e.costs[e.frozen()]);
  const double width = static_cast<double>(e.costs[e.uniform()]) - least;
  std::vector<stats::ParetoPoint> points;
  for (const FrontierRow& row : rows)
    points.push_back({stats::Differences(Totals(e.works, row.profile_idx),
                                         Totals(e.works, e.frozen())),
                      (static_cast<double>(row.cost) - least) / width});
  return points;
}

void SetAreas(const Evaluated& e, FrontierJudgement& j) {
  if (e.costs[e.uniform()] <= e.costs[e.frozen()]) {
    j.front_area.reason = j.default_area.reason = j.area_difference.reason =
        "uniform costs no more than frozen on these windows";
    return;
  }
  const auto front = PointsOf(e, j.members), defaults = PointsOf(e, j.defaults);
  j.front_area = Shown(e, stats::Hypervolume(front, 0, 1, e.seed));
  j.default_area = Shown(e, stats::Hypervolume(defaults, 0, 1, e.seed));
  j.area_difference =
      Shown(e, stats::HypervolumeDifference(front, defaults, 0, 1, e.seed));
}

}  // namespace

std::string PaceText(const Pace& pace) {
  std::string text;
  for (const int64_t period : pace.periods)
    text += period == 0    ? "."
            : period < 10  ? std::to_string(period)
            : period == 16 ? "x"
                           : "?";
  if (pace.scale == 1) return text;
  std::string scale = std::to_string(pace.scale);
  while (scale.back() == '0') scale.pop_back();
  if (scale.back() == '.') scale.pop_back();
  return text + "@" + scale;
}

FrontierCost FrontierCostNamed(const std::string& name) {
  std::string known;
  for (const FrontierCost& cost : kFrontierCosts) {
    if (name == cost.name) return cost;
    known += (known.empty() ? "" : ", ") + std::string(cost.name);
  }
  throw UsageError("cost '" + name + "' is unknown; expected one of " + known);
}

FrontierJudgement Judge(const FrontierRun& run) {
  const Evaluated e(run);
  FrontierJudgement j;
  j.gap_nats = Shown(e, stats::VerdictInterval(
                            stats::Differences(Totals(e.works, e.frozen()),
                                               Totals(e.works, e.uniform())),
                            e.seed));
  j.no_gap = GapReason(j.gap_nats);
  j.frozen_saved = e.Saved(e.frozen());
  for (const FrontierMember& member : run.choice.members)
    j.members.push_back(RowOf(e, member.tuning.profile, j.no_gap));
  for (const TuningPoint& point : run.choice.defaults)
    j.defaults.push_back(RowOf(e, point.profile, j.no_gap));
  for (size_t i = 0; i < j.defaults.size(); ++i)
    j.comparisons.push_back(Compare(e, j, i));
  const auto half =
      static_cast<int64_t>((1 - kSavedShare + kCostSlack) *
                           static_cast<double>(e.costs[e.uniform()]));
  j.half = Criterion(e, j, run.choice.half, half);
  j.furthest = Criterion(e, j, run.choice.furthest, 0);
  Correct(j);
  SetAreas(e, j);
  return j;
}

}  // namespace plastometer
