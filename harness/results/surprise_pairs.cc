#include "harness/results/surprise_pairs.h"

#include <algorithm>
#include <cmath>

#include "harness/results/token_series.h"
#include "harness/stats/rank.h"

namespace plastometer {
namespace {

// A loss may be as large as any float: its cell is the last.
int CellOf(double value) {
  return static_cast<int>(std::clamp(std::floor(value), -1e9, 1e9));
}

}  // namespace

void SurprisePairs::Add(size_t work, const WindowStatistics& s) {
  const std::vector<double> norm = WholeNorm(s, s.token_grad_norm);
  for (size_t t = 1; t < norm.size(); ++t) {
    const double loss = s.loss[t - 1];
    if (!std::isfinite(loss) || !std::isfinite(norm[t])) continue;
    if (norm[t] <= 0) {
      ++density_.zero_gradients;
      continue;
    }
    ++density_.pairs;
    ++density_.cells[{CellOf(loss / kPairLossStep),
                      CellOf(std::log10(norm[t]) * kPairCellsPerDecade)}];
  }
  const auto correlation = [](const std::vector<double>& loss,
                              const std::vector<double>& learning) {
    return stats::LaggedCorrelation(stats::Ranks(loss), stats::Ranks(learning),
                                    1);
  };
  const auto weight = static_cast<double>(s.T);
  AddTo(rank_[work], correlation(s.loss, norm), weight);
  AddTo(without_position_[work],
        correlation(WithoutPosition(s.loss), WithoutPosition(Logs(norm))),
        weight);
}

SurpriseDensity SurprisePairs::Finish() const {
  SurpriseDensity density = density_;
  density.rank = MeanByWork(rank_, seed_);
  density.rank_without_position = MeanByWork(without_position_, seed_);
  return density;
}

}  // namespace plastometer
