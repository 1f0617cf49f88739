// Losses of a slice summed by independent work, and what can be said about them
// with an interval.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/results/summary.h"
#include "harness/stats/bootstrap.h"

namespace plastometer {

struct WorkSums {
  std::vector<double> tokens;            // scored tokens of each work
  std::vector<std::vector<double>> nll;  // [profile][work] nats
  // Of generated tasks: each work's exact loss of the scored tokens, NaN where
  // it is not known. Ranges of tokens: known when made of whole octaves.
  std::vector<double> floor = {};
  size_t num_works() const { return tokens.size(); }
};

// Identity of a window's independent work: of anything with source, domain and
// work.
template <class Window>
std::string WorkKey(const Window& w) {
  return w.source + '\n' + w.domain + '\n' + w.work;
}

std::vector<size_t> AllWindows(const RunRecord& record);
// Works by name, so that neither the order of windows nor of works decides.
std::map<std::string, size_t> WorkPlaces(const RunRecord& record,
                                         std::span<const size_t> windows);
int64_t NumWorks(const RunRecord& record);

// What is chosen on some works is judged on the others: every second work, by
// name, is for tuning. With one work there is nothing left to evaluate.
struct DividedWindows {
  std::vector<size_t> tuning, evaluated;
};
DividedWindows DivideByWork(const RunRecord& record);

// Losses of the scored tokens in [from, to) of the given windows, works sorted
// by source, domain and name: the resampling draws by place.
WorkSums SumByWork(const RunRecord& record, std::span<const size_t> windows,
                   int64_t from = 1,
                   int64_t to = std::numeric_limits<int64_t>::max());
// The same of one profile alone: SumByWork reads all of them.
std::vector<stats::WorkTotals> TotalsOf(const RunRecord& record,
                                        std::span<const size_t> windows,
                                        size_t profile);
// One profile's sums with their weights, for harness/stats.
std::vector<stats::WorkTotals> Totals(const WorkSums& works, size_t profile);

// Scored tokens that were the most probable ones, of RunRecord::accuracy, by
// work, with the number of scored tokens; in the order of SumByWork.
std::vector<stats::WorkTotals> CorrectTotals(const RunRecord& record,
                                             std::span<const size_t> windows,
                                             size_t profile);

// a - b, work by work, in nats.
std::vector<double> Minus(const std::vector<double>& a,
                          const std::vector<double>& b);

// `missing`: the reason where there is no interval.
Measured ToMeasured(const stats::Interval& interval,
                    const std::string& missing = {});
// The weighted mean over works, those without a token left out; no interval
// below kMinWorks.
Measured MeanOf(std::span<const stats::WorkTotals> works, uint64_t seed,
                const std::string& not_finite = "a loss is not finite");

// Each has a value whenever it is finite, and an interval when there are
// kMinWorks works or more.
Measured MeanOverWorks(const WorkSums& works, size_t profile, uint64_t seed);
Measured LostAgainst(const WorkSums& works, size_t profile, size_t uniform,
                     uint64_t seed);
// The share of the gap L_frozen - L_uniform that the profile keeps. Exists only
// where learning helps: GapReason otherwise.
Measured Retention(const WorkSums& works, size_t profile, size_t uniform,
                   size_t frozen, uint64_t seed);

// "1 work, fewer than 12": why there is no interval or no verdict.
std::string TooFewWorks(size_t num_works, int64_t least);

inline constexpr char kLearningHurts[] =
    "learning while reading hurts this model";
// `gap`: L_frozen - L_uniform. Why there is nothing to keep a share of:
// learning hurts (an interval below 0), or the gap is not above 0 (by its
// interval; by its estimate where too few works give none). Empty: there is.
std::string GapReason(const Measured& gap);

// For each profile: not dominated over (loss, cost); costs are exact, the loss
// must differ by a paired interval that excludes 0. An entry is missing when
// the profile's cost or loss is unknown; such a profile dominates none.
std::vector<std::optional<bool>> ParetoMarks(
    const WorkSums& works, const std::vector<std::optional<double>>& costs,
    uint64_t seed);

}  // namespace plastometer
