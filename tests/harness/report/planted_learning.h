// Statistics whose truth is known, for a planted run.
#pragma once
#include <array>
#include <cmath>

#include "harness/results/class_losses.h"
#include "harness/results/learning.h"
#include "harness/stats/basic.h"

namespace plastometer {

using Quarters = std::array<double, 4>;

// Two layers with a norm for each quarter of a window, scattering by window; 0:
// frozen.
inline Learning PlantedLearning(const RunRecord& record, const Quarters& first,
                                const Quarters& second,
                                double scatter_by = 0.03) {
  LearningSummary summary(record, "early:1", {{1, 5}, {2, 3}},
                          {"other", "function", "seen content", "new content"});
  const float nan = std::nanf("");
  for (size_t w = 0; w < record.windows.size(); ++w) {
    WindowStatistics s;
    s.L = 2, s.H = 1, s.T = 256, s.M = 16;
    for (int64_t t = 0; t < s.T; ++t) {
      s.loss.push_back(t == 0 ? stats::kUnknown : double(t * 37 % 97) / 16);
      s.token_ids.push_back(static_cast<int32_t>(1 + t % 2));
      s.word_class.push_back(static_cast<uint8_t>(1 + t % 3));
    }
    for (int64_t i = 0; i < 2 * s.M; ++i) {
      const auto quarter = static_cast<size_t>(4 * (i % s.M) / s.M);
      const double planted = (i < s.M ? first : second)[quarter];
      const double scatter =
          1 + scatter_by * std::sin(static_cast<double>(7 * w + 3 * quarter +
                                                        (i < s.M ? 1 : 0)));
      const float norm =
          planted == 0 ? nan : static_cast<float>(planted * scatter);
      s.grad_norm.push_back(norm);
      s.update_norm.push_back(norm);
      s.relative_update.push_back(norm / 4);
    }
    for (int64_t i = 0; i < 2 * s.T; ++i) {
      const bool frozen = (i < s.T ? first : second)[0] == 0;
      const float step = frozen ? nan : float(1 + i % s.T * 53 % 89);
      s.token_grad_norm.push_back(step);
      s.token_step.push_back(step);
      s.gate.push_back(step);
    }
    summary.Add(w, s);
  }
  return summary.Finish();
}

// The second layer frozen; updates halve over the window.
inline Learning PlantedLearning(const RunRecord& record) {
  return PlantedLearning(record, {2, 2, 1, 1}, {0, 0, 0, 0}, 0);
}

// The same word classes, of the planted run's own losses.
inline ClassLosses PlantedClassLosses(const RunRecord& record) {
  ClassLosses losses(record);
  for (size_t w = 0; w < record.windows.size(); ++w) {
    std::vector<uint8_t> classes;
    for (int64_t t = 0; t < record.windows[w].num_tokens; ++t)
      classes.push_back(static_cast<uint8_t>(1 + t % 3));
    losses.Add(record, w, classes);
  }
  return losses;
}

}  // namespace plastometer
