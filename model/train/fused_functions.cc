#include "model/train/fused_functions.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "model/train/kernels/kernels.h"
#include "model/train/tensor_data.h"

namespace plastometer::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// Rows of logits at a time: [256, 4096] fp32 is 4 MB, and stays in the
// last-level cache between its four uses.
constexpr int64_t kLossRows = 256;

// Splits rows over the threads in a way that depends on nothing but their
// number, so that sums are reproducible.
void ForChunks(int64_t rows,
               const std::function<void(int64_t chunk, int64_t begin,
                                        int64_t end)>& body) {
  const int64_t num_chunks = at::get_num_threads(),
                size = (rows + num_chunks - 1) / num_chunks;
  at::parallel_for(0, num_chunks, 1, [&](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; ++chunk) {
      const int64_t begin = chunk * size, end = std::min(rows, begin + size);
      if (begin < end) body(chunk, begin, end);
    }
  });
}

at::Tensor ChunkSums(const at::Tensor& like, int64_t width) {
  return at::zeros({at::get_num_threads(), width}, like.options());
}

// ---------------------------------------------------------------- convolution

class ConvFunction : public Function<ConvFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x_in,
                            const at::Tensor& kernel_in,
                            const at::Tensor& bias_in) {
    const at::Tensor x = x_in.contiguous(), kernel = kernel_in.contiguous(),
                     bias = bias_in.contiguous();
    const int64_t batch = x.size(0), tokens = x.size(1), width = x.size(2);
    at::Tensor y = at::empty_like(x);
    ForChunks(tokens, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t s = 0; s < batch; ++s) {
        SelectKernels().conv_forward(In(x) + s * tokens * width, In(kernel),
                                     In(bias), Out(y) + s * tokens * width,
                                     width, begin, end);
      }
    });
    ctx->save_for_backward({x, kernel});
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &kernel = saved[1],
                     dy = grads[0].contiguous();
    const int64_t batch = x.size(0), tokens = x.size(1), width = x.size(2);
    at::Tensor dx = at::empty_like(x), d_kernel = ChunkSums(x, 4 * width),
               d_bias = ChunkSums(x, width);
    ForChunks(tokens, [&](int64_t chunk, int64_t begin, int64_t end) {
      for (int64_t s = 0; s < batch; ++s) {
        const int64_t offset = s * tokens * width;
        SelectKernels().conv_backward(
            In(x) + offset, In(kernel), In(dy) + offset, Out(dx) + offset,
            Out(d_kernel) + chunk * 4 * width, Out(d_bias) + chunk * width,
            width, begin, end, tokens);
      }
    });
    return {dx, d_kernel.sum(0).view_as(kernel), d_bias.sum(0)};
  }
};

// ---------------------------------------------------------------- norms

class RmsFunction : public Function<RmsFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x_in,
                            const at::Tensor& weight_in, double eps) {
    const at::Tensor x = x_in.contiguous(), weight = weight_in.contiguous();
    const int64_t width = x.size(-1), rows = x.numel() / width;
    at::Tensor y = at::empty_like(x), inverse = at::empty({rows}, x.options());
    ForChunks(rows, [&](int64_t, int64_t begin, int64_t end) {
      SelectKernels().rms_forward(In(x) + begin * width, In(weight),
                                  Out(y) + begin * width, Out(inverse) + begin,
                                  end - begin, width, static_cast<float>(eps));
    });
    ctx->save_for_backward({x, weight});
    ctx->saved_data["inverse"] = inverse;
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1],
                     inverse = ctx->saved_data["inverse"].toTensor();
    const at::Tensor dy = grads[0].contiguous();
    const int64_t width = x.size(-1), rows = x.numel() / width;
    at::Tensor dx = at::empty_like(x), d_weight = ChunkSums(x, width);
    ForChunks(rows, [&](int64_t chunk, int64_t begin, int64_t end) {
      SelectKernels().rms_backward(
          In(x) + begin * width, In(weight), In(inverse) + begin,
          In(dy) + begin * width, Out(dx) + begin * width,
          Out(d_weight) + chunk * width, end - begin, width);
    });
    return {dx, d_weight.sum(0), at::Tensor()};
  }
};

