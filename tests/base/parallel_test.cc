#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "tests/errors.h"
#include "tests/no_threads.h"

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

TEST(ResolveThreads, OnlyWhatAMachineMayHave) {
  EXPECT_EQ(ResolveThreads(0), NumCores());
  EXPECT_EQ(ResolveThreads(kMaxThreads), kMaxThreads);
  for (const int64_t threads : {int64_t{-1}, int64_t{kMaxThreads} + 1,
                                int64_t{1'000'000'000}, int64_t{1} << 32})
    EXPECT_NE(MessageOf([&] { ResolveThreads(threads); }, ErrorKind::kUsage)
                  .find(std::to_string(threads) + "; expected 0 (all cores)"),
              std::string::npos);
}

TEST(ParallelFor, AThreadThatCannotBeStartedIsTheMachinesFault) {
  const NoThreads none;
  MessageOf([] { ParallelFor(100, 4, [](size_t) {}); },
            ErrorKind::kInfrastructure);
}

}  // namespace
}  // namespace plastometer
