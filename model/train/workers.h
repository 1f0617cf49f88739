// The trainer's threads.
#pragma once
#include <ATen/Parallel.h>

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/parallel.h"

namespace plastometer::train {

// Threads that sleep between steps (spinning ones would fight for the cores
// with whoever else is there).
class Workers {
 public:
  // Throws kInfrastructure where a thread cannot be started.
  explicit Workers(int num_threads) {
    try {
      for (int t = 1; t < num_threads; ++t)
        threads_.emplace_back([this, t] { Loop(t); });
    } catch (const std::system_error& error) {
      Stop();
      throw NoThread(error);
    }
    num_threads_ = num_threads;
    at::set_num_threads(1);
  }
  ~Workers() { Stop(); }

  int size() const { return num_threads_; }

  // body(thread) on every thread; returns when all are done; rethrows the first
  // error.
  void Run(const std::function<void(int)>& body) {
    {
      const std::lock_guard lock(mutex_);
      body_ = &body;
      pending_ = num_threads_ - 1;
      ++generation_;
    }
    wake_.notify_all();
    Guarded(0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return pending_ == 0; });
    if (error_ != nullptr)
      std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void Guarded(int thread) {
    try {
      (*body_)(thread);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (error_ == nullptr) error_ = std::current_exception();
    }
  }

  void Loop(int thread) {
    at::set_num_threads(1);  // LibTorch's setting is per thread
    int64_t seen = 0;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
        if (stop_) return;
        seen = generation_;
      }
      Guarded(thread);
      const std::lock_guard lock(mutex_);
      if (--pending_ == 0) done_.notify_one();
    }
  }

  std::vector<std::thread> threads_;
  int num_threads_ = 1;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int)>* body_ = nullptr;
  int pending_ = 0;
  int64_t generation_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
};

}  // namespace plastometer::train
