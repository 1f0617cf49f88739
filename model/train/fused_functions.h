// The training kernels as differentiable functions of LibTorch tensors (fp32,
// CPU, contiguous or made so). Each backward is hand-written and runs once for
// each forward. Letters: model/config.h.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "model/config.h"

namespace plastometer::train {

// Whether the kernels take these tensors at all: fp32, CPU, a head width that
// they were compiled for.
bool FusedSupports(const ModelConfig& config, const at::Tensor& x);

struct ScanResult {
  at::Tensor out;  // [B, T, D]
  // [B, H, d, d], [B, H, 1, d] after the last full mini-batch; differentiable.
  at::Tensor w_final, b_final;
  // [B, H, T % 16, d] of a ragged tail, without gradient; no rows: none.
  at::Tensor open_k, open_g;
};

// RoPE, inner loop, inner norm and residual from a mini-batch boundary on.
// lambdas[m] is the multiplier of the m-th mini-batch of this run; where it is
// 0 the state is read and not changed, and k, v, lr get no gradient. With all
// of them 0, k, v and lr may be undefined. w, b: [H, d, d], [H, 1, d] or with a
// leading B.
ScanResult FusedScan(const ModelConfig& config,
                     const std::vector<double>& lambdas, const at::Tensor& q,
                     const at::Tensor& k, const at::Tensor& v,
                     const at::Tensor& lr, const at::Tensor& token_idx,
                     const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                     const at::Tensor& w, const at::Tensor& b);

// x [B, T, D] whose history is zero, kernel [4, D], bias [D].
at::Tensor FusedCausalConv(const at::Tensor& x, const at::Tensor& kernel,
                           const at::Tensor& bias);
at::Tensor FusedRmsNorm(const at::Tensor& x, const at::Tensor& weight,
                        double eps);
at::Tensor FusedGatedNorm(const at::Tensor& gate, const at::Tensor& o,
                          const at::Tensor& weight, const at::Tensor& bias);
// Its backward overwrites what the forward kept: one backward for each forward.
at::Tensor FusedSwiGlu(const at::Tensor& x, const at::Tensor& w1,
                       const at::Tensor& w3, const at::Tensor& w2);
// Losses [N]. The gradients are formed chunk by chunk in the forward pass, for
// a mean or sum of the losses; other weights of the losses cost a second pass.
at::Tensor FusedTokenLoss(const at::Tensor& h, const at::Tensor& table,
                          const at::Tensor& targets);

}  // namespace plastometer::train
