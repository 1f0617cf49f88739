// The `portable` arithmetic on the CPU: docs/portable-arithmetic.md through the
// SIMD kernels, on at::Tensor handles. Threads share rows, columns, heads and
// sequences; never a sum.
#pragma once
#include <algorithm>
#include <string>

#include "model/ops/ops.h"
#include "model/ops/portable/cpu/kernels.h"
#include "model/ops/portable/cpu/thread_pool.h"
#include "model/ops/portable/portable_scan.h"

namespace plastometer::ops {

class PortableOps : public Ops {
 public:
  // `pool` may be null: one thread. The model must be supported.
  PortableOps(const ModelConfig& config, portable::ThreadPool* pool);

  // Throws kUsage, naming `lane`, when the kernels do not take the model: head
  // widths are multiples of 16, at most 256.
  static void CheckSupported(const ModelConfig& config,
                             const std::string& lane);
  // Panels [ceil(out / 32), in, 32] of a plain matrix.
  static Matrix Pack(const Matrix& plain, bool transposed);

 protected:
  at::Tensor DoEmbedding(const at::Tensor& ids, const Matrix& table) override;
  at::Tensor DoRmsNorm(const at::Tensor& x, const at::Tensor& weight) override;
  at::Tensor DoLinear(const at::Tensor& x, const Matrix& kernel) override;
  at::Tensor DoCausalConv(const at::Tensor& x, const at::Tensor& history,
                          const at::Tensor& kernel,
                          const at::Tensor& bias) override;
  at::Tensor DoInnerLearningRate(const at::Tensor& x, const Matrix& weight,
                                 const at::Tensor& bias) override;
  at::Tensor DoInnerScan(const ScanInput& input,
                         const InnerParameters& parameters, InnerState& state,
                         StatisticsCollector* statistics) override;
  at::Tensor DoFrozenInner(const at::Tensor& q, int64_t position,
                           const InnerParameters& parameters,
                           const InnerState& state) override;
  at::Tensor DoGatedNorm(const at::Tensor& gate, const at::Tensor& o,
                         const at::Tensor& weight,
                         const at::Tensor& bias) override;
  at::Tensor DoSwiGlu(const at::Tensor& x, const Matrix& w1, const Matrix& w3,
                      const Matrix& w2) override;
  at::Tensor DoLogits(const at::Tensor& h, const Matrix& table) override;
  at::Tensor DoTokenLoss(const at::Tensor& h, const Matrix& table,
                         const at::Tensor& targets) override;
  at::Tensor DoLossOfLogits(const at::Tensor& logits,
                            const at::Tensor& targets) override;
  at::Tensor DoAdd(const at::Tensor& a, const at::Tensor& b) override;

  // y [R, out] = x [R, in] times the matrix, shared among the threads.
  virtual void Multiply(const float* x, int64_t num_rows, const Matrix& matrix,
                        float* y);

  int num_threads() const { return pool_ == nullptr ? 1 : pool_->size(); }
  template <class Body>
  void ParallelFor(int64_t num_tasks, const Body& body) {
    if (pool_ != nullptr)
      pool_->ParallelFor(num_tasks, body);
    else
      for (int64_t task = 0; task < num_tasks; ++task) body(task);
  }
  // body(begin, end) over [0, num_rows) in pieces worth a thread's while.
  template <class Body>
  void ParallelRows(int64_t num_rows, int64_t row_elements, const Body& body) {
    constexpr int64_t kPieceElements = 16384;
    const int64_t rows = std::max<int64_t>(
        1, kPieceElements / std::max<int64_t>(1, row_elements));
    ParallelFor((num_rows + rows - 1) / rows, [&](int64_t piece) {
      body(piece * rows, std::min(num_rows, (piece + 1) * rows));
    });
  }

  const portable::Kernels& kernels_;

 private:
  portable::ThreadPool* const pool_;
  const RopeTable& rope_;
};

}  // namespace plastometer::ops
