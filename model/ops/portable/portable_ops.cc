#include "model/ops/portable/portable_ops.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "base/error.h"

namespace plastometer::ops {
namespace {

using portable::GemmArguments;
using portable::kPanelColumns;
using portable::NumPanels;
using portable::PackedMatrix;

// Flax LayerNorm's default, whatever rms_norm_eps is.
constexpr float kPostNormEps = 1e-6f;
constexpr int64_t kBlockRows = 224;  // of x, per task of a product
constexpr int64_t kHeadRows = 224;   // logits of so many rows are in memory

int64_t Rows(const at::Tensor& x) { return x.numel() / x.size(-1); }
const float* In(const at::Tensor& x) { return x.const_data_ptr<float>(); }
float* Out(const at::Tensor& x) { return x.data_ptr<float>(); }

at::Tensor Empty(at::IntArrayRef sizes) {
  return at::empty(sizes, at::TensorOptions().dtype(at::kFloat));
}

PackedMatrix View(const Matrix& matrix) {
  return {In(matrix.values), matrix.num_in, matrix.num_out};
}

// Computed once for each theta and width: ops live for one call of the model.
const RopeTable& RopeTablesOf(const ModelConfig& config) {
  static std::mutex mutex;
  static std::map<std::pair<double, int64_t>, RopeTable> tables;
  const std::lock_guard lock(mutex);
  const std::pair key(config.rope_theta, config.head_dim());
  if (const auto found = tables.find(key); found != tables.end())
    return found->second;
  std::vector<float> cos, sin;
  portable::RopeTables(config.rope_theta, config.head_dim(), cos, sin);
  RopeTable& table = tables[key];
  portable::InterleaveRope(cos, sin, table.of_even, table.of_odd);
  return table;
}

at::Tensor WithLastSize(const at::Tensor& x, int64_t size) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = size;
  return Empty(sizes);
}

}  // namespace

void PortableOps::CheckSupported(const ModelConfig& config,
                                 const std::string& lane) {
  if (const MixerSpec& mixer = MixerSpecOf(config); !mixer.has_kernels)
    throw UsageError("lane '" + lane + "' has no kernels for " + mixer.title +
                     ". Lanes that take any mixer: cpu-reference, "
                     "cpu-reference-fp64");
  const int64_t d = config.head_dim();
  if (d % 16 == 0 && d <= 256) return;
  throw UsageError("lane '" + lane + "': the model's head width is " +
                   std::to_string(d) +
                   "; its kernels take multiples of 16 up to 256. Lanes that "
                   "take any width: cpu-reference, cpu-reference-fp64");
}

PortableOps::PortableOps(const ModelConfig& config, portable::ThreadPool* pool)
    : Ops(config),
      kernels_(portable::SelectKernels()),
      pool_(pool),
      rope_(RopeTablesOf(config)) {}

Matrix PortableOps::Pack(const Matrix& plain, bool transposed) {
  const at::Tensor dense = plain.values.contiguous();
  Matrix packed;
  packed.num_in = plain.num_in;
  packed.num_out = plain.num_out;
  packed.values =
      Empty({NumPanels(plain.num_out), plain.num_in, kPanelColumns});
  const auto pack =
      transposed ? portable::PackTransposed : portable::PackMatrix;
  pack(In(dense), dense.size(1), plain.num_in, plain.num_out,
       Out(packed.values));
  return packed;
}

at::Tensor PortableOps::DoEmbedding(const at::Tensor& ids,
                                    const Matrix& table) {
  const int64_t D = table.num_in;
  const at::Tensor contiguous = ids.contiguous();
  const int64_t* id = contiguous.const_data_ptr<int64_t>();
  const at::Tensor rows = Empty({ids.size(0), ids.size(1), D});
  float* out = Out(rows);
  for (int64_t i = 0; i < ids.numel(); ++i) {
    const float* column = In(table.values) +
                          id[i] / kPanelColumns * D * kPanelColumns +
                          id[i] % kPanelColumns;
    for (int64_t c = 0; c < D; ++c) out[i * D + c] = column[c * kPanelColumns];
  }
  return rows;
}

at::Tensor PortableOps::DoRmsNorm(const at::Tensor& x,
                                  const at::Tensor& weight) {
  const at::Tensor rows = x.contiguous(), w = weight.contiguous(),
                   y = at::empty_like(rows);
  const int64_t D = x.size(-1);
  const auto eps = static_cast<float>(config_.rms_norm_eps);
  ParallelRows(Rows(x), D, [&](int64_t begin, int64_t end) {
    kernels_.rms_norm(In(rows) + begin * D, In(w), eps, Out(y) + begin * D,
                      end - begin, D);
  });
  return y;
}

void PortableOps::Multiply(const float* x, int64_t num_rows,
                           const Matrix& matrix, float* y) {
  const GemmArguments gemm = {x, matrix.num_in, num_rows, View(matrix),
                              y, matrix.num_out};
  const int64_t num_panels = NumPanels(matrix.num_out);
  const int64_t num_blocks = (num_rows + kBlockRows - 1) / kBlockRows;
  if (num_threads() == 1) {
    kernels_.gemm(gemm, 0, num_rows, 0, num_panels);
    return;
  }
  if (num_blocks >= num_threads()) {
    ParallelFor(num_blocks, [&](int64_t block) {
      kernels_.gemm(gemm, block * kBlockRows,
                    std::min(num_rows, (block + 1) * kBlockRows), 0,
                    num_panels);
    });
    return;
  }
  const int64_t num_tasks = std::min<int64_t>(num_panels, 4 * num_threads());
  ParallelFor(num_tasks, [&](int64_t task) {
    kernels_.gemm(gemm, 0, num_rows, num_panels * task / num_tasks,
                  num_panels * (task + 1) / num_tasks);
  });
}

