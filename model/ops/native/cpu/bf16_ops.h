// The arithmetic of `cpu-native-bf16`: weights stay bf16 in memory and dense
// products run in bf16 with fp32 accumulation through oneDNN (AMX or
// AVX512_BF16), their results rounded to bf16; products of few rows, as in
// decoding, read the weights once and keep rows and results fp32. Norms, inner
// loop, state and loss are the fp32 kernels.
#pragma once
#include <string>

#include "model/ops/portable/portable_ops.h"

namespace plastometer::ops {

class Bf16Ops : public PortableOps {
 public:
  using PortableOps::PortableOps;

  // Throws kUsage, naming `lane`, where the CPU has no bf16 products, or
  // PLASTOMETER_MAX_ISA rules them out.
  static void CheckMachine(const std::string& lane);
  // values [out, in] bf16.
  static Matrix Pack(const Matrix& plain, bool transposed);

 protected:
  at::Tensor DoEmbedding(const at::Tensor& ids, const Matrix& table) override;
  void Multiply(const float* x, int64_t num_rows, const Matrix& matrix,
                float* y) override;
};

}  // namespace plastometer::ops