class GatedNormFunction : public Function<GatedNormFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate_in,
                            const at::Tensor& o_in, const at::Tensor& weight_in,
                            const at::Tensor& bias_in) {
    const at::Tensor gate = gate_in.contiguous(), o = o_in.contiguous(),
                     weight = weight_in.contiguous(),
                     bias = bias_in.contiguous();
    const int64_t width = o.size(-1), rows = o.numel() / width;
    at::Tensor y = at::empty_like(o),
               statistics = at::empty({rows, 2}, o.options());
    ForChunks(rows, [&](int64_t, int64_t begin, int64_t end) {
      SelectKernels().gated_norm_forward(
          In(gate) + begin * width, In(o) + begin * width, In(weight), In(bias),
          Out(y) + begin * width, Out(statistics) + 2 * begin, end - begin,
          width);
    });
    ctx->save_for_backward({gate, o, weight, bias});
    ctx->saved_data["statistics"] = statistics;
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &gate = saved[0], &o = saved[1], &weight = saved[2],
                     &bias = saved[3], dy = grads[0].contiguous();
    const at::Tensor statistics = ctx->saved_data["statistics"].toTensor();
    const int64_t width = o.size(-1), rows = o.numel() / width;
    at::Tensor d_gate = at::empty_like(gate), d_o = at::empty_like(o);
    at::Tensor d_weight = ChunkSums(o, width), d_bias = ChunkSums(o, width);
    ForChunks(rows, [&](int64_t chunk, int64_t begin, int64_t end) {
      const int64_t at = begin * width;
      SelectKernels().gated_norm_backward(
          In(gate) + at, In(o) + at, In(weight), In(bias),
          In(statistics) + 2 * begin, In(dy) + at, Out(d_gate) + at,
          Out(d_o) + at, Out(d_weight) + chunk * width,
          Out(d_bias) + chunk * width, end - begin, width);
    });
    return {d_gate, d_o, d_weight.sum(0), d_bias.sum(0)};
  }
};

// ---------------------------------------------------------------- SwiGLU

class SwiGluFunction : public Function<SwiGluFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x_in,
                            const at::Tensor& w1, const at::Tensor& w3,
                            const at::Tensor& w2) {
    const at::Tensor x = x_in.contiguous().view({-1, x_in.size(-1)});
    at::Tensor a = at::mm(x, w1), b = at::mm(x, w3), s = at::empty_like(a);
    ForChunks(a.numel(), [&](int64_t, int64_t begin, int64_t end) {
      SelectKernels().swiglu_forward(In(a) + begin, In(b) + begin,
                                     Out(s) + begin, end - begin);
    });
    at::Tensor y = at::mm(s, w2);
    ctx->save_for_backward({x, w1, w3, w2});
    ctx->saved_data["a"] = a;
    ctx->saved_data["b"] = b;
    std::vector<int64_t> shape = x_in.sizes().vec();
    shape.back() = w2.size(1);
    return y.view(shape);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &w1 = saved[1], &w3 = saved[2],
                     &w2 = saved[3];
    const auto kept = ctx->saved_data.find("a");
    if (kept == ctx->saved_data.end())
      throw InternalError(
          "FusedSwiGlu: a second backward pass; its activations are gone");
    at::Tensor a = kept->second.toTensor(), b = ctx->saved_data["b"].toTensor();
    ctx->saved_data.clear();
    const std::vector<int64_t> shape = grads[0].sizes().vec();
    const at::Tensor dy = grads[0].contiguous().view({-1, w2.size(1)});
    at::Tensor ds = at::mm(dy, w2.t()), s = at::empty_like(a);
    ForChunks(a.numel(), [&](int64_t, int64_t begin, int64_t end) {
      SelectKernels().swiglu_backward(Out(a) + begin, Out(b) + begin,
                                      In(ds) + begin, Out(s) + begin,
                                      end - begin);
    });
    at::Tensor d_w2 = at::mm(s.t(), dy), d_w1 = at::mm(x.t(), a),
               d_w3 = at::mm(x.t(), b);
    at::Tensor dx = at::mm(a, w1.t());
    dx.addmm_(b, w3.t());
    std::vector<int64_t> x_shape = shape;
    x_shape.back() = x.size(1);
    return {dx.view(x_shape), d_w1, d_w3, d_w2};
  }
};

