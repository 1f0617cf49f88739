#include "harness/studies/search.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace plastometer {
namespace {

constexpr size_t kBestShown = 10;

// All sets of `size` layers, in lexicographic order.
std::vector<Layers> AllSubsets(int64_t num_layers, int64_t size) {
  std::vector<Layers> sets;
  Layers layers(static_cast<size_t>(size));
  std::iota(layers.begin(), layers.end(), 0);
  for (;;) {
    sets.push_back(layers);
    int64_t i = size - 1;
    while (i >= 0 && layers[i] == num_layers - size + i) --i;
    if (i < 0) return sets;
    ++layers[i];
    for (int64_t j = i + 1; j < size; ++j) layers[j] = layers[j - 1] + 1;
  }
}

std::vector<SearchStep> Sorted(const std::vector<Layers>& sets, int64_t total,
                               const SubsetLosses& losses) {
  const std::vector<double> values = losses(sets, total);
  std::vector<SearchStep> steps;
  for (size_t i = 0; i < sets.size(); ++i)
    steps.push_back({sets[i], values.at(i)});
  std::stable_sort(
      steps.begin(), steps.end(),
      [](const SearchStep& a, const SearchStep& b) { return a.loss < b.loss; });
  return steps;
}

SearchResult Exhaustive(int64_t num_layers, int64_t size,
                        const SubsetLosses& losses) {
  SearchResult result;
  result.method = SearchMethod::kExhaustive;
  const std::vector<Layers> sets = AllSubsets(num_layers, size);
  result.num_sets = static_cast<int64_t>(sets.size());
  result.steps = Sorted(sets, result.num_sets, losses);
  result.best = result.steps.front().layers;
  result.steps.resize(std::min(result.steps.size(), kBestShown));
  return result;
}

SearchResult Greedy(int64_t num_layers, int64_t size,
                    const SubsetLosses& losses) {
  SearchResult result;
  result.method = SearchMethod::kGreedy;
  for (int64_t n = 0; n < size; ++n) result.num_sets += num_layers - n;
  for (int64_t n = 0; n < size; ++n) {
    std::vector<Layers> sets;
    for (int64_t l = 0; l < num_layers; ++l) {
      if (std::binary_search(result.best.begin(), result.best.end(), l))
        continue;
      sets.push_back(result.best);
      sets.back().insert(
          std::upper_bound(sets.back().begin(), sets.back().end(), l), l);
    }
    result.steps.push_back(Sorted(sets, result.num_sets, losses).front());
    result.best = result.steps.back().layers;
  }
  return result;
}

}  // namespace

int64_t CountSubsets(int64_t n, int64_t k, int64_t limit) {
  int64_t count = 1;
  for (int64_t i = 1; i <= std::min(k, n - k); ++i) {
    count = count * (n - i + 1) / i;
    if (count > limit) return limit + 1;
  }
  return count;
}

SearchResult SearchLayers(int64_t num_layers, int64_t size, SearchMethod method,
                          const SubsetLosses& losses) {
  if (size < 1 || size > num_layers)
    throw UsageError("search: " + std::to_string(size) + " of " +
                     std::to_string(num_layers) + " layers; expected 1 to " +
                     std::to_string(num_layers));
  const bool few =
      CountSubsets(num_layers, size, kMaxExhaustive) <= kMaxExhaustive;
  if (method == SearchMethod::kExhaustive && !few)
    throw UsageError("search: there are more than " +
                     std::to_string(kMaxExhaustive) + " sets of " +
                     std::to_string(size) + " among " +
                     std::to_string(num_layers) +
                     " layers; take --method "
                     "greedy");
  if (method == SearchMethod::kAuto)
    method = few ? SearchMethod::kExhaustive : SearchMethod::kGreedy;
  return method == SearchMethod::kExhaustive
             ? Exhaustive(num_layers, size, losses)
             : Greedy(num_layers, size, losses);
}

}  // namespace plastometer
