#include "harness/studies/frontier_moves.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "base/error.h"

namespace plastometer {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
// Random moves in a row that lead to nothing new: then there is nothing near.
constexpr int kMaxKnownMoves = 1000;

double MeanNats(const std::vector<stats::WorkTotals>& works) {
  double sum = 0, weight = 0;
  for (const stats::WorkTotals& work : works) {
    sum += work.sum;
    weight += work.weight;
  }
  return std::isfinite(sum / weight) ? sum / weight : kInfinite;
}

Pace Plain(const FrontierSpace& space, int64_t period) {
  return {std::vector<int64_t>(static_cast<size_t>(space.num_layers), period),
          1};
}

// What never learns has no scale: one candidate.
Pace Canonical(Pace pace) {
  if (std::ranges::all_of(pace.periods, [](int64_t p) { return p == 0; }))
    pace.scale = 1;
  return pace;
}

size_t PlaceOf(const FrontierSpace& space, int64_t period) {
  return static_cast<size_t>(std::ranges::find(space.periods, period) -
                             space.periods.begin());
}

uint32_t Below(PhiloxStream& stream, size_t n) {
  return stream.NextBelow(static_cast<uint32_t>(n));
}

// Nats lost per cost saved; what costs as much is taken only if it loses
// nothing.
double Price(const TriedPace& from, const TriedPace& to) {
  if (!std::isfinite(from.nats)) return std::isfinite(to.nats) ? -kInfinite : 0;
  const double lost = to.nats - from.nats;
  const auto saved = static_cast<double>(from.cost - to.cost);
  if (saved > 0) return lost / saved;
  return lost <= 0 ? -kInfinite : kInfinite;
}

// A layer's next step, as it was priced when the search stood at step `made`.
struct Step {
  double price = kInfinite;
  int64_t made = -1;
};

class Descent {
 public:
  Descent(Tried& tried, const Pace& from, int64_t reserve)
      : tried_(tried), here_(from), reserve_(reserve) {}

  void Run() {
    steps_.resize(here_.periods.size());
    for (size_t l = 0; l < steps_.size(); ++l)
      if (!PriceStep(l)) return;
    while (const auto next = Cheapest()) {
      if (steps_[*next].made != num_steps_) {
        if (!PriceStep(*next)) return;
        continue;
      }
      here_ = Slower(*next);
      ++num_steps_;
      if (!PriceStep(*next)) return;
    }
  }

 private:
  bool CanSlow(size_t layer) const {
    return here_.periods[layer] != tried_.space().periods.back();
  }
  Pace Slower(size_t layer) const {
    Pace pace = here_;
    const auto& periods = tried_.space().periods;
    pace.periods[layer] =
        periods[PlaceOf(tried_.space(), pace.periods[layer]) + 1];
    return Canonical(pace);
  }
  // False: the budget is spent.
  bool PriceStep(size_t layer) {
    if (!CanSlow(layer)) return true;
    if (tried_.left() <= reserve_) return false;
    const TriedPace* found = tried_.At(here_);
    if (found == nullptr) return false;
    const TriedPace from = *found;  // At may move what it pointed to
    const TriedPace* to = tried_.At(Slower(layer));
    if (to == nullptr) return false;
    steps_[layer] = {Price(from, *to), num_steps_};
    return true;
  }
  std::optional<size_t> Cheapest() const {
    std::optional<size_t> best;
    for (size_t l = 0; l < steps_.size(); ++l) {
      if (!CanSlow(l)) continue;
      if (!best || steps_[l].price < steps_[*best].price) best = l;
    }
    return best;
  }

  Tried& tried_;
  Pace here_;
  int64_t reserve_;
  int64_t num_steps_ = 0;
  std::vector<Step> steps_;
};

void TryOtherScales(Tried& tried, int64_t reserve) {
  for (const TriedPace& member : tried.Front()) {
    for (const double scale : tried.space().scales) {
      if (tried.left() <= reserve) return;
      tried.At(Canonical({member.pace.periods, scale}));
    }
  }
}

Pace RandomPace(const FrontierSpace& space, PhiloxStream& stream) {
  Pace pace;
  for (int64_t l = 0; l < space.num_layers; ++l)
    pace.periods.push_back(space.periods[Below(stream, space.periods.size())]);
  pace.scale = space.scales[Below(stream, space.scales.size())];
  return Canonical(pace);
}

// One step faster or slower, any period, two layers exchanged, another scale.
Pace Neighbour(Pace pace, const FrontierSpace& space, PhiloxStream& stream) {
  const size_t layer = Below(stream, pace.periods.size()),
               other = Below(stream, pace.periods.size());
  int64_t& period = pace.periods[layer];
  const size_t place = PlaceOf(space, period), last = space.periods.size() - 1;
  switch (Below(stream, 5)) {
    case 0:
      period = space.periods[std::min(place + 1, last)];
      break;
    case 1:
      period = space.periods[place == 0 ? 0 : place - 1];
      break;
    case 2:
      period = space.periods[Below(stream, space.periods.size())];
      break;
    case 3:
      std::swap(period, pace.periods[other]);
      break;
    default:
      pace.scale = space.scales[Below(stream, space.scales.size())];
  }
  return Canonical(pace);
}

void MoveAround(Tried& tried, PhiloxStream& stream) {
  std::vector<TriedPace> front = tried.Front();
  for (int known = 0; tried.left() > 0 && known < kMaxKnownMoves;) {
    const Pace& from = front[Below(stream, front.size())].pace;
    const Pace next = Neighbour(from, tried.space(), stream);
    if (tried.Knows(next)) {
      ++known;
      continue;
    }
    known = 0;
    tried.At(next);
    front = tried.Front();
  }
}

}  // namespace

