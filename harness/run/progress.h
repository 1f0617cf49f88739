// Progress on stderr: a bar that redraws itself on a terminal, a line now and
// then in a log.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace plastometer {

class Progress {
 public:
  // `already`: units that were there before this process began, of an earlier
  // run that goes on. They fill the bar, and say nothing about the time left.
  explicit Progress(std::string label, int64_t already = 0);
  ~Progress();  // ends the bar's line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // Of this process alone.
  void Update(int64_t done, int64_t total);

 private:
  std::string label_;
  int64_t already_;
  bool terminal_ = false, drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

// Of `total` units, `done` of which took `elapsed_seconds`; 0 where nothing is
// known yet.
double SecondsLeft(double elapsed_seconds, int64_t done, int64_t total);
// "1:07", "2:03:04".
std::string FormatDuration(double seconds);
// "[#####...............]  25 %"
std::string ProgressBar(int64_t done, int64_t total, int width);

}  // namespace plastometer
