#include "harness/results/learning.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/counters.h"
#include "harness/results/works.h"
#include "harness/stats/rank.h"

namespace plastometer {
namespace {

using stats::Interval;
using stats::WorkTotals;

constexpr size_t kNumLags = 2 * kMaxLag + 1;

}  // namespace

struct LearningSummary::Sums {
  // Sum and number of norms in a cell.
  struct Cell {
    double sum = 0, count = 0;
    double mean() const { return count > 0 ? sum / count : stats::kUnknown; }
  };
  using Cells = std::vector<std::vector<Cell>>;

  const RunRecord* record = nullptr;
  uint64_t seed = 1;
  std::string profile;
  std::vector<size_t> place_of_window;
  std::vector<std::string> domain_of_work;
  size_t num_works = 0;
  int64_t num_windows = 0, L = 0, longest = 0;
  Cells grad_norm, update_norm, relative_update;  // [layer][time bin]
  Cells relative_by_head;  // [layer * heads + head][time bin]
  // [layer][work], of the whole window and of its quarters
  struct Quarters {
    std::vector<ByWork> all;
    std::array<std::vector<ByWork>, 4> quarter;
  } relative, gradient;
  std::array<std::vector<ByWork>, kNumMeasures> lags, layers, surprise;
  std::optional<SurprisePairs> pairs;
  std::optional<WordSums> words;

  ByWork Empty() const { return ByWork(num_works); }

  void Size(const WindowStatistics& s) {
    if (L > 0) return;
    L = s.L;
    for (Cells* cells : {&grad_norm, &update_norm, &relative_update})
      cells->assign(static_cast<size_t>(L), std::vector<Cell>(NumTimeBins()));
    relative_by_head.assign(static_cast<size_t>(L * s.H),
                            std::vector<Cell>(NumTimeBins()));
    for (Quarters* q : {&relative, &gradient}) {
      q->all.assign(static_cast<size_t>(L), Empty());
      for (auto& by_layer : q->quarter)
        by_layer.assign(static_cast<size_t>(L), Empty());
    }
    for (size_t m = 0; m < kNumMeasures; ++m) {
      lags[m].assign(kNumLags, Empty());
      layers[m].assign(static_cast<size_t>(L), Empty());
      surprise[m].assign(kSurpriseBins, Empty());
    }
  }

  // Bins of equal width over the longest window, in whole mini-batches.
  int64_t M() const { return std::max<int64_t>(1, longest / kMiniBatchTokens); }
  int64_t NumTimeBins() const {
    return std::min(M(), static_cast<int64_t>(kTimeBins));
  }
  size_t TimeBin(int64_t mini_batch) const {
    return static_cast<size_t>(mini_batch * NumTimeBins() / M());
  }

  void AddNorms(size_t work, const WindowStatistics& s) {
    for (int64_t l = 0; l < s.L; ++l) {
      for (int64_t h = 0; h < s.H; ++h) {
        for (int64_t m = 0; m < s.M; ++m) {
          const size_t i = static_cast<size_t>((l * s.H + h) * s.M + m);
          const auto add = [&](std::vector<Cell>& row, double x) {
            if (std::isnan(x)) return;
            row[TimeBin(m)].sum += x;
            row[TimeBin(m)].count += 1;
          };
          add(grad_norm[l], s.grad_norm[i]);
          add(update_norm[l], s.update_norm[i]);
          add(relative_update[l], s.relative_update[i]);
          add(relative_by_head[l * s.H + h], s.relative_update[i]);
          const auto quarters = [&](Quarters& q, double x) {
            AddTo(q.all[l][work], x, 1);
            AddTo(q.quarter[static_cast<size_t>(4 * m / s.M)][l][work], x, 1);
          };
          quarters(relative, s.relative_update[i]);
          quarters(gradient, s.grad_norm[i]);
        }
      }
    }
  }

  std::vector<double> Series(const WindowStatistics& s, size_t measure,
                             int64_t layer) const {
    if (measure == size_t{0})
      return Logs(LayerNorm(s, s.token_grad_norm, layer));
    if (measure == size_t{1}) return Logs(LayerNorm(s, s.token_step, layer));
    return LayerMean(s, s.gate, layer);
  }

