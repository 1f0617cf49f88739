#include "harness/studies/frontier.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"
#include "harness/results/works.h"
#include "harness/stats/pareto.h"
#include "harness/studies/frontier_moves.h"

namespace plastometer {
namespace {

constexpr char kUniform[] = "uniform", kFrozen[] = "frozen";

// Points of the search as plain vectors for stats/pareto.h.
struct Plane {
  std::vector<double> loss, cost;
};

Plane PlaneOf(const std::vector<TriedPace>& points) {
  Plane plane;
  for (const TriedPace& p : points) {
    plane.loss.push_back(p.nats);
    plane.cost.push_back(static_cast<double>(p.cost));
  }
  return plane;
}

double Area(const std::vector<TriedPace>& points, const Tried& tried) {
  const Plane plane = PlaneOf(points);
  return stats::Hypervolume(plane.loss, plane.cost, tried.frozen().nats,
                            static_cast<double>(tried.uniform().cost));
}

double Saved(const TriedPace& point, const Tried& tried) {
  return 1 - static_cast<double>(point.cost) /
                 static_cast<double>(tried.uniform().cost);
}

// Read off the tuning works' interval.
bool KeepsTheGap(const TriedPace& point, const Tried& tried, uint64_t seed) {
  const auto contrast = stats::Combine(
      std::vector<stats::Term>{{1, point.works},
                               {kKeptShare - 1, tried.frozen().works},
                               {-kKeptShare, tried.uniform().works}});
  return stats::IsNegative(stats::VerdictInterval(contrast, seed)) ==
         stats::Verdict::kYes;
}

// The dearest first, so the first with enough saved has the lowest loss, and
// the last that keeps the gap the largest saving.
struct Picks {
  std::optional<size_t> half, furthest;
};
Picks PicksOf(const std::vector<TriedPace>& front, const Tried& tried,
              uint64_t seed) {
  Picks picks;
  for (size_t i = 0; i < front.size() && !picks.half; ++i)
    if (Saved(front[i], tried) >= kSavedShare) picks.half = i;
  for (size_t i = front.size(); i-- > 0 && !picks.furthest;)
    if (KeepsTheGap(front[i], tried, seed)) picks.furthest = i;
  return picks;
}

// Drops one by one the member whose loss costs the least area, never the first
// (the lowest loss) nor a pick.
void Thin(std::vector<TriedPace>& front, Picks& picks, const Tried& tried) {
  while (front.size() > kMaxFrontierMembers) {
    std::optional<size_t> least;
    double largest = -1;
    for (size_t i = 1; i < front.size(); ++i) {
      if (i == picks.half || i == picks.furthest) continue;
      std::vector<TriedPace> others = front;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      if (const double area = Area(others, tried); area > largest) {
        largest = area;
        least = i;
      }
    }
    front.erase(front.begin() + static_cast<std::ptrdiff_t>(*least));
    for (auto* pick : {&picks.half, &picks.furthest})
      if (*pick && **pick > *least) --**pick;
  }
}

std::string MemberName(size_t idx) {
  return (idx < 9 ? "front-0" : "front-") + std::to_string(idx + 1);
}

FrontierChoice ChoiceOf(const FrontierCost& cost, SearchMethod method,
                        const FrontierSpace& space, uint64_t seed,
                        const Tried& tried) {
  FrontierChoice choice;
  choice.cost = cost;
  choice.method = method;
  const int64_t limit = std::numeric_limits<int64_t>::max() / 8;
  const int64_t all = CountPaces(space, limit);
  choice.num_candidates = all >= limit ? -1 : all;
  choice.num_tried = tried.num_measured();
  choice.num_works = tried.uniform().works.size();
  choice.defaults = tried.defaults();
  std::vector<TriedPace> front = tried.Front();
  choice.front_size = front.size();
  Picks picks = PicksOf(front, tried, seed);
  Thin(front, picks, tried);
  for (size_t i = 0; i < front.size(); ++i)
    choice.members.push_back(
        {{MemberName(i), front[i].nats, front[i].cost}, front[i].pace});
  choice.half = picks.half;
  choice.furthest = picks.furthest;
  return choice;
}

SearchMethod MethodFor(int64_t num_paces, const FrontierOptions& options) {
  const bool few = num_paces <= kMaxExhaustivePaces;
  const bool affordable =
      options.evaluations == 0 || options.evaluations >= num_paces;
  if (options.method == SearchMethod::kAuto)
    return few && affordable ? SearchMethod::kExhaustive
                             : SearchMethod::kGreedy;
  if (options.method == SearchMethod::kExhaustive && !few)
    throw UsageError("search --frontier: there are more than " +
                     std::to_string(kMaxExhaustivePaces) +
                     " candidates; take --method greedy");
  if (options.method == SearchMethod::kExhaustive && !affordable)
    throw UsageError("search --frontier: --evaluations is " +
                     std::to_string(options.evaluations) +
                     "; an exhaustive "
                     "search takes " +
                     std::to_string(num_paces) +
                     ": leave --evaluations out, or take --method greedy");
  return options.method;
}

}  // namespace

const std::vector<std::string>& DefaultProfiles() {
  static const std::vector<std::string> names = {
      kUniform,           "retina",          "cortex",
      "early:25%",        "late:25%",        kFrozen,
      "uniform;every=2",  "uniform;every=4", "uniform;every=8",
      "uniform;until=512"};
  return names;
}

int64_t CountPaces(const FrontierSpace& space, int64_t limit) {
  int64_t count = 1;
  const auto num_periods = static_cast<int64_t>(space.periods.size()),
             num_scales = static_cast<int64_t>(space.scales.size());
  for (int64_t l = 0; l < space.num_layers; ++l) {
    if (count > limit / num_periods) return limit;
    count *= num_periods;
  }
  return count > limit / num_scales ? limit : num_scales * (count - 1) + 1;
}

Profile ProfileOf(const Pace& pace, const std::string& name) {
  std::vector<LayerSchedule> layers;
  for (const int64_t period : pace.periods)
    layers.push_back(
        period == 0 ? LayerSchedule{.lambda = 0}
                    : LayerSchedule{.lambda = pace.scale, .every = period});
  return {name, std::move(layers)};
}

std::optional<Pace> PaceOf(const Profile& profile, const FrontierSpace& space) {
  Pace pace;
  for (int64_t l = 0; l < profile.num_layers(); ++l) {
    const LayerSchedule& layer = profile.layer(l);
    pace.periods.push_back(layer.EverPlastic() ? layer.every : 0);
    if (layer.EverPlastic()) pace.scale = layer.lambda;
    if (std::ranges::find(space.periods, pace.periods.back()) ==
        space.periods.end())
      return std::nullopt;
  }
  const bool same = ProfileOf(pace, "").SameMultipliers(profile);
  const bool known =
      std::ranges::find(space.scales, pace.scale) != space.scales.end();
  return same && known ? std::optional(pace) : std::nullopt;
}

FrontierChoice SearchFrontier(const FrontierSpace& space,
                              const FrontierCost& cost,
                              const FrontierOptions& options,
                              const MeasureProfile& measure) {
  if (options.evaluations < 0)
    throw UsageError("search --frontier: --evaluations is " +
                     std::to_string(options.evaluations) +
                     "; expected at least 1, or 0 for the default");
  const int64_t num_paces = CountPaces(space, kMaxExhaustivePaces + 1);
  const SearchMethod method = MethodFor(num_paces, options);
  int64_t budget = options.evaluations;
  if (method == SearchMethod::kExhaustive)
    budget = num_paces;
  else if (budget == 0)
    budget = kFrontierEvaluations;
  Tried tried(space, budget, measure);
  tried.MeasureDefaults();
  if (method == SearchMethod::kExhaustive)
    TryAll(tried);
  else
    TryGreedily(tried, options.seed);
  return ChoiceOf(cost, method, space, options.seed, tried);
}

std::vector<size_t> TuningWindows(const RunRecord& record, int64_t most) {
  const std::vector<size_t> all = DivideByWork(record).tuning;
  if (most <= 0 || static_cast<int64_t>(all.size()) <= most) return all;
  std::map<std::string, std::vector<size_t>> by_work;
  for (const size_t w : all) by_work[WorkKey(record.windows[w])].push_back(w);
  std::vector<size_t> chosen;
  for (size_t round = 0; static_cast<int64_t>(chosen.size()) < most; ++round) {
    std::vector<size_t> next;
    for (const auto& [work, windows] : by_work)
      if (round < windows.size()) next.push_back(windows[round]);
    const size_t room = static_cast<size_t>(most) - chosen.size(),
                 take = std::min(room, next.size());
    for (size_t i = 0; i < take; ++i)
      chosen.push_back(next[i * next.size() / take]);
  }
  std::ranges::sort(chosen);
  return chosen;
}

}  // namespace plastometer
