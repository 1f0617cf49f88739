#include "harness/results/token_series.h"

#include <bit>
#include <cmath>

#include "base/counters.h"
#include "harness/stats/basic.h"

namespace plastometer {
namespace {

void Subtract(std::vector<double>& series, const std::vector<size_t>& group,
              size_t num_groups) {
  std::vector<double> sums(num_groups, 0), counts(num_groups, 0);
  for (size_t t = 0; t < series.size(); ++t) {
    if (!std::isfinite(series[t])) {
      series[t] = stats::kUnknown;
      continue;
    }
    sums[group[t]] += series[t];
    counts[group[t]] += 1;
  }
  for (size_t t = 0; t < series.size(); ++t)
    series[t] -= sums[group[t]] / counts[group[t]];
}

}  // namespace

std::vector<double> LayerNorm(const WindowStatistics& s,
                              const std::vector<float>& values, int64_t layer) {
  std::vector<double> series(static_cast<size_t>(s.T), 0);
  for (int64_t h = 0; h < s.H; ++h) {
    const float* row = values.data() + (layer * s.H + h) * s.T;
    for (int64_t t = 0; t < s.T; ++t)
      series[t] += double{row[t]} * double{row[t]};
  }
  for (double& x : series) x = std::sqrt(x);
  return series;
}

std::vector<double> LayerMean(const WindowStatistics& s,
                              const std::vector<float>& values, int64_t layer) {
  std::vector<double> series(static_cast<size_t>(s.T), 0);
  for (int64_t h = 0; h < s.H; ++h) {
    const float* row = values.data() + (layer * s.H + h) * s.T;
    for (int64_t t = 0; t < s.T; ++t) series[t] += double{row[t]};
  }
  for (double& x : series) x /= static_cast<double>(s.H);
  return series;
}

std::vector<double> WholeNorm(const WindowStatistics& s,
                              const std::vector<float>& values) {
  std::vector<double> squares(static_cast<size_t>(s.T), 0);
  std::vector<bool> learns(static_cast<size_t>(s.T), false);
  for (int64_t row = 0; row < s.L * s.H; ++row) {
    for (int64_t t = 0; t < s.T; ++t) {
      const double x = values[static_cast<size_t>(row * s.T + t)];
      if (std::isnan(x)) continue;
      squares[t] += x * x;
      learns[t] = true;
    }
  }
  for (size_t t = 0; t < squares.size(); ++t)
    squares[t] = learns[t] ? std::sqrt(squares[t]) : stats::kUnknown;
  return squares;
}

std::vector<double> Logs(std::vector<double> series) {
  for (double& x : series)
    x = x > 0 && std::isfinite(x) ? std::log(x) : stats::kUnknown;
  return series;
}

std::vector<double> Standardised(std::vector<double> series) {
  std::vector<double> known;
  for (const double x : series)
    if (std::isfinite(x)) known.push_back(x);
  const double mean = stats::Mean(known),
               deviation = std::sqrt(stats::Variance(known));
  for (double& x : series) x = (x - mean) / deviation;
  return series;
}

std::vector<double> WithoutPosition(std::vector<double> series) {
  std::vector<size_t> place(series.size()), octave(series.size());
  for (size_t t = 0; t < series.size(); ++t) {
    place[t] = t % kMiniBatchTokens;
    octave[t] = static_cast<size_t>(std::bit_width(t / kMiniBatchTokens));
  }
  Subtract(series, octave, 64);
  Subtract(series, place, kMiniBatchTokens);
  return series;
}

}  // namespace plastometer
