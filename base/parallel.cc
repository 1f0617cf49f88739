#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

namespace plastometer {

int NumCores() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

int ResolveThreads(int64_t num_threads) {
  if (num_threads < 0)
    throw UsageError("--threads " + std::to_string(num_threads) +
                     "; expected a number >= 0");
  return num_threads > 0 ? static_cast<int>(num_threads) : NumCores();
}

void ParallelFor(size_t n, int num_threads,
                 const std::function<void(size_t)>& f) {
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (size_t i = next++; i < n && !failed; i = next++) f(i);
    } catch (...) {
      if (!failed.exchange(true)) failure = std::current_exception();
    }
  };
  const auto wanted = static_cast<size_t>(ResolveThreads(num_threads));
  {
    std::vector<std::jthread> others;
    for (size_t t = 1; t < std::min(wanted, n); ++t) others.emplace_back(work);
    work();
  }
  if (failure != nullptr) std::rethrow_exception(failure);
}

}  // namespace plastometer
