// What the inner loop's statistics say: where learning happens over depth and
// time, whether it follows surprise, and which words it favours. Window by
// window, so that a run of any size fits.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/results/summary.h"
#include "harness/results/surprise_pairs.h"
#include "harness/results/token_series.h"
#include "harness/results/window_statistics.h"
#include "harness/results/word_learning.h"
#include "harness/stats/bootstrap.h"

namespace plastometer {

inline constexpr int64_t kMaxLag = 8;
inline constexpr size_t kSurpriseBins = 10, kTimeBins = 32;

// How strongly a token is learned.
enum class Measure { kGradient, kStep, kGate };
inline constexpr size_t kNumMeasures = 3;
inline constexpr const char* kMeasureNames[] = {"raw gradient", "applied step",
                                                "learned gate"};

// Means of norms over windows and heads in a range of tokens; NaN: frozen, or
// no window reaches it.
struct PlasticityMap {
  std::vector<int64_t> edges;  // tokens; bin k is [edges[k], edges[k + 1])
  // [layer][bin]
  std::vector<std::vector<double>> grad_norm, update_norm, relative_update;
  // [layer * heads + head][bin], over windows alone.
  std::vector<std::vector<double>> relative_by_head;
};

// How a norm changes while a window is read, as a log ratio of its means in two
// quarters: early layers (the first quarter of them) beside all others. The
// first quarter of a window is burn-in: the start state is not where a sequence
// stays.
struct DepthChange {
  stats::Interval early, others;                  // last quarter over second
  stats::Interval early_burn_in, others_burn_in;  // second quarter over first
  // By work: early's own; early less others, after burn-in and over the whole
  // window (last quarter over first).
  std::vector<stats::WorkTotals> early_by_work, difference, whole_difference;
};

struct Learning {
  std::string profile;
  int64_t num_windows = 0;
  PlasticityMap map;
  // Rank correlation of layer index and mean norm, within each work, averaged.
  stats::Interval depth_relative, depth_gradient;
  // Log ratio of the mean norm, last quarter of a window over the first: of
  // each layer.
  std::vector<stats::Interval> gradient_change, relative_change;
  DepthChange gradient_by_depth, relative_by_depth;
  std::vector<std::string> domain_of_work;
  // Rank correlation of loss[t] and the measure at t + lag, within a window,
  // position removed; mean over layers, and each layer at lag 0.
  std::array<std::vector<stats::Interval>, kNumMeasures> by_lag;    // [lag + 8]
  std::array<std::vector<stats::Interval>, kNumMeasures> by_layer;  // lag 0
  // Mean standardised measure within tenths of surprise.
  std::array<std::vector<stats::Interval>, kNumMeasures> by_surprise;
  SurpriseDensity density;
  WordLearning words;
};

class LearningSummary {
 public:
  // `counts`: how often each token id stands in the run's text (its frequency
  // bins). Names of word classes by value.
  LearningSummary(const RunRecord& record, std::string profile,
                  const std::map<int32_t, int64_t>& counts,
                  std::vector<std::string> class_names);
  ~LearningSummary();
  void Add(size_t window, const WindowStatistics& statistics);
  Learning Finish() const;

 private:
  struct Sums;
  std::unique_ptr<Sums> sums_;
};

// One window at the resolution of its mini-batches: means over heads.
PlasticityMap MapOfWindow(const WindowStatistics& statistics);

}  // namespace plastometer
