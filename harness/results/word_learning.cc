#include "harness/results/word_learning.h"

#include <algorithm>
#include <cmath>

#include "harness/results/token_series.h"
#include "harness/stats/basic.h"

namespace plastometer {
namespace {

using stats::Interval;
using stats::WorkTotals;

struct Condition {
  std::string name;
  double from, to;
};
// Bins of equal loss, and of equal frequency by rank in the run's text.
const std::vector<Condition>& LossBins() {
  static const std::vector<Condition> bins = {{"loss 0 to 1 nats", 0, 1},
                                              {"loss 1 to 2 nats", 1, 2},
                                              {"loss 2 to 4 nats", 2, 4},
                                              {"loss 4 to 6 nats", 4, 6},
                                              {"loss above 6 nats", 6, 1e300}};
  return bins;
}
const std::vector<Condition>& RankBins() {
  static const std::vector<Condition> bins = {
      {"rank 1 to 16", 1, 17},
      {"rank 17 to 64", 17, 65},
      {"rank 65 to 256", 65, 257},
      {"rank 257 to 1,024", 257, 1025},
      {"rank above 1,024", 1025, 1e300}};
  return bins;
}

size_t BinOf(const std::vector<Condition>& bins, double x) {
  for (size_t i = 0; i < bins.size(); ++i)
    if (x >= bins[i].from && x < bins[i].to) return i;
  return bins.size();
}

// Classes that stand in for each other's contrasts: prose, then code.
constexpr std::pair<const char*, const char*> kContrasts[] = {
    {"new content", "function"},     {"seen content", "function"},
    {"new content", "seen content"}, {"new identifier", "keyword"},
    {"seen identifier", "keyword"},  {"new identifier", "seen identifier"}};

}  // namespace

WordSums::WordSums(size_t num_works, uint64_t seed,
                   const std::map<int32_t, int64_t>& counts,
                   std::vector<std::string> class_names)
    : num_works_(num_works), seed_(seed), class_names_(std::move(class_names)) {
  std::vector<std::pair<int64_t, int32_t>> order;
  for (const auto& [id, count] : counts) order.emplace_back(-count, id);
  std::ranges::sort(order);
  for (size_t i = 0; i < order.size(); ++i)
    rank_of_id_[order[i].second] = static_cast<double>(i + 1);
}

// Mean over layers of the log step, position removed; a layer whose step at a
// token is 0 says nothing there. NaN: no layer does.
std::vector<double> WordSums::LogSteps(const WindowStatistics& s) {
  const auto T = static_cast<size_t>(s.T);
  std::vector<double> sum(T, 0), known(T, 0), zeros(T, 0);
  for (int64_t l = 0; l < s.L; ++l) {
    const std::vector<double> step = LayerNorm(s, s.token_step, l),
                              rest = WithoutPosition(Logs(step));
    for (size_t t = 0; t < T; ++t) {
      zeros[t] += step[t] == 0;
      if (std::isnan(rest[t])) continue;
      sum[t] += rest[t];
      known[t] += 1;
    }
  }
  for (size_t t = 0; t < T; ++t) {
    sum[t] = known[t] > 0 ? sum[t] / known[t] : stats::kUnknown;
    if (t == 0) continue;
    steps_ += static_cast<int64_t>(known[t] + zeros[t]);
    zero_steps_ += static_cast<int64_t>(zeros[t]);
    zero_tokens_ += known[t] == 0 && zeros[t] > 0;
  }
  return sum;
}

void WordSums::AddTo(Sums& sums, size_t condition, size_t word_class,
                     size_t work, double value) {
  if (!std::isfinite(value)) return;
  auto [at, fresh] = sums.try_emplace({condition, word_class});
  if (fresh) at->second.works.resize(num_works_);
  plastometer::AddTo(at->second.works[work], value, 1);
  ++at->second.tokens;
}

void WordSums::Add(size_t work, const WindowStatistics& s) {
  const std::vector<double> gradient = WholeNorm(s, s.token_grad_norm),
                            step = WholeNorm(s, s.token_step),
                            log_step = LogSteps(s);
  for (int64_t t = 1; t < s.T; ++t) {
    const size_t c = s.word_class[t];
    AddTo(gradient_, 0, c, work, gradient[t]);
    AddTo(step_, 0, c, work, step[t]);
    AddTo(plain_, 0, c, work, log_step[t]);
    if (const size_t bin = BinOf(LossBins(), s.loss[t]);
        bin < LossBins().size())
      AddTo(by_loss_, bin, c, work, log_step[t]);
    const auto rank = rank_of_id_.find(s.token_ids[t]);
    if (rank != rank_of_id_.end())
      AddTo(by_rank_, BinOf(RankBins(), rank->second), c, work, log_step[t]);
  }
}

// Difference of two classes within each work and condition, weighted by the
// smaller number of tokens.
Interval WordSums::Contrast(const Sums& sums, size_t num_conditions, size_t a,
                            size_t b) const {
  ByWork works(num_works_);
  for (size_t c = 0; c < num_conditions; ++c) {
    const auto of_a = sums.find({c, a}), of_b = sums.find({c, b});
    if (of_a == sums.end() || of_b == sums.end()) continue;
    for (size_t w = 0; w < num_works_; ++w) {
      const WorkTotals &x = of_a->second.works[w], &y = of_b->second.works[w];
      if (x.weight > 0 && y.weight > 0)
        plastometer::AddTo(works[w], x.sum / x.weight - y.sum / y.weight,
                           std::min(x.weight, y.weight));
    }
  }
  return MeanByWork(works, seed_);
}

std::string WordSums::NameOf(size_t word_class) const {
  return word_class < class_names_.size()
             ? class_names_[word_class]
             : "class " + std::to_string(word_class);
}

void WordSums::FinishContrasts(WordLearning& words) const {
  const auto of = [&](const char* text) {
    return static_cast<size_t>(std::ranges::find(class_names_, text) -
                               class_names_.begin());
  };
  for (const auto& [a, b] : kContrasts) {
    if (!plain_.count({0, of(a)}) || !plain_.count({0, of(b)})) continue;
    words.contrasts.push_back(
        {a, b, Contrast(plain_, 1, of(a), of(b)),
         Contrast(by_loss_, LossBins().size(), of(a), of(b)),
         Contrast(by_rank_, RankBins().size(), of(a), of(b))});
  }
}

WordLearning WordSums::Finish() const {
  WordLearning words{{}, {}, {}, steps_, zero_steps_, zero_tokens_};
  for (const auto& [key, sum] : gradient_) {
    const auto step = step_.find(key);
    words.norms.push_back(
        {NameOf(key.second), sum.tokens, MeanByWork(sum.works, seed_),
         step == step_.end() ? Interval{}
                             : MeanByWork(step->second.works, seed_)});
  }
  const auto add = [&](const Sums& sums, const auto& condition) {
    for (const auto& [key, sum] : sums)
      words.classes.push_back({condition(key.first), NameOf(key.second),
                               sum.tokens, MeanByWork(sum.works, seed_)});
  };
  add(plain_, [](size_t) { return std::string("all"); });
  add(by_loss_, [](size_t c) { return LossBins()[c].name; });
  add(by_rank_, [](size_t c) { return RankBins()[c].name; });
  FinishContrasts(words);
  return words;
}

}  // namespace plastometer
