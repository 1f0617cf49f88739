// SIGINT and SIGTERM as an exception at the next safe point, so that
// destructors remove what is unfinished.
#pragma once
#include <string>

namespace plastometer {

struct Interrupted {
  int signal;
  std::string left = "nothing was left behind";
};

// While it lives, the first SIGINT or SIGTERM is only noted; the second one
// kills.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

// The signal that came, for loops that end in order; 0: none. It counts as
// dealt with: what is written to end in order is not interrupted by it.
int TakeInterrupt();
// Throws Interrupted if a signal came.
void ThrowIfInterrupted();

}  // namespace plastometer
