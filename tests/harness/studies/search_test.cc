// Planted truths: losses that are made up.
#include "harness/studies/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace plastometer {
namespace {

bool Has(const Layers& layers, int64_t layer) {
  return std::find(layers.begin(), layers.end(), layer) != layers.end();
}

// Each layer is worth something; 2 and 5 together far more.
double Planted(const Layers& layers) {
  double loss = 10;
  for (const int64_t l : layers) loss -= l == 3 ? 1 : 0.1;
  if (Has(layers, 2) && Has(layers, 5)) loss -= 5;
  return loss;
}

SubsetLosses Counting(int64_t& calls) {
  return [&calls](const std::vector<Layers>& sets, int64_t) {
    std::vector<double> losses;
    for (const Layers& layers : sets) losses.push_back(Planted(layers));
    calls += static_cast<int64_t>(sets.size());
    return losses;
  };
}

TEST(Search, ExhaustiveFindsThePair) {
  int64_t calls = 0;
  const SearchResult r =
      SearchLayers(8, 2, SearchMethod::kAuto, Counting(calls));
  EXPECT_EQ(r.method, SearchMethod::kExhaustive);
  EXPECT_EQ(r.best, (Layers{2, 5}));
  EXPECT_EQ(r.num_sets, 28);
  EXPECT_EQ(calls, 28);
  EXPECT_EQ(r.steps.size(), 10U);
  EXPECT_LT(r.steps[0].loss, r.steps[1].loss);
}

TEST(Search, GreedyTakesTheBestLayerFirst) {
  int64_t calls = 0;
  const SearchResult r =
      SearchLayers(8, 2, SearchMethod::kGreedy, Counting(calls));
  // It does not see the pair: that is what greedy means.
  EXPECT_EQ(r.steps[0].layers, (Layers{3}));
  EXPECT_EQ(r.best, (Layers{0, 3}));  // a tie goes to the lower layer
  EXPECT_EQ(calls, 8 + 7);
}

TEST(Search, ManySetsAreSearchedGreedily) {
  int64_t calls = 0;
  EXPECT_EQ(SearchLayers(24, 6, SearchMethod::kAuto, Counting(calls)).method,
            SearchMethod::kGreedy);
  EXPECT_THROW(SearchLayers(24, 6, SearchMethod::kExhaustive, Counting(calls)),
               Error);
  EXPECT_THROW(SearchLayers(4, 5, SearchMethod::kAuto, Counting(calls)), Error);
  EXPECT_THROW(SearchLayers(4, 0, SearchMethod::kAuto, Counting(calls)), Error);
}

TEST(Search, CountsAndNames) {
  EXPECT_EQ(CountSubsets(12, 3, 300), 220);
  EXPECT_EQ(CountSubsets(24, 12, 300), 301);
  EXPECT_EQ(CountSubsets(5, 5, 300), 1);
  EXPECT_EQ(ProfileOf({0, 1, 2, 5, 7, 8}), "layers:0-2,5,7-8");
}

}  // namespace
}  // namespace plastometer
