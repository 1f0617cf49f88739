// Threads for independent tasks. The caller works too and takes whatever no
// thread has begun, so a core that is busy elsewhere delays at most the one
// task that runs on it.
#pragma once
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace plastometer::portable {

class ThreadPool {
 public:
  // num_threads counts the caller: 1 starts none. Throws kInfrastructure where
  // one cannot be started.
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  int size() const { return num_threads_; }

  // body(task) for every task in [0, num_tasks), in any order, on any thread;
  // returns when all are done; rethrows the first error. Called while another
  // thread is inside, it runs everything itself.
  template <class Body>
  void ParallelFor(int64_t num_tasks, const Body& body) {
    Run(
        num_tasks,
        [](const void* context, int64_t task) {
          (*static_cast<const Body*>(context))(task);
        },
        &body);
  }

 private:
  using Call = void (*)(const void* context, int64_t task);
  void Run(int64_t num_tasks, Call call, const void* context);
  bool RunOneTask();
  void Stop();
  void Loop();

  int num_threads_;
  std::vector<std::thread> threads_;
  std::mutex one_caller_;
  // Job number in the high half, tasks not yet begun in the low half: a task is
  // begun by a compare-and-swap, so nobody can take one of a job that ended.
  std::atomic<uint64_t> ticket_{0};
  std::atomic<int64_t> unfinished_{0};
  std::atomic<int> sleeping_{0};
  std::atomic<bool> stop_{false};
  Call call_ = nullptr;
  const void* context_ = nullptr;
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

}  // namespace plastometer::portable
