#include "model/ops/arithmetic.h"

#include <ATen/Parallel.h>

#include "model/ops/native/cpu/bf16_ops.h"
#include "model/ops/portable/portable_ops.h"
#include "model/ops/reference/reference_ops.h"

namespace plastometer::ops {
namespace {

// 32 row tiles of 14 (AVX-512) and 28 mini-batches; 1.4 MB of activations a
// layer at width 768.
constexpr int64_t kTokensAtOnce = 448;

}  // namespace

Arithmetic::Arithmetic() = default;
Arithmetic::~Arithmetic() = default;
Arithmetic::Arithmetic(Arithmetic&&) noexcept = default;
Arithmetic& Arithmetic::operator=(Arithmetic&&) noexcept = default;

Arithmetic::Arithmetic(Lane lane, const ModelConfig& config, int num_threads)
    : lane_(&TraitsOf(lane)), num_threads_(num_threads) {
  SetTorchThreads(/*alone=*/false);
  if (lane_->is_reference()) return;
  PortableOps::CheckSupported(config, lane_->name);
  if (lane_->bf16_products) Bf16Ops::CheckMachine(lane_->name);
  pool_ = std::make_unique<portable::ThreadPool>(num_threads);
}

Matrix Arithmetic::Prepare(const Matrix& plain, bool transposed) const {
  if (lane_->is_reference()) return plain;
  if (lane_->bf16_products) return Bf16Ops::Pack(plain, transposed);
  return PortableOps::Pack(plain, transposed);
}

std::unique_ptr<Ops> Arithmetic::MakeOps(const ModelConfig& config,
                                         bool alone) const {
  if (lane_->is_reference()) return std::make_unique<ReferenceOps>(config);
  portable::ThreadPool* const pool = alone ? nullptr : pool_.get();
  if (lane_->bf16_products) return std::make_unique<Bf16Ops>(config, pool);
  // cpu-native too: on the CPUs measured, no other product was faster over a
  // whole model (docs/lanes.md).
  return std::make_unique<PortableOps>(config, pool);
}

void Arithmetic::SetTorchThreads(bool alone) const {
  // One pool a process: ours, and LibTorch only moves data, or LibTorch's.
  const int wanted = alone || !lane_->is_reference() ? 1 : num_threads_;
  if (at::get_num_threads() != wanted) at::set_num_threads(wanted);
}

int64_t Arithmetic::tokens_at_once() const {
  return lane_->is_reference() ? 0 : kTokensAtOnce;
}

}  // namespace plastometer::ops
