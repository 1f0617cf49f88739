// y [R, N] = x [R, K] times the transpose of weights [N, K] bf16, for few rows:
// one pass over the weights at the speed of memory. x stays fp32; sums are
// fp32. oneDNN's product of one row reads at a third of that speed.
#pragma once
#include <cstdint>

namespace plastometer::native {

constexpr int64_t kFewRows = 4;

// num_rows <= kFewRows; the CPU must have AVX-512 (F, BW). Rows of x are K
// floats apart, rows of y `y_stride`. `weights` are bf16 bit patterns.
void MultiplyFewRows(const float* x, int64_t num_rows, int64_t num_in,
                     const uint16_t* weights, int64_t num_out, float* y,
                     int64_t y_stride);

}  // namespace plastometer::native
