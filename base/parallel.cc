#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <string>
#include <thread>
#include <vector>

namespace plastometer {

int NumCores() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

int ResolveThreads(int64_t num_threads) {
  if (num_threads < 0 || num_threads > kMaxThreads)
    throw UsageError("--threads is " + std::to_string(num_threads) +
                     "; expected 0 (all cores) to " +
                     std::to_string(kMaxThreads));
  return num_threads > 0 ? static_cast<int>(num_threads) : NumCores();
}

Error NoThread(const std::system_error& error) {
  return InfrastructureError(std::string("cannot start a thread: ") +
                             error.code().message() +
                             " (a smaller --threads needs fewer)");
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
    try {
      for (size_t t = 1; t < std::min(wanted, n); ++t)
        others.emplace_back(work);
    } catch (const std::system_error& error) {
      failed = true;  // those that run already end after their piece
      throw NoThread(error);
    }
    work();
  }
  if (failure != nullptr) std::rethrow_exception(failure);
}

}  // namespace plastometer
