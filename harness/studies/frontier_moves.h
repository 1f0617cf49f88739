// How a search for a front gets from one candidate to the next
// (harness/studies/frontier.h).
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "base/philox.h"
#include "harness/studies/frontier.h"

namespace plastometer {

struct TriedPace {
  Pace pace;
  double nats = 0;  // per scored token; infinite when not finite
  int64_t cost = 0;
  std::vector<stats::WorkTotals> works = {};
};

// What was measured so far, each candidate once, within a budget of
// evaluations. The default profiles that are no candidates do not count.
class Tried {
 public:
  Tried(const FrontierSpace& space, int64_t budget,
        const MeasureProfile& measure);

  // Whatever the budget; of two names for the same multipliers the first.
  void MeasureDefaults();
  // Measures what is not known yet. Null: the budget is spent.
  const TriedPace* At(const Pace& pace);
  bool Knows(const Pace& pace) const { return by_pace_.contains(pace); }

  int64_t num_measured() const { return num_measured_; }
  int64_t left() const { return budget_ - num_measured_; }
  const FrontierSpace& space() const { return space_; }
  const TriedPace& uniform() const;
  const TriedPace& frozen() const;
  const std::vector<TuningPoint>& defaults() const { return defaults_; }
  // Not dominated over (nats, cost), one of each, the dearest first.
  std::vector<TriedPace> Front() const;

 private:
  TriedPace Measure(const Profile& profile, const Pace& pace);

  FrontierSpace space_;
  int64_t budget_ = 0, num_measured_ = 0;
  const MeasureProfile& measure_;
  std::vector<TuningPoint> defaults_;
  std::vector<TriedPace> tried_;  // in their order
  std::map<Pace, size_t> by_pace_;
};

// Every candidate.
void TryAll(Tried& tried);
// Until the budget is spent or nothing new is found.
void TryGreedily(Tried& tried, uint64_t seed);
// Slows down, step by step until nothing learns, the layer that loses least per
// cost saved; an estimate is measured again before it is acted upon, unless it
// was made where the search stands (lazy greedy: Minoux, 1978). Stops when
// fewer than `reserve` evaluations are left.
void Descend(Tried& tried, const Pace& from, int64_t reserve);

}  // namespace plastometer
