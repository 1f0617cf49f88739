#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace plastometer {

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
  const size_t cores = std::max(1u, std::thread::hardware_concurrency());
  const size_t wanted =
      num_threads > 0 ? static_cast<size_t>(num_threads) : cores;
  {
    std::vector<std::jthread> others;
    for (size_t t = 1; t < std::min(wanted, n); ++t) others.emplace_back(work);
    work();
  }
  if (failure != nullptr) std::rethrow_exception(failure);
}

}  // namespace plastometer