// ---------------------------------------------------------------- loss

// Losses; with gradients also dh [N, D] (each row for its own loss) and d_table
// for row weights `weights` (null: all 1).
void LossPass(const at::Tensor& h, const at::Tensor& table,
              const at::Tensor& targets, const at::Tensor& weights,
              at::Tensor& loss, at::Tensor* dh, at::Tensor* d_table) {
  const int64_t rows = h.size(0), vocabulary = table.size(0);
  const bool gradients = dh != nullptr;
  at::Tensor buffer =
      at::empty({std::min(rows, kLossRows), vocabulary}, h.options());
  for (int64_t first = 0; first < rows; first += kLossRows) {
    const int64_t n = std::min(kLossRows, rows - first);
    at::Tensor logits = buffer.slice(0, 0, n);
    const at::Tensor chunk = h.slice(0, first, first + n);
    at::mm_out(logits, chunk, table.t());
    ForChunks(n, [&](int64_t, int64_t begin, int64_t end) {
      SelectKernels().softmax_loss(
          Out(logits) + begin * vocabulary,
          targets.const_data_ptr<int64_t>() + first + begin,
          Out(loss) + first + begin, end - begin, vocabulary, gradients);
    });
    if (!gradients) continue;
    if (weights.defined())
      logits.mul_(weights.slice(0, first, first + n).unsqueeze(1));
    at::Tensor dh_chunk = dh->slice(0, first, first + n);
    at::mm_out(dh_chunk, logits, table);
    d_table->addmm_(logits.t(), chunk);
  }
}

class TokenLossFunction : public Function<TokenLossFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& h_in,
                            const at::Tensor& table_in,
                            const at::Tensor& targets_in, bool gradients) {
    const at::Tensor h = h_in.contiguous(), table = table_in.contiguous(),
                     targets = targets_in.contiguous();
    at::Tensor loss = at::empty({h.size(0)}, h.options()), dh, d_table;
    if (gradients) {
      dh = at::empty_like(h);
      d_table = at::zeros_like(table);
    }
    LossPass(h, table, targets, {}, loss, gradients ? &dh : nullptr,
             gradients ? &d_table : nullptr);
    ctx->save_for_backward({h, table, targets});
    ctx->saved_data["dh"] = dh;
    ctx->saved_data["d_table"] = d_table;
    return loss;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor& weights = grads[0];
    const at::Tensor first = weights.select(0, 0);
    if (weights.eq(first).all().item<bool>()) {
      return {ctx->saved_data["dh"].toTensor() * first,
              ctx->saved_data["d_table"].toTensor() * first, at::Tensor(),
              at::Tensor()};
    }
    at::Tensor loss = at::empty({saved[0].size(0)}, saved[0].options()),
               dh = at::empty_like(saved[0]),
               d_table = at::zeros_like(saved[1]);
    LossPass(saved[0], saved[1], saved[2], weights.contiguous(), loss, &dh,
             &d_table);
    return {dh, d_table, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor FusedCausalConv(const at::Tensor& x, const at::Tensor& kernel,
                           const at::Tensor& bias) {
  return ConvFunction::apply(x, kernel, bias);
}
at::Tensor FusedRmsNorm(const at::Tensor& x, const at::Tensor& weight,
                        double eps) {
  return RmsFunction::apply(x, weight, eps);
}
at::Tensor FusedGatedNorm(const at::Tensor& gate, const at::Tensor& o,
                          const at::Tensor& weight, const at::Tensor& bias) {
  return GatedNormFunction::apply(gate, o, weight, bias);
}
at::Tensor FusedSwiGlu(const at::Tensor& x, const at::Tensor& w1,
                       const at::Tensor& w3, const at::Tensor& w2) {
  return SwiGluFunction::apply(x, w1, w3, w2);
}
at::Tensor FusedTokenLoss(const at::Tensor& h, const at::Tensor& table,
                          const at::Tensor& targets) {
  const bool gradients = at::GradMode::is_enabled() &&
                         (h.requires_grad() || table.requires_grad());
  return TokenLossFunction::apply(h, table, targets, gradients);
}

}  // namespace plastometer::train
