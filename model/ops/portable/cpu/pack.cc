#include <algorithm>

#include "model/ops/portable/cpu/kernels.h"

namespace plastometer::portable {

void PackMatrix(const float* dense, int64_t row_stride, int64_t K, int64_t N,
                float* panels) {
  for (int64_t n = 0; n < N; n += kPanelColumns) {
    const int64_t count = std::min(kPanelColumns, N - n);
    for (int64_t k = 0; k < K; ++k, panels += kPanelColumns) {
      const float* row = dense + k * row_stride + n;
      if (count == kPanelColumns) {  // a length that the compiler knows
        std::copy(row, row + kPanelColumns, panels);
        continue;
      }
      std::fill(std::copy(row, row + count, panels), panels + kPanelColumns,
                0.0f);
    }
  }
}

void PackTransposed(const float* table, int64_t row_stride, int64_t K,
                    int64_t N, float* panels) {
  constexpr int64_t kBlock = 16;  // a cache line of each of the 32 rows
  for (int64_t n = 0; n < N; n += kPanelColumns, panels += K * kPanelColumns) {
    const int64_t count = std::min(kPanelColumns, N - n);
    if (count < kPanelColumns)
      std::fill(panels, panels + K * kPanelColumns, 0.0f);
    for (int64_t begin = 0; begin < K; begin += kBlock) {
      const int64_t end = std::min(begin + kBlock, K);
      for (int64_t c = 0; c < count; ++c) {
        const float* row = table + (n + c) * row_stride;
        for (int64_t k = begin; k < end; ++k)
          panels[k * kPanelColumns + c] = row[k];
      }
    }
  }
}

}  // namespace plastometer::portable
