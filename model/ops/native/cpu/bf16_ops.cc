#include "model/ops/native/cpu/bf16_ops.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "model/ops/native/cpu/bf16_few_rows.h"

namespace plastometer::ops {
namespace {

constexpr int64_t kBlockRows = 224;

// One piece of a product, on any of our threads.
void MultiplyPiece(const float* x, int64_t num_rows, int64_t num_in,
                   const at::Tensor& columns, float* y, int64_t y_stride) {
  if (num_rows <= native::kFewRows) {
    const auto* weights =
        static_cast<const uint16_t*>(columns.const_data_ptr());
    native::MultiplyFewRows(x, num_rows, num_in, weights, columns.size(0), y,
                            y_stride);
    return;
  }
  const c10::InferenceMode inference;
  if (at::get_num_threads() != 1) at::set_num_threads(1);
  const auto fp32 = at::TensorOptions().dtype(at::kFloat);
  const at::Tensor rows =
      at::from_blob(const_cast<float*>(x), {num_rows, num_in}, fp32);
  const at::Tensor out =
      at::from_blob(y, {num_rows, columns.size(0)}, {y_stride, 1}, fp32);
  out.copy_(at::mm(rows.to(at::kBFloat16), columns.t()));
}

}  // namespace

void Bf16Ops::CheckMachine(const std::string& lane) {
#if defined(__x86_64__)
  const bool capped = std::strcmp(portable::SelectKernels().isa, "avx512") != 0;
  if (!capped && __builtin_cpu_supports("avx512bf16")) return;
#endif
  throw UsageError("lane '" + lane +
                   "': this CPU has no bf16 products (AVX512_BF16 or AMX), or "
                   "PLASTOMETER_MAX_ISA forbids them; lanes that can: "
                   "cpu-native, cpu-portable, cpu-reference");
}

Matrix Bf16Ops::Pack(const Matrix& plain, bool transposed) {
  Matrix packed;
  packed.num_in = plain.num_in;
  packed.num_out = plain.num_out;
  packed.values = (transposed ? plain.values : plain.values.t())
                      .to(at::kBFloat16)
                      .contiguous();
  return packed;
}

at::Tensor Bf16Ops::DoEmbedding(const at::Tensor& ids, const Matrix& table) {
  return at::embedding(table.values, ids).to(at::kFloat);
}

void Bf16Ops::Multiply(const float* x, int64_t num_rows, const Matrix& matrix,
                       float* y) {
  const int64_t in = matrix.num_in, out = matrix.num_out;
  const int64_t num_blocks = (num_rows + kBlockRows - 1) / kBlockRows;
  if (num_threads() == 1 || num_blocks >= num_threads()) {
    ParallelFor(num_blocks, [&](int64_t block) {
      const int64_t row = block * kBlockRows;
      MultiplyPiece(x + row * in, std::min(kBlockRows, num_rows - row), in,
                    matrix.values, y + row * out, out);
    });
    return;
  }
  // One row is bound by memory: more parts than threads, so that a thread that
  // was late takes fewer.
  const int64_t num_parts = std::min<int64_t>(
      num_rows <= native::kFewRows ? 4 * num_threads() : num_threads(), out);
  ParallelFor(num_parts, [&](int64_t part) {
    const int64_t begin = out * part / num_parts,
                  end = out * (part + 1) / num_parts;
    MultiplyPiece(x, num_rows, in, matrix.values.narrow(0, begin, end - begin),
                  y + begin, out);
  });
}

}  // namespace plastometer::ops
