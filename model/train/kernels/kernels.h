// Training kernels: fp32, CPU, torch-free, with hand-written backward passes.
// One table of functions for each instruction set; SelectKernels() takes the
// best one that the running CPU has. Nothing here starts threads: callers split
// the work.
#pragma once
#include <cstdint>

namespace plastometer::train {

// TTT-Linear scan of B sequences. Letters: model/config.h. Rows of the last,
// ragged mini-batch never reach the state.
struct ScanArgs {
  int64_t batch = 0, tokens = 0, heads = 0, head_dim = 0;
  // [B, T, D] before RoPE; k, v may be null when all is frozen.
  const float *q = nullptr, *k = nullptr, *v = nullptr;
  const float* lr = nullptr;           // [B, T, H] after the sigmoid
  const float* token_scale = nullptr;  // [16] max(0, 1/(t+1) + token_idx[t])
  // [M] base_lr * lambda / d; 0: a frozen mini-batch.
  const float* eta_scale = nullptr;
  const float *cosines = nullptr, *sines = nullptr;          // [d/2, 16]
  const float *norm_weight = nullptr, *norm_bias = nullptr;  // [H, d]
  // [B or 1, H, d, d], [B or 1, H, 1, d].
  const float *w0 = nullptr, *b0 = nullptr;
  bool start_per_sequence = false;  // whether w0, b0 have the B dimension
  float* out = nullptr;             // [B, T, D]
  // State after each plastic full mini-batch: [B, H, num_states, d*d + d].
  // Required when any mini-batch is plastic.
  float* states = nullptr;
  int64_t num_states = 0;
  // [B, H, T % 16, d], optional: rotated keys and gradients of the ragged tail.
  float *open_k = nullptr, *open_g = nullptr;

  // Backward only.
  const float* d_out = nullptr;  // [B, T, D]
  // [B, H, d, d], [B, H, d] or null.
  const float *d_w_final = nullptr, *d_b_final = nullptr;
  float *dq = nullptr, *dk = nullptr, *dv = nullptr, *dlr = nullptr;
  // One row for each (sequence, head); the caller sums over sequences.
  float* d_token_scale = nullptr;                          // [B, H, 16]
  float *d_norm_weight = nullptr, *d_norm_bias = nullptr;  // [B, H, d]
  float *d_w0 = nullptr, *d_b0 = nullptr;  // [B, H, d, d], [B, H, d]
};

struct Kernels {
  const char* name;
  // task = sequence * H + head. False: this head width is not supported.
  bool (*supports_head_dim)(int64_t head_dim);
  void (*scan_forward)(const ScanArgs& args, int64_t task);
  void (*scan_backward)(const ScanArgs& args, int64_t task);

  // x [T, D] of one sequence, rows before it are zero; kernel [4, D] (row 3:
  // current token). Rows [begin, end).
  void (*conv_forward)(const float* x, const float* kernel, const float* bias,
                       float* y, int64_t width, int64_t begin, int64_t end);
  // Adds to d_kernel [4, D], d_bias [D]; writes dx.
  void (*conv_backward)(const float* x, const float* kernel, const float* dy,
                        float* dx, float* d_kernel, float* d_bias,
                        int64_t width, int64_t begin, int64_t end,
                        int64_t tokens);
  // y = x / sqrt(mean(x^2) + eps) * weight
  void (*rms_forward)(const float* x, const float* weight, float* y,
                      float* inverse_rms, int64_t rows, int64_t width,
                      float eps);
  void (*rms_backward)(const float* x, const float* weight,
                       const float* inverse_rms, const float* dy, float* dx,
                       float* d_weight, int64_t rows, int64_t width);
  // y = gelu_tanh(gate) * (LayerNorm(o) * weight + bias); statistics [rows, 2]
  // = mean, 1/std.
  void (*gated_norm_forward)(const float* gate, const float* o,
                             const float* weight, const float* bias, float* y,
                             float* statistics, int64_t rows, int64_t width);
  void (*gated_norm_backward)(const float* gate, const float* o,
                              const float* weight, const float* bias,
                              const float* statistics, const float* dy,
                              float* d_gate, float* d_o, float* d_weight,
                              float* d_bias, int64_t rows, int64_t width);
  // s = silu(a) * b
  void (*swiglu_forward)(const float* a, const float* b, float* s, int64_t n);
  // Overwrites a with da and b with db, and writes s again.
  void (*swiglu_backward)(float* a, float* b, const float* ds, float* s,
                          int64_t n);
  // logits [rows, V] -> loss [rows]; with_gradient: logits become softmax -
  // onehot(target).
  void (*softmax_loss)(float* logits, const int64_t* targets, float* loss,
                       int64_t rows, int64_t vocabulary, bool with_gradient);
  double (*sum_of_squares)(const float* x, int64_t n);
  // AdamW with decoupled decay: p -= lr * (decay * p + (m / c1) / (sqrt(v / c2)
  // + eps)), gradient scaled first.
  void (*adamw)(float* p, float* m, float* v, const float* g, int64_t n,
                float gradient_scale, float lr, float decay, float beta1,
                float beta2, float correction1, float correction2, float eps);
};

// The best table for this CPU within PLASTOMETER_MAX_ISA: scalar is "baseline",
// avx2 "v3", avx512 "v4". Throws kUsage for another value.
const Kernels& SelectKernels();
// Null when the CPU lacks it. Names: "baseline", "v3", "v4".
const Kernels* KernelsByName(const char* name);

}  // namespace plastometer::train
