// One window's statistics as series over its tokens.
#pragma once
#include <cstdint>
#include <vector>

#include "harness/results/window_statistics.h"

namespace plastometer {

// `values`: one of WindowStatistics' [L, H, T]. All series: [T].

// Norm over heads of each token in a layer: the root of the sum of squares. NaN
// where a head is NaN.
std::vector<double> LayerNorm(const WindowStatistics& s,
                              const std::vector<float>& values, int64_t layer);
// Mean over heads; NaN where a head is NaN.
std::vector<double> LayerMean(const WindowStatistics& s,
                              const std::vector<float>& values, int64_t layer);
// Norm over all layers and heads that learn; NaN where none does.
std::vector<double> WholeNorm(const WindowStatistics& s,
                              const std::vector<float>& values);

// NaN for what has no logarithm or is not finite: a step of exactly 0 (a
// learned rate that was clipped) says nothing on this scale.
std::vector<double> Logs(std::vector<double> series);
// Minus the mean over the deviation of what is finite.
std::vector<double> Standardised(std::vector<double> series);

// A series without what its position says: minus its mean over the same place
// in the mini-batch, minus its mean over the same octave of positions. What is
// not finite becomes NaN and changes no other value.
std::vector<double> WithoutPosition(std::vector<double> series);

}  // namespace plastometer
