// The CPU kernels of the portable arithmetic, one table per instruction set.
// All tables give the same bits: docs/portable-arithmetic.md defines them. No
// LibTorch in here; all pointers are row-major fp32, and nothing is aligned.
//
// Letters: D width, H heads, d = D/H, J hidden width of the inner MLP (4d), V
// vocabulary.
#pragma once
#include <cstdint>
#include <vector>

#include "base/counters.h"

namespace plastometer::portable {

// A matrix [K, N] in panels of 32 columns: values[(n / 32)][k][n % 32], zeros
// beyond N. The layout of every dense kernel, on every instruction set.
constexpr int64_t kPanelColumns = 32;
constexpr int64_t kSegment = 256;  // products in one chain
constexpr int64_t kBatchTokens = kMiniBatchTokens;
struct PackedMatrix {
  const float* values = nullptr;
  int64_t num_in = 0, num_out = 0;  // K, N
};
inline int64_t NumPanels(int64_t num_out) {
  return (num_out + kPanelColumns - 1) / kPanelColumns;
}
// dense [K, N] with `row_stride` floats between rows -> panels (see above;
// NumPanels(N) * K * 32 floats).
void PackMatrix(const float* dense, int64_t row_stride, int64_t K, int64_t N,
                float* panels);
// The same from the transpose: table [N, K], row v = output v.
void PackTransposed(const float* table, int64_t row_stride, int64_t K,
                    int64_t N, float* panels);

// y [M, N] = x [M, K] times the matrix, columns of panels [panel_begin,
// panel_end) only.
struct GemmArguments {
  const float* x = nullptr;
  int64_t x_stride = 0;  // floats between rows
  int64_t num_rows = 0;  // M
  PackedMatrix matrix;
  float* y = nullptr;
  int64_t y_stride = 0;
};

// Per-head outputs of statistics; null pointers when they are off. Token
// arrays have one entry per token of the call, mini-batch arrays one per
// mini-batch that ends in it. Suffix 2: TTT-MLP's second layer (else null).
struct HeadStatistics {
  float *token_grad_norm = nullptr, *token_step = nullptr, *gate = nullptr;
  float *inner_loss = nullptr, *loss_init = nullptr, *loss_step_0 = nullptr,
        *loss_step_1 = nullptr;
  float *grad_norm = nullptr, *update_norm = nullptr,
        *relative_update = nullptr, *state_norm = nullptr,
        *state_distance = nullptr;
  // [4]: W1, b1, W2, b2
  float* grad_norm_of[4] = {};
  float* update_norm_of[4] = {};
  float* relative_update_of[4] = {};
  float* state_norm_of[4] = {};
};

// RoPE's tables as rows of interleaved pairs [16, d]: x' = fma(even, of_even,
// odd * of_odd), even and odd each in both places of a pair.
struct RopeRows {
  const float *of_even = nullptr, *of_odd = nullptr;
};

// One (sequence, head) over a run of tokens. q, k, v, out: pointers to the
// head's first channel of the run's first token, `stride` floats between
// tokens; q and k before RoPE.
struct ScanArguments {
  const float *q = nullptr, *k = nullptr, *v = nullptr, *lr = nullptr;
  int64_t stride = 0, lr_stride = 0, out_stride = 0;
  float* out = nullptr;
  int64_t num_tokens = 0, position = 0;  // absolute position of the first
  const float* sigma = nullptr;          // one per mini-batch touched
  RopeRows rope;
  const float *norm_weight = nullptr, *norm_bias = nullptr;  // this head's [d]
  const float* token_rate = nullptr;                         // [16]
  int64_t head_dim = 0, hidden = 0;  // d; J, 0 for TTT-Linear
  // State, advanced in place: [d, d or J], [d or J], [J, d], [d].
  float *w1 = nullptr, *b1 = nullptr, *w2 = nullptr, *b2 = nullptr;
  // Rows of the open mini-batch, in place, room for 16 rows: keys after RoPE
  // [16, d], H1 [16, d or J], X [16, J], H2 [16, d]; how many are filled
  // follows from `position`.
  float *open_k = nullptr, *open_h1 = nullptr, *open_x = nullptr,
        *open_h2 = nullptr;
  // Statistics, or null. Then also G1 [16, d or J], G2 [16, d] of the open
  // rows, their losses l_t [16] and rates f_t [16], and W0 of this head.
  HeadStatistics* statistics = nullptr;
  float *open_g1 = nullptr, *open_g2 = nullptr, *open_loss = nullptr,
        *open_rate = nullptr;
  const float *initial_w1 = nullptr, *initial_b1 = nullptr,
              *initial_w2 = nullptr, *initial_b2 = nullptr;
};

struct Kernels {
  const char* isa;  // "scalar", "avx2", "avx512"
  int64_t num_lanes;

  // Rows [row_begin, row_end) of y.
  void (*gemm)(const GemmArguments& arguments, int64_t row_begin,
               int64_t row_end, int64_t panel_begin, int64_t panel_end);

  void (*rms_norm)(const float* x, const float* weight, float eps, float* y,
                   int64_t num_rows, int64_t width);
  // gate may be null.
  void (*gated_norm)(const float* gate, const float* o, const float* weight,
                     const float* bias, float eps, float* y, int64_t num_rows,
                     int64_t width);
  // One sequence: x [T, width], history [3, width]; rows [begin, end) of y.
  void (*causal_conv)(const float* x, const float* history, const float* kernel,
                      const float* bias, float* y, int64_t begin, int64_t end,
                      int64_t width);
  void (*add)(const float* a, const float* b, float* y, int64_t n);
  // y = silu(a) * b
  void (*swiglu)(const float* a, const float* b, float* y, int64_t n);
  // y[r, h] = sigmoid(x[r, h] + bias[h])
  void (*sigmoid_bias)(const float* x, const float* bias, float* y,
                       int64_t num_rows, int64_t width);
  // nll[r] of logits [num_rows, V] with `stride` floats between rows.
  void (*token_loss)(const float* logits, int64_t stride,
                     const int64_t* targets, float* nll, int64_t num_rows,
                     int64_t vocab);

  void (*inner_scan)(const ScanArguments& arguments);
  // Reads w1, b1 (w2, b2), q, out, rope and the norm only.
  void (*frozen_inner)(const ScanArguments& arguments);

  // y[i] = f(x[i]): for tests.
  void (*exp)(const float* x, float* y, int64_t n);
  void (*log)(const float* x, float* y, int64_t n);
  void (*sigmoid)(const float* x, float* y, int64_t n);
  void (*silu)(const float* x, float* y, int64_t n);
  void (*gelu)(const float* x, float* y, int64_t n);
  void (*gelu_derivative)(const float* x, float* y, int64_t n);
};

// The tables that this CPU can run, slowest first; "scalar" is always there.
const std::vector<const Kernels*>& AvailableKernels();
// The fastest one within PLASTOMETER_MAX_ISA (scalar, avx2 or avx512; unset: no
// cap). Throws kUsage for another value. Throws kInfrastructure when the
// floating-point environment of this thread is not the default (rounding to
// nearest, subnormals kept, all bits of long double).
const Kernels& SelectKernels();

// Correctly rounded RoPE tables [16, d/2].
void RopeTables(double theta, int64_t head_dim, std::vector<float>& cos,
                std::vector<float>& sin);
// The same as rows [16, d]; see RopeRows.
void InterleaveRope(const std::vector<float>& cos,
                    const std::vector<float>& sin, std::vector<float>& of_even,
                    std::vector<float>& of_odd);

}  // namespace plastometer::portable
