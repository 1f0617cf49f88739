// Progress on stderr: a bar that redraws itself on a terminal, a line now and
// then in a log.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace plastometer {

class Progress {
 public:
  explicit Progress(std::string label);
  ~Progress();  // ends the bar's line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void Update(int64_t done, int64_t total);

 private:
  std::string label_;
  bool terminal_ = false, drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

// "1:07", "2:03:04".
std::string FormatDuration(double seconds);
// "[#####...............]  25 %"
std::string ProgressBar(int64_t done, int64_t total, int width);

}  // namespace plastometer