  void AddSurprise(size_t work, const WindowStatistics& s) {
    const std::vector<double> loss = stats::Ranks(WithoutPosition(s.loss));
    const auto weight = static_cast<double>(s.T);
    for (size_t m = 0; m < kNumMeasures; ++m) {
      std::vector<double> mean_r(kNumLags, 0);
      std::vector<double> mean_z(static_cast<size_t>(s.T), 0);
      int64_t num_layers = 0;
      for (int64_t l = 0; l < s.L; ++l) {
        const std::vector<double> rest = WithoutPosition(Series(s, m, l));
        const std::vector<double> ranks = stats::Ranks(rest);
        const double own = stats::LaggedCorrelation(loss, ranks, 0);
        if (std::isnan(own)) continue;  // frozen
        ++num_layers;
        AddTo(layers[m][l][work], own, weight);
        for (size_t k = 0; k < kNumLags; ++k)
          mean_r[k] += stats::LaggedCorrelation(
              loss, ranks, static_cast<int64_t>(k) - kMaxLag);
        const std::vector<double> z = Standardised(rest);
        for (int64_t t = 0; t < s.T; ++t) mean_z[t] += z[t];
      }
      if (num_layers == 0) continue;
      const auto n = static_cast<double>(num_layers);
      for (size_t k = 0; k < kNumLags; ++k)
        AddTo(lags[m][k][work], mean_r[k] / n, weight);
      for (int64_t t = 1; t < s.T; ++t) {
        if (std::isnan(loss[t])) continue;
        const auto bin = static_cast<size_t>((loss[t] - 1) * kSurpriseBins /
                                             static_cast<double>(s.T - 1));
        AddTo(surprise[m][std::min(bin, kSurpriseBins - 1)][work],
              mean_z[t] / n, 1);
      }
    }
  }

  Interval Mean(const ByWork& works) const { return MeanByWork(works, seed); }

  // Rank correlation of layer index and a norm within each work.
  Interval Depth(const std::vector<ByWork>& by_layer) const {
    std::vector<double> index(static_cast<size_t>(L));
    for (size_t l = 0; l < index.size(); ++l) index[l] = static_cast<double>(l);
    ByWork works = Empty();
    for (size_t w = 0; w < num_works; ++w) {
      std::vector<double> norms;
      for (const ByWork& layer : by_layer)
        norms.push_back(layer[w].weight > 0 ? layer[w].sum / layer[w].weight
                                            : stats::kUnknown);
      AddTo(works[w], stats::RankCorrelation(index, norms), 1);
    }
    return Mean(works);
  }

  // Log ratio of the last quarter to quarter `from` (or of two others), mean
  // over the layers [begin, end).
  ByWork Change(const Quarters& q, int64_t begin, int64_t end, size_t from = 0,
                size_t to = 3) const {
    ByWork works = Empty();
    for (size_t w = 0; w < num_works; ++w) {
      double sum = 0, count = 0;
      for (int64_t l = begin; l < end; ++l) {
        const WorkTotals &first = q.quarter[from][l][w],
                         &last = q.quarter[to][l][w];
        if (!(first.sum > 0 && last.sum > 0)) continue;
        sum += std::log(last.sum / last.weight * first.weight / first.sum);
        count += 1;
      }
      if (count > 0) AddTo(works[w], sum / count, 1);
    }
    return works;
  }

  // Works where both have a layer that learns.
  ByWork Less(const ByWork& a, const ByWork& b) const {
    ByWork works = Empty();
    for (size_t w = 0; w < num_works; ++w)
      if (a[w].weight > 0 && b[w].weight > 0)
        works[w] = {a[w].sum - b[w].sum, 1};
    return works;
  }

