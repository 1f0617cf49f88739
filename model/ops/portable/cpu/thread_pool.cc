#include "model/ops/portable/cpu/thread_pool.h"

#include <system_error>
#include <utility>

#include "base/parallel.h"

namespace plastometer::portable {
namespace {

constexpr uint64_t kTaskMask = 0xffffffff;
constexpr uint64_t kOneJob = kTaskMask + 1;
// About 20 microseconds: longer than the gap between two operations of a
// layer, shorter than what another program would miss.
constexpr int kSpins = 2000;

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int num_threads) : num_threads_(num_threads) {
  try {
    for (int t = 1; t < num_threads; ++t)
      threads_.emplace_back([this] { Loop(); });
  } catch (const std::system_error& error) {
    Stop();
    throw NoThread(error);
  }
}

ThreadPool::~ThreadPool() { Stop(); }

void ThreadPool::Stop() {
  stop_.store(true);
  ticket_.fetch_add(kOneJob);  // a new job without tasks wakes everyone
  ticket_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::Run(int64_t num_tasks, Call call, const void* context) {
  const std::unique_lock lock(one_caller_, std::try_to_lock);
  if (threads_.empty() || num_tasks <= 1 || !lock.owns_lock()) {
    for (int64_t task = 0; task < num_tasks; ++task) call(context, task);
    return;
  }
  call_ = call;
  context_ = context;
  unfinished_.store(num_tasks, std::memory_order_relaxed);
  const uint64_t job =
      (ticket_.load(std::memory_order_relaxed) & ~kTaskMask) + kOneJob;
  ticket_.store(job | static_cast<uint64_t>(num_tasks));
  if (sleeping_.load() > 0) ticket_.notify_all();
  while (RunOneTask()) {
  }
  for (int spin = 0; unfinished_.load(std::memory_order_acquire) > 0; ++spin) {
    if (spin < kSpins)
      Pause();
    else
      std::this_thread::yield();
  }
  if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
}

bool ThreadPool::RunOneTask() {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  do {
    if ((ticket & kTaskMask) == 0) return false;
  } while (!ticket_.compare_exchange_weak(ticket, ticket - 1,
                                          std::memory_order_acq_rel));
  try {
    call_(context_, static_cast<int64_t>((ticket & kTaskMask) - 1));
  } catch (...) {
    const std::lock_guard lock(error_mutex_);
    if (error_ == nullptr) error_ = std::current_exception();
  }
  unfinished_.fetch_sub(1, std::memory_order_acq_rel);
  return true;
}

void ThreadPool::Loop() {
  for (;;) {
    int spin = 0;
    while (!stop_.load(std::memory_order_relaxed) && spin < kSpins) {
      spin = RunOneTask() ? 0 : spin + 1;
      Pause();
    }
    if (stop_.load()) return;
    ++sleeping_;
    const uint64_t seen = ticket_.load();
    if ((seen & kTaskMask) == 0 && !stop_.load()) ticket_.wait(seen);
    --sleeping_;
  }
}

}  // namespace plastometer::portable
