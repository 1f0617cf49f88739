#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace plastometer {
namespace {

TEST(ParallelFor, EveryPieceOnce) {
  for (const int threads : {0, 1, 3, 64}) {
    std::vector<int> done(1000, 0);  // a piece is one thread's alone
    ParallelFor(done.size(), threads, [&](size_t i) { ++done[i]; });
    EXPECT_EQ(std::accumulate(done.begin(), done.end(), 0), 1000);
    EXPECT_EQ(*std::max_element(done.begin(), done.end()), 1);
  }
  ParallelFor(0, 4, [](size_t) { FAIL() << "there is no piece"; });
}

TEST(ParallelFor, AnExceptionEndsItAndComesBack) {
  for (const int threads : {1, 4}) {
    std::atomic<int> begun{0};
    try {
      ParallelFor(100000, threads, [&](size_t i) {
        ++begun;
        if (i == 7) throw std::runtime_error("piece 7");
      });
      FAIL() << "nothing thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "piece 7");
    }
    if (threads == 1) EXPECT_EQ(begun, 8);
  }
}

}  // namespace
}  // namespace plastometer
