// Surprise of a token against the gradient at the next one: every pair, as a
// density, and their rank correlation.
#pragma once
#include <cstdint>
#include <map>
#include <utility>

#include "harness/results/by_work.h"
#include "harness/results/window_statistics.h"

namespace plastometer {

inline constexpr double kPairLossStep = 0.25;   // nats, width of a cell
inline constexpr int kPairCellsPerDecade = 32;  // of the gradient norm

// Pairs of loss[t - 1] and the gradient norm at token t over all layers and
// heads that learn: lag 1, learning at the next token.
struct SurpriseDensity {
  // (i, j) -> pairs with a loss in [i, i + 1) kPairLossStep nats and a norm
  // in 10^([j, j + 1) / kPairCellsPerDecade).
  std::map<std::pair<int, int>, int64_t> cells;
  // In cells; and those whose norm is exactly 0, which no logarithm holds.
  int64_t pairs = 0, zero_gradients = 0;
  // Spearman's within a window, over windows by tokens, over works: of the
  // pairs as they are, and with position removed from both (of the norm's
  // logarithm).
  stats::Interval rank, rank_without_position;
};

// Window by window.
class SurprisePairs {
 public:
  SurprisePairs(size_t num_works, uint64_t seed)
      : seed_(seed), rank_(num_works), without_position_(num_works) {}
  void Add(size_t work, const WindowStatistics& s);
  SurpriseDensity Finish() const;

 private:
  uint64_t seed_;
  SurpriseDensity density_;  // without its correlations
  ByWork rank_, without_position_;
};

}  // namespace plastometer