at::Tensor PortableOps::DoLinear(const at::Tensor& x, const Matrix& kernel) {
  const at::Tensor rows = x.contiguous(), y = WithLastSize(x, kernel.num_out);
  Multiply(In(rows), Rows(x), kernel, Out(y));
  return y;
}

at::Tensor PortableOps::DoCausalConv(const at::Tensor& x,
                                     const at::Tensor& history,
                                     const at::Tensor& kernel,
                                     const at::Tensor& bias) {
  const at::Tensor rows = x.contiguous(), before = history.contiguous(),
                   taps = kernel.contiguous(), y = at::empty_like(rows);
  const int64_t T = x.size(1), D = x.size(2);
  for (int64_t b = 0; b < x.size(0); ++b) {
    ParallelRows(T, D, [&](int64_t begin, int64_t end) {
      kernels_.causal_conv(In(rows) + b * T * D,
                           In(before) + b * before.size(1) * D, In(taps),
                           In(bias), Out(y) + b * T * D, begin, end, D);
    });
  }
  return y;
}

at::Tensor PortableOps::DoInnerLearningRate(const at::Tensor& x,
                                            const Matrix& weight,
                                            const at::Tensor& bias) {
  const at::Tensor y = DoLinear(x, weight), shift = bias.contiguous();
  kernels_.sigmoid_bias(In(y), In(shift), Out(y), Rows(y), y.size(-1));
  return y;
}

at::Tensor PortableOps::DoInnerScan(const ScanInput& input,
                                    const InnerParameters& parameters,
                                    InnerState& state,
                                    StatisticsCollector* statistics) {
  PortableScan scan(config_, parameters, rope_);
  scan.Prepare(input, state, statistics != nullptr);
  ParallelFor(scan.num_heads(),
              [&](int64_t head) { kernels_.inner_scan(scan.Head(head)); });
  if (statistics != nullptr) scan.Collect(*statistics);
  scan.Close(state);
  return scan.out();
}

at::Tensor PortableOps::DoFrozenInner(const at::Tensor& q, int64_t position,
                                      const InnerParameters& parameters,
                                      const InnerState& state) {
  PortableScan scan(config_, parameters, rope_);
  scan.PrepareFrozen(q, position, state);
  ParallelFor(scan.num_heads(),
              [&](int64_t head) { kernels_.frozen_inner(scan.Head(head)); });
  return scan.out();
}

at::Tensor PortableOps::DoGatedNorm(const at::Tensor& gate, const at::Tensor& o,
                                    const at::Tensor& weight,
                                    const at::Tensor& bias) {
  const at::Tensor gates = gate.defined() ? gate.contiguous() : at::Tensor(),
                   rows = o.contiguous(), w = weight.contiguous(),
                   shift = bias.contiguous(), y = at::empty_like(rows);
  const int64_t D = o.size(-1);
  ParallelRows(Rows(o), D, [&](int64_t begin, int64_t end) {
    kernels_.gated_norm(gates.defined() ? In(gates) + begin * D : nullptr,
                        In(rows) + begin * D, In(w), In(shift), kPostNormEps,
                        Out(y) + begin * D, end - begin, D);
  });
  return y;
}

at::Tensor PortableOps::DoSwiGlu(const at::Tensor& x, const Matrix& w1,
                                 const Matrix& w3, const Matrix& w2) {
  const at::Tensor rows = x.contiguous(), y = WithLastSize(x, w2.num_out);
  const int64_t num_rows = Rows(x), F = w1.num_out;
  const at::Tensor gate = Empty({num_rows, F}), up = Empty({num_rows, F});
  Multiply(In(rows), num_rows, w1, Out(gate));
  Multiply(In(rows), num_rows, w3, Out(up));
  ParallelRows(num_rows, F, [&](int64_t begin, int64_t end) {
    kernels_.swiglu(In(gate) + begin * F, In(up) + begin * F,
                    Out(gate) + begin * F, (end - begin) * F);
  });
  Multiply(In(gate), num_rows, w2, Out(y));
  return y;
}

at::Tensor PortableOps::DoLogits(const at::Tensor& h, const Matrix& table) {
  return DoLinear(h, table);
}

at::Tensor PortableOps::DoTokenLoss(const at::Tensor& h, const Matrix& table,
                                    const at::Tensor& targets) {
  const at::Tensor rows = h.contiguous();
  const int64_t N = h.size(0);
  const at::Tensor losses = Empty({N});
  for (int64_t row = 0; row < N; row += kHeadRows) {
    const int64_t n = std::min(kHeadRows, N - row);
    const at::Tensor logits = DoLinear(rows.narrow(0, row, n), table);
    losses.narrow(0, row, n).copy_(
        LossOfLogits(logits, targets.narrow(0, row, n)));
  }
  return losses;
}

at::Tensor PortableOps::DoLossOfLogits(const at::Tensor& logits,
                                       const at::Tensor& targets) {
  const at::Tensor rows = logits.contiguous(), target = targets.contiguous();
  const int64_t N = rows.size(0), V = rows.size(1);
  const at::Tensor losses = Empty({N});
  ParallelRows(N, V, [&](int64_t begin, int64_t end) {
    kernels_.token_loss(In(rows) + begin * V, V,
                        target.const_data_ptr<int64_t>() + begin,
                        Out(losses) + begin, end - begin, V);
  });
  return losses;
}

at::Tensor PortableOps::DoAdd(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor left = a.contiguous(), right = b.contiguous(),
                   y = at::empty_like(left);
  ParallelRows(a.numel(), 1, [&](int64_t begin, int64_t end) {
    kernels_.add(In(left) + begin, In(right) + begin, Out(y) + begin,
                 end - begin);
  });
  return y;
}

}  // namespace plastometer::ops
