#include "harness/results/works.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "harness/stats/bootstrap.h"
#include "harness/stats/pareto.h"
#include "harness/stats/ratio.h"

namespace plastometer {
namespace {

double Sum(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum;
}

double Mean(const WorkSums& works, size_t profile) {
  return Sum(works.nll[profile]) / Sum(works.tokens);
}

Measured NotFinite() {
  Measured m;
  m.reason = "a loss is not finite";
  return m;
}

bool Enough(size_t num_works) {
  return static_cast<int64_t>(num_works) >= kMinWorks;
}

void SetInterval(const stats::Interval& interval, Measured& m) {
  if (interval.available()) {
    m.low = interval.low;
    m.high = interval.high;
  } else {
    m.reason = "no interval: the works do not vary enough to estimate one";
  }
}

// Nats of the window's scored tokens in [from, to) under the exact law.
double FloorWithin(const WindowRecord& window, int64_t from, int64_t to) {
  const FloorRecord& floor = window.floor;
  if (from <= 1 && to >= window.num_tokens)
    return floor.scored_nats.value_or(stats::kUnknown);
  if (floor.scored_by_octave.empty()) return stats::kUnknown;
  double sum = 0;
  for (size_t k = 0; k < floor.scored_by_octave.size(); ++k) {
    const int64_t begin = OctaveBegin(k),
                  end = std::min(OctaveBegin(k + 1), window.num_tokens);
    if (end <= from || begin >= to) continue;
    const bool whole = begin >= from && end <= to;
    sum += whole ? floor.scored_by_octave[k] : stats::kUnknown;
  }
  return sum;
}

// By work: what `sum_of` says of each window, and its scored tokens.
template <class SumOf>
std::vector<stats::WorkTotals> TotalsByWork(const RunRecord& record,
                                            std::span<const size_t> windows,
                                            const SumOf& sum_of) {
  const std::map<std::string, size_t> places = WorkPlaces(record, windows);
  std::vector<stats::WorkTotals> totals(places.size(), {0, 0});
  for (const size_t w : windows) {
    const WindowRecord& window = record.windows[w];
    stats::WorkTotals& work = totals[places.at(WorkKey(window))];
    work.sum += sum_of(window);
    work.weight += static_cast<double>(window.num_scored());
  }
  return totals;
}

}  // namespace

std::string TooFewWorks(size_t num_works, int64_t least) {
  return std::to_string(num_works) + (num_works == 1 ? " work" : " works") +
         ", fewer than " + std::to_string(least);
}

std::vector<size_t> AllWindows(const RunRecord& record) {
  std::vector<size_t> windows(record.windows.size());
  std::iota(windows.begin(), windows.end(), 0);
  return windows;
}

std::map<std::string, size_t> WorkPlaces(const RunRecord& record,
                                         std::span<const size_t> windows) {
  std::map<std::string, size_t> places;
  for (const size_t w : windows) places[WorkKey(record.windows[w])];
  size_t next = 0;
  for (auto& [name, place] : places) place = next++;
  return places;
}

int64_t NumWorks(const RunRecord& record) {
  return static_cast<int64_t>(WorkPlaces(record, AllWindows(record)).size());
}

DividedWindows DivideByWork(const RunRecord& record) {
  const std::vector<size_t> all = AllWindows(record);
  const std::map<std::string, size_t> places = WorkPlaces(record, all);
  DividedWindows divided;
  for (const size_t w : all) {
    const bool tunes = places.at(WorkKey(record.windows[w])) % 2 == 0;
    (tunes ? divided.tuning : divided.evaluated).push_back(w);
  }
  return divided;
}

std::vector<double> Minus(const std::vector<double>& a,
                          const std::vector<double>& b) {
  std::vector<double> difference(a.size());
  for (size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
  return difference;
}

Measured ToMeasured(const stats::Interval& interval,
                    const std::string& missing) {
  Measured m;
  if (std::isfinite(interval.estimate)) m.value = interval.estimate;
  if (interval.available()) {
    m.low = interval.low;
    m.high = interval.high;
  } else {
    m.reason = missing;
  }
  return m;
}

WorkSums SumByWork(const RunRecord& record, std::span<const size_t> windows,
                   int64_t from, int64_t to) {
  const std::map<std::string, size_t> places = WorkPlaces(record, windows);
  WorkSums works;
  works.tokens.assign(places.size(), 0);
  works.floor.assign(places.size(), 0);
  works.nll.assign(record.profiles.size(),
                   std::vector<double>(places.size(), 0));
  for (const size_t w : windows) {
    const WindowRecord& window = record.windows[w];
    const size_t place = places.at(WorkKey(window));
    const int64_t end = std::min(to, window.num_tokens);
    if (from >= end) continue;
    works.floor[place] += FloorWithin(window, from, end);
    ForEachScored(window, [&](int64_t t) {
      works.tokens[place] += from <= t && t < end;
    });
    for (size_t p = 0; p < record.profiles.size(); ++p) {
      double sum = 0;
      ForEachScored(window, [&](int64_t t) {
        if (from <= t && t < end)
          sum += record.profiles[p].nll[window.loss_begin + t - 1];
      });
      works.nll[p][place] += sum;
    }
  }
  return works;
}

std::vector<stats::WorkTotals> TotalsOf(const RunRecord& record,
                                        std::span<const size_t> windows,
                                        size_t profile) {
  return TotalsByWork(record, windows, [&](const WindowRecord& window) {
    return WindowSum(record.profiles[profile], window);
  });
}

std::vector<stats::WorkTotals> Totals(const WorkSums& works, size_t profile) {
  std::vector<stats::WorkTotals> totals;
  for (size_t w = 0; w < works.num_works(); ++w)
    totals.push_back({works.nll[profile][w], works.tokens[w]});
  return totals;
}

std::vector<stats::WorkTotals> CorrectTotals(const RunRecord& record,
                                             std::span<const size_t> windows,
                                             size_t profile) {
  return TotalsByWork(record, windows, [&](const WindowRecord& window) {
    double correct = 0;
    ForEachScored(window, [&](int64_t t) {
      correct += record.profiles[profile].correct[window.loss_begin + t - 1];
    });
    return correct;
  });
}

Measured MeanOf(std::span<const stats::WorkTotals> all, uint64_t seed,
                const std::string& not_finite) {
  Measured m;
  double sum = 0, weight = 0;
  std::vector<stats::WorkTotals> works;
  for (const stats::WorkTotals& work : all) {
    if (work.weight == 0) continue;  // has nothing to say
    works.push_back(work);
    sum += work.sum;
    weight += work.weight;
  }
  if (!std::isfinite(sum / weight)) {
    m.reason = not_finite;
    return m;
  }
  m.value = sum / weight;
  if (Enough(works.size())) {
    SetInterval(stats::WeightedMean(works, seed), m);
  } else {
    m.reason = TooFewWorks(works.size(), kMinWorks);
  }
  return m;
}

Measured MeanOverWorks(const WorkSums& works, size_t profile, uint64_t seed) {
  return MeanOf(Totals(works, profile), seed);
}

Measured LostAgainst(const WorkSums& works, size_t profile, size_t uniform,
                     uint64_t seed) {
  Measured m;
  const double lost = Mean(works, profile) - Mean(works, uniform);
  if (!std::isfinite(lost)) return NotFinite();
  m.value = lost;
  if (profile == uniform) return m;  // by definition
  if (Enough(works.num_works())) {
    SetInterval(stats::PairedDifference(Totals(works, profile),
                                        Totals(works, uniform), seed),
                m);
  } else {
    m.reason = TooFewWorks(works.num_works(), kMinWorks);
  }
  return m;
}

std::string GapReason(const Measured& gap) {
  if (!gap.value) return gap.reason;
  if (gap.high && *gap.high < 0) return kLearningHurts;
  if (gap.low.value_or(*gap.value) > 0) return "";
  return "the gap frozen - uniform is not above 0";
}

Measured Retention(const WorkSums& works, size_t profile, size_t uniform,
                   size_t frozen, uint64_t seed) {
  Measured m;
  m.reason = GapReason(LostAgainst(works, frozen, uniform, seed));
  if (!m.reason.empty()) return m;
  const double gap = Mean(works, frozen) - Mean(works, uniform),
               kept = Mean(works, frozen) - Mean(works, profile);
  if (!std::isfinite(kept)) return NotFinite();
  m.value = kept / gap;
  if (profile == uniform || profile == frozen) return m;  // by definition
  if (!Enough(works.num_works()))
    m.reason = TooFewWorks(works.num_works(), kMinWorks);
  if (works.num_works() < 2) return m;
  const stats::RatioResult ratio = stats::FiellerRatio(
      Minus(works.nll[frozen], works.nll[profile]),
      Minus(works.nll[frozen], works.nll[uniform]), works.tokens);
  // The gap may be 0: then a ratio says nothing, however few the works.
  if (!ratio.interval) {
    m.value.reset();
    m.reason = ratio.reason;
  } else if (Enough(works.num_works())) {
    SetInterval(*ratio.interval, m);
  }
  return m;
}

std::vector<std::optional<bool>> ParetoMarks(
    const WorkSums& works, const std::vector<std::optional<double>>& costs,
    uint64_t seed) {
  std::vector<std::optional<bool>> marks(costs.size());
  // No paired interval, no dominance to speak of.
  if (!Enough(works.num_works())) return marks;
  std::vector<stats::ParetoPoint> points;
  for (size_t p = 0; p < costs.size(); ++p)
    points.push_back({Totals(works, p), costs[p].value_or(stats::kUnknown)});
  const std::vector<bool> on_front = stats::ParetoSet(points, seed);
  for (size_t p = 0; p < costs.size(); ++p) {
    if (costs[p] && std::isfinite(Mean(works, p))) marks[p] = on_front[p];
  }
  return marks;
}

}  // namespace plastometer