  DepthChange ByDepth(const Quarters& q) const {
    const int64_t border = std::max<int64_t>(1, (L + 3) / 4);
    const ByWork early = Change(q, 0, border, 1),
                 others = Change(q, border, L, 1);
    DepthChange change{Mean(early),
                       Mean(others),
                       Mean(Change(q, 0, border, 0, 1)),
                       Mean(Change(q, border, L, 0, 1)),
                       early,
                       Less(early, others),
                       Less(Change(q, 0, border), Change(q, border, L))};
    return change;
  }
};

LearningSummary::LearningSummary(const RunRecord& record, std::string profile,
                                 const std::map<int32_t, int64_t>& counts,
                                 std::vector<std::string> class_names)
    : sums_(std::make_unique<Sums>()) {
  sums_->record = &record;
  sums_->seed = static_cast<uint64_t>(record.seed);
  sums_->profile = std::move(profile);
  const std::map<std::string, size_t> places =
      WorkPlaces(record, AllWindows(record));
  sums_->num_works = places.size();
  sums_->domain_of_work.resize(sums_->num_works);
  for (const WindowRecord& w : record.windows) {
    const size_t place = places.at(WorkKey(w));
    sums_->place_of_window.push_back(place);
    sums_->domain_of_work[place] = w.domain;
    sums_->longest = std::max(sums_->longest, w.num_tokens);
  }
  sums_->pairs.emplace(sums_->num_works, sums_->seed);
  sums_->words.emplace(sums_->num_works, sums_->seed, counts,
                       std::move(class_names));
}

LearningSummary::~LearningSummary() = default;

void LearningSummary::Add(size_t window, const WindowStatistics& statistics) {
  sums_->Size(statistics);
  ++sums_->num_windows;
  const size_t work = sums_->place_of_window[window];
  sums_->AddNorms(work, statistics);
  sums_->AddSurprise(work, statistics);
  sums_->pairs->Add(work, statistics);
  sums_->words->Add(work, statistics);
}

Learning LearningSummary::Finish() const {
  const Sums& s = *sums_;
  Learning learning;
  learning.profile = s.profile;
  learning.num_windows = s.num_windows;
  const int64_t bins = s.NumTimeBins();
  for (int64_t k = 0; k <= bins; ++k)
    learning.map.edges.push_back(kMiniBatchTokens *
                                 ((k * s.M() + bins - 1) / bins));
  for (const auto& [from, to] :
       {std::pair{&s.grad_norm, &learning.map.grad_norm},
        std::pair{&s.update_norm, &learning.map.update_norm},
        std::pair{&s.relative_update, &learning.map.relative_update},
        std::pair{&s.relative_by_head, &learning.map.relative_by_head}}) {
    for (const auto& row : *from) {
      to->emplace_back();
      for (const Sums::Cell& cell : row) to->back().push_back(cell.mean());
    }
  }
  learning.depth_relative = s.Depth(s.relative.all);
  learning.depth_gradient = s.Depth(s.gradient.all);
  for (int64_t l = 0; l < s.L; ++l) {
    learning.gradient_change.push_back(s.Mean(s.Change(s.gradient, l, l + 1)));
    learning.relative_change.push_back(s.Mean(s.Change(s.relative, l, l + 1)));
  }
  learning.gradient_by_depth = s.ByDepth(s.gradient);
  learning.relative_by_depth = s.ByDepth(s.relative);
  learning.domain_of_work = s.domain_of_work;
  for (size_t m = 0; m < kNumMeasures; ++m) {
    for (const ByWork& works : s.lags[m])
      learning.by_lag[m].push_back(s.Mean(works));
    for (const ByWork& works : s.layers[m])
      learning.by_layer[m].push_back(s.Mean(works));
    for (const ByWork& works : s.surprise[m])
      learning.by_surprise[m].push_back(s.Mean(works));
  }
  learning.density = s.pairs->Finish();
  learning.words = s.words->Finish();
  return learning;
}

PlasticityMap MapOfWindow(const WindowStatistics& s) {
  PlasticityMap map;
  for (int64_t m = 0; m <= s.M; ++m) map.edges.push_back(m * kMiniBatchTokens);
  const auto rows = [&](const std::vector<float>& values, int64_t num_rows,
                        int64_t heads) {
    std::vector<std::vector<double>> means(
        static_cast<size_t>(num_rows),
        std::vector<double>(static_cast<size_t>(s.M), 0));
    for (int64_t i = 0; i < num_rows * heads * s.M; ++i)
      means[i / (heads * s.M)][i % s.M] +=
          double{values[i]} / static_cast<double>(heads);
    return means;
  };
  map.grad_norm = rows(s.grad_norm, s.L, s.H);
  map.update_norm = rows(s.update_norm, s.L, s.H);
  map.relative_update = rows(s.relative_update, s.L, s.H);
  map.relative_by_head = rows(s.relative_update, s.L * s.H, 1);
  return map;
}

}  // namespace plastometer