Tried::Tried(const FrontierSpace& space, int64_t budget,
             const MeasureProfile& measure)
    : space_(space), budget_(budget), measure_(measure) {}

TriedPace Tried::Measure(const Profile& profile, const Pace& pace) {
  ProfileMeasured measured = measure_(profile, budget_);
  return {pace, MeanNats(measured.works), measured.cost,
          std::move(measured.works)};
}

const TriedPace* Tried::At(const Pace& pace) {
  const auto [at, is_new] = by_pace_.try_emplace(pace, tried_.size());
  if (!is_new) return &tried_[at->second];
  if (left() <= 0) {
    by_pace_.erase(at);
    return nullptr;
  }
  ++num_measured_;
  tried_.push_back(Measure(ProfileOf(pace, PaceText(pace)), pace));
  return &tried_.back();
}

void Tried::MeasureDefaults() {
  budget_ = std::max<int64_t>(budget_,
                              static_cast<int64_t>(DefaultProfiles().size()));
  std::vector<Profile> known;
  for (const std::string& name : DefaultProfiles()) {
    known.push_back(Profile::Parse(name, space_.num_layers));
    const Profile& profile = known.back();
    if (std::any_of(known.begin(), known.end() - 1, [&](const Profile& other) {
          return other.SameMultipliers(profile);
        }))
      continue;
    const std::optional<Pace> pace = PaceOf(profile, space_);
    const TriedPace point = pace ? *At(*pace) : Measure(profile, {});
    defaults_.push_back({name, point.nats, point.cost});
  }
}

const TriedPace& Tried::uniform() const {
  return tried_[by_pace_.at(Plain(space_, 1))];
}

const TriedPace& Tried::frozen() const {
  return tried_[by_pace_.at(Plain(space_, 0))];
}

std::vector<TriedPace> Tried::Front() const {
  std::vector<size_t> order(tried_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  // By cost, then loss, then age: a point is on the front when it is better
  // than all before it.
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    return std::pair(tried_[a].cost, tried_[a].nats) <
           std::pair(tried_[b].cost, tried_[b].nats);
  });
  std::vector<TriedPace> front;
  for (const size_t i : order)
    if (front.empty() || tried_[i].nats < front.back().nats)
      if (std::isfinite(tried_[i].nats)) front.push_back(tried_[i]);
  if (front.empty())
    throw InvalidError(
        "search --frontier: no candidate has a finite loss on the tuning "
        "works");
  std::ranges::reverse(front);
  return front;
}

void TryAll(Tried& tried) {
  const FrontierSpace& space = tried.space();
  for (const double scale : space.scales) {
    std::vector<size_t> places(static_cast<size_t>(space.num_layers), 0);
    for (size_t l = 0; l < places.size();) {
      Pace pace{{}, scale};
      for (const size_t place : places)
        pace.periods.push_back(space.periods[place]);
      tried.At(Canonical(pace));
      for (l = 0; l < places.size(); ++l) {  // counts up
        if (++places[l] < space.periods.size()) break;
        places[l] = 0;
      }
    }
  }
}

void Descend(Tried& tried, const Pace& from, int64_t reserve) {
  Descent(tried, from, reserve).Run();
}

void TryGreedily(Tried& tried, uint64_t seed) {
  PhiloxStream stream(seed, 0);
  const int64_t budget = tried.left();
  Descend(tried, Plain(tried.space(), tried.space().periods.front()),
          budget * 3 / 10);
  TryOtherScales(tried, budget / 5);
  Descend(tried, RandomPace(tried.space(), stream), budget / 10);
  MoveAround(tried, stream);
}

}  // namespace plastometer
