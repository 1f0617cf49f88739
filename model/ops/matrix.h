// A dense weight as the arithmetic of a lane keeps it in memory.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <utility>

namespace plastometer::ops {

// Maps num_in channels to num_out. Plain: `values` is the stored tensor,
// [num_in, num_out], or [num_out, num_in] where the model keeps the transpose
// (the embedding table, the learning rates). Packed: see the lane's arithmetic
// (portable_ops.h).
struct Matrix {
  at::Tensor values;
  int64_t num_in = 0, num_out = 0;

  Matrix() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a tensor is a plain matrix
  Matrix(at::Tensor plain) : values(std::move(plain)) {
    if (values.defined()) {
      num_in = values.size(0);
      num_out = values.size(1);
    }
  }
  static Matrix Transposed(at::Tensor plain) {
    Matrix matrix(std::move(plain));
    std::swap(matrix.num_in, matrix.num_out);
    return matrix;
  }
};

}  // namespace plastometer::ops
