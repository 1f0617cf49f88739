#include <gmock/gmock.h>

#include <algorithm>

#include "base/error.h"
#include "tests/datasets/synthetic/helpers.h"

namespace plastometer::synthetic {
namespace {

double NgramNatsOf(int32_t vocab, int order, double alpha, const Ids& ids) {
  const auto agent = NewNgramAgent(vocab, order, alpha);
  double nats = 0;
  for (const int32_t id : ids) nats += agent->Observe(id);
  return nats;
}

// Counted anew for every token.
double CountedNats(int32_t vocab, size_t order, double alpha, const Ids& ids) {
  double nats = 0;
  for (size_t t = 0; t < ids.size(); ++t) {
    double count = 0, total = 0;
    for (size_t s = order; t >= order && s < t; ++s) {
      if (!std::equal(ids.begin() + static_cast<long>(s - order),
                      ids.begin() + static_cast<long>(s),
                      ids.begin() + static_cast<long>(t - order)))
        continue;
      ++total;
      count += ids[s] == ids[t];
    }
    nats -= std::log((count + alpha) / (total + vocab * alpha));
  }
  return nats;
}

TEST(Ngram, CountsWhatCameAfterTheSameContext) {
  for (const double alpha : {0.5, 1.0})
    for (size_t order = 0; order <= 3; ++order)
      for (const Ids& ids : AllSequences(3, 7))
        ASSERT_NEAR(NgramNatsOf(3, static_cast<int>(order), alpha, ids),
                    CountedNats(3, order, alpha, ids), 1e-12)
            << order << " " << ::testing::PrintToString(ids);
}

TEST(Ngram, IsALaw) {
  for (const int order : {0, 1, 2, 5}) {
    double sum = 0;
    for (const Ids& ids : AllSequences(3, 7))
      sum += std::exp(-NgramNatsOf(3, order, 0.5, ids));
    EXPECT_NEAR(sum, 1, 1e-12) << order;
  }
}

TEST(Ngram, OrderOneIsTheBayesLawOfChains) {
  const auto laplace = Task("chains")->Document(3, 500);
  EXPECT_NEAR(NgramNatsOf(8, 1, 1, laplace.ids), Sum(laplace.floor_nats), 1e-9);
  const auto kt = Task("chains", R"({"alpha": [1, 2]})")->Document(3, 500);
  EXPECT_NEAR(NgramNatsOf(8, 1, 0.5, kt.ids), Sum(kt.floor_nats), 1e-9);
  EXPECT_GT(NgramNatsOf(8, 0, 1, laplace.ids), Sum(laplace.floor_nats) + 10);
}

TEST(Ngram, ArgumentsAreChecked) {
  EXPECT_THROW(NewNgramAgent(1, 1, 1), Error);
  EXPECT_THROW(NewNgramAgent(8, -1, 1), Error);
  EXPECT_THROW(NewNgramAgent(8, 1, 0), Error);
  EXPECT_THROW(NewNgramAgent(8, 1, std::nan("")), Error);
  EXPECT_THROW(NewNgramAgent(8, 21, 1), Error);  // 2^66
  EXPECT_NE(NewNgramAgent(8, 20, 1), nullptr);   // 2^63
}

}  // namespace
}  // namespace plastometer::synthetic
