#include "base/interrupt.h"

#include <csignal>

namespace plastometer {
namespace {

volatile std::sig_atomic_t g_signal = 0;

void Note(int signal) {
  g_signal = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  g_signal = 0;
  std::signal(SIGINT, Note);
  std::signal(SIGTERM, Note);
}

InterruptGuard::~InterruptGuard() {
  g_signal = 0;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

int TakeInterrupt() {
  const int signal = static_cast<int>(g_signal);
  g_signal = 0;
  return signal;
}

void ThrowIfInterrupted() {
  if (g_signal != 0) throw Interrupted{static_cast<int>(g_signal)};
}

}  // namespace plastometer
