// One window's statistics of the inner loop, as plain values. Names, shapes:
// docs/statistics.md.
#pragma once
#include <cstdint>
#include <vector>

namespace plastometer {

// Letters: L layers, H heads, T tokens, M = T / 16 full mini-batches.
struct WindowStatistics {
  int64_t L = 0, H = 0, T = 0, M = 0;
  std::vector<double> loss;         // [T]; loss[0] is NaN
  std::vector<int32_t> token_ids;   // [T]
  std::vector<uint8_t> word_class;  // [T], WordClass
  std::vector<float> grad_norm, update_norm, relative_update;  // [L, H, M]
  std::vector<float> token_grad_norm, token_step, gate;        // [L, H, T]
};

}  // namespace plastometer
