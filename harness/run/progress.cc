#include "harness/run/progress.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace plastometer {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kLogSeconds = 10;

double Seconds(Clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

bool IsTerminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && term != nullptr &&
         std::strcmp(term, "dumb") != 0;
}

}  // namespace

std::string FormatDuration(double seconds) {
  const long s = std::lround(seconds);
  char text[32];
  if (s >= 3600) {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60,
                  s % 60);
  } else {
    std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
  }
  return text;
}

std::string ProgressBar(int64_t done, int64_t total, int width) {
  const int64_t filled = total > 0 ? width * done / total : 0;
  char percent[16];
  std::snprintf(percent, sizeof percent, " %3d %%",
                total > 0 ? static_cast<int>(100 * done / total) : 0);
  return "[" + std::string(filled, '#') + std::string(width - filled, '.') +
         "]" + percent;
}

double SecondsLeft(double elapsed_seconds, int64_t done, int64_t total) {
  return done > 0 ? elapsed_seconds * static_cast<double>(total - done) /
                        static_cast<double>(done)
                  : 0;
}

Progress::Progress(std::string label, int64_t already)
    : label_(std::move(label)),
      already_(already),
      terminal_(IsTerminal()),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::Update(int64_t done, int64_t total) {
  const auto now = Clock::now();
  const double elapsed = Seconds(now - start_);
  const std::string eta =
      done > 0 && done < total
          ? ", " + FormatDuration(SecondsLeft(elapsed, done, total)) + " left"
          : "";
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s %s%s", label_.c_str(),
                 ProgressBar(already_ + done, already_ + total, 30).c_str(),
                 eta.c_str());
    std::fflush(stderr);
    drawn_ = true;
  } else if (Seconds(now - last_) >= kLogSeconds || done == total) {
    const std::string before =
        already_ > 0 ? std::to_string(already_) + " were there, " : "";
    std::fprintf(stderr, "%s: %s%ld of %ld done in %s%s\n", label_.c_str(),
                 before.c_str(), static_cast<long>(done),
                 static_cast<long>(total), FormatDuration(elapsed).c_str(),
                 eta.c_str());
    last_ = now;
  }
}

}  // namespace plastometer
