// Statistics whose truth is known, for a planted run.
#pragma once
#include <cmath>

#include "harness/results/class_losses.h"
#include "harness/results/learning.h"
#include "harness/stats/basic.h"

namespace plastometer {

// Two layers, the second frozen; updates halve over the window.
inline Learning PlantedLearning(const RunRecord& record) {
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
      const float norm = i >= s.M ? nan : i < s.M / 2 ? 2.0F : 1.0F;
      s.grad_norm.push_back(norm);
      s.update_norm.push_back(norm);
      s.relative_update.push_back(norm / 4);
    }
    for (int64_t i = 0; i < 2 * s.T; ++i) {
      const float step = i >= s.T ? nan : float(1 + i * 53 % 89);
      s.token_grad_norm.push_back(step);
      s.token_step.push_back(step);
      s.gate.push_back(step);
    }
    summary.Add(w, s);
  }
  return summary.Finish();
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
