#include "model/train/fused_functions.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "harness/base/error.h"
#include "model/train/kernels/kernels.h"

namespace plastometer::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr int64_t kBatchTokens = 16;
// Rows of logits at a time: [256, 4096] fp32 is 4 MB, and stays in the
// last-level cache between its four uses.
constexpr int64_t kLossRows = 256;

bool HasData(const at::Tensor& t) { return t.defined() && t.numel() > 0; }
const float* In(const at::Tensor& t) {
  return HasData(t) ? t.const_data_ptr<float>() : nullptr;
}
float* Out(const at::Tensor& t) {
  return HasData(t) ? t.mutable_data_ptr<float>() : nullptr;
}

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

struct RopeTable {
  at::Tensor cosines, sines;  // [d/2, 16]
};

RopeTable MakeRope(int64_t head_dim, double theta) {
  RopeTable table{at::empty({head_dim / 2, kBatchTokens}, at::kFloat),
                  at::empty({head_dim / 2, kBatchTokens}, at::kFloat)};
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    const double frequency = std::pow(theta, -2.0 * i / head_dim);
    for (int64_t t = 0; t < kBatchTokens; ++t) {
      Out(table.cosines)[i * kBatchTokens + t] =
          static_cast<float>(std::cos(t * frequency));
      Out(table.sines)[i * kBatchTokens + t] =
          static_cast<float>(std::sin(t * frequency));
    }
  }
  return table;
}

// ---------------------------------------------------------------- inner scan

at::Tensor EtaScales(const ModelConfig& config,
                     const std::vector<double>& lambdas) {
  at::Tensor scale =
      at::empty({static_cast<int64_t>(lambdas.size())}, at::kFloat);
  for (size_t m = 0; m < lambdas.size(); ++m) {
    Out(scale)[m] =
        static_cast<float>(config.ttt_base_lr * lambdas[m] / config.head_dim());
  }
  return scale;
}

at::Tensor TokenScale(const at::Tensor& token_idx) {
  at::Tensor scale = at::empty({kBatchTokens}, at::kFloat);
  for (int64_t t = 0; t < kBatchTokens; ++t) {
    Out(scale)[t] = static_cast<float>(
        std::max(0.0, 1.0 / (t + 1) + static_cast<double>(In(token_idx)[t])));
  }
  return scale;
}

struct ScanTensors {
  at::Tensor q, k, v, lr, token_scale, eta_scale, cosines, sines, norm_weight,
      norm_bias, w, b, states;
};

ScanArgs MakeArgs(const ScanTensors& s) {
  ScanArgs a;
  a.batch = s.q.size(0);
  a.tokens = s.q.size(1);
  a.heads = s.norm_weight.size(0);
  a.head_dim = s.norm_weight.size(1);
  a.q = In(s.q), a.k = In(s.k), a.v = In(s.v), a.lr = In(s.lr);
  a.token_scale = In(s.token_scale), a.eta_scale = In(s.eta_scale);
  a.cosines = In(s.cosines), a.sines = In(s.sines);
  a.norm_weight = In(s.norm_weight), a.norm_bias = In(s.norm_bias);
  a.w0 = In(s.w), a.b0 = In(s.b);
  a.start_per_sequence = s.w.dim() == 4;
  a.states = Out(s.states);
  a.num_states = s.states.size(2);
  return a;
}

void ForTasks(const ScanArgs& args, void (*kernel)(const ScanArgs&, int64_t)) {
  at::parallel_for(0, args.batch * args.heads, 1,
                   [&](int64_t begin, int64_t end) {
                     for (int64_t task = begin; task < end; ++task)
                       kernel(args, task);
                   });
}

class ScanFunction : public Function<ScanFunction> {
 public:
  static variable_list forward(
      AutogradContext* ctx, const at::Tensor& q, const at::Tensor& k,
      const at::Tensor& v, const at::Tensor& lr, const at::Tensor& token_idx,
      const at::Tensor& norm_weight, const at::Tensor& norm_bias,
      const at::Tensor& w, const at::Tensor& b, const at::Tensor& eta_scale,
      const at::Tensor& cosines, const at::Tensor& sines) {
    const int64_t batch = q.size(0), tokens = q.size(1),
                  heads = norm_weight.size(0), d = norm_weight.size(1);
    int64_t num_states = 0;
    for (int64_t m = 0; m < tokens / kBatchTokens; ++m)
      num_states += In(eta_scale)[m] != 0.0f;
    ScanTensors s{
        q.contiguous(),
        k.contiguous(),
        v.contiguous(),
        lr.contiguous(),
        TokenScale(token_idx),
        eta_scale,
        cosines,
        sines,
        norm_weight.contiguous(),
        norm_bias.contiguous(),
        w.contiguous(),
        b.contiguous(),
        at::empty({batch, heads, num_states, d * d + d}, q.options())};
    ScanArgs args = MakeArgs(s);
    at::Tensor out = at::empty({batch, tokens, heads * d}, q.options());
    args.out = Out(out);
    const int64_t tail = tokens % kBatchTokens;
    const bool open = tail > 0 && In(eta_scale)[tokens / kBatchTokens] != 0.0f;
    at::Tensor open_k =
                   at::empty({batch, heads, open ? tail : 0, d}, q.options()),
               open_g = at::empty_like(open_k);
    if (open) args.open_k = Out(open_k), args.open_g = Out(open_g);
    ForTasks(args, SelectKernels().scan_forward);
    at::Tensor w_final, b_final;
    if (num_states > 0) {
      const at::Tensor last = s.states.select(2, num_states - 1);
      w_final = last.slice(2, 0, d * d).reshape({batch, heads, d, d}).clone();
      b_final = last.slice(2, d * d).reshape({batch, heads, 1, d}).clone();
    } else {
      w_final = w.expand({batch, heads, d, d}).clone();
      b_final = b.expand({batch, heads, 1, d}).clone();
    }
    ctx->save_for_backward(
        {s.q, s.k, s.v, s.lr, token_idx, s.norm_weight, s.norm_bias, s.w, s.b});
    ctx->saved_data["eta"] = s.eta_scale;
    ctx->saved_data["cos"] = s.cosines;
    ctx->saved_data["sin"] = s.sines;
    ctx->saved_data["states"] = s.states;
    ctx->set_materialize_grads(false);
    ctx->mark_non_differentiable({open_k, open_g});
    return {out, w_final, b_final, open_k, open_g};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor& token_idx = saved[4];
    ScanTensors s{saved[0],
                  saved[1],
                  saved[2],
                  saved[3],
                  TokenScale(token_idx),
                  ctx->saved_data["eta"].toTensor(),
                  ctx->saved_data["cos"].toTensor(),
                  ctx->saved_data["sin"].toTensor(),
                  saved[5],
                  saved[6],
                  saved[7],
                  saved[8],
                  ctx->saved_data["states"].toTensor()};
    ScanArgs args = MakeArgs(s);
    const at::Tensor d_out =
        grads[0].defined() ? grads[0].contiguous() : at::zeros_like(s.q);
    const at::Tensor d_w_final =
        grads[1].defined() ? grads[1].contiguous() : at::Tensor();
    const at::Tensor d_b_final =
        grads[2].defined() ? grads[2].contiguous() : at::Tensor();
    args.d_out = In(d_out), args.d_w_final = In(d_w_final),
    args.d_b_final = In(d_b_final);
    const at::Tensor dq = at::empty_like(s.q), dk = at::empty_like(s.k),
                     dv = at::empty_like(s.v), dlr = at::empty_like(s.lr);
    args.dq = Out(dq), args.dk = Out(dk), args.dv = Out(dv),
    args.dlr = Out(dlr);
    const int64_t batch = args.batch, heads = args.heads, d = args.head_dim;
    const at::TensorOptions options = s.q.options();
    const at::Tensor d_token =
        at::empty({batch * heads, kBatchTokens}, options);
    const at::Tensor d_norm_weight = at::empty({batch, heads, d}, options);
    const at::Tensor d_norm_bias = at::empty({batch, heads, d}, options);
    const at::Tensor d_w = at::empty({batch, heads, d, d}, options),
                     d_b = at::empty({batch, heads, 1, d}, options);
    args.d_token_scale = Out(d_token);
    args.d_norm_weight = Out(d_norm_weight),
    args.d_norm_bias = Out(d_norm_bias);
    args.d_w0 = Out(d_w), args.d_b0 = Out(d_b);
    ForTasks(args, SelectKernels().scan_backward);
    const bool shared = s.w.dim() == 3;
    const at::Tensor clipped = s.token_scale.gt(0).to(at::kFloat);
    return {dq,
            dk,
            dv,
            dlr,
            d_token.sum(0) * clipped,
            d_norm_weight.sum(0),
            d_norm_bias.sum(0),
            shared ? d_w.sum(0) : d_w,
            shared ? d_b.sum(0) : d_b,
            at::Tensor(),
            at::Tensor(),
            at::Tensor()};
  }
};

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

bool FusedSupports(const ModelConfig& config, const at::Tensor& x) {
  return x.scalar_type() == at::kFloat && x.device().is_cpu() &&
         SelectKernels().supports_head_dim(config.head_dim());
}

ScanResult FusedScan(const ModelConfig& config,
                     const std::vector<double>& lambdas, const at::Tensor& q,
                     const at::Tensor& k, const at::Tensor& v,
                     const at::Tensor& lr, const at::Tensor& token_idx,
                     const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                     const at::Tensor& w, const at::Tensor& b) {
  if (static_cast<int64_t>(lambdas.size()) <
      (q.size(1) + kBatchTokens - 1) / kBatchTokens) {
    throw InternalError("FusedScan: fewer multipliers than mini-batches");
  }
  static const auto* const ropes =
      new std::map<std::pair<int64_t, double>, RopeTable>{
          {{32, 10000.0}, MakeRope(32, 10000.0)},
          {{64, 10000.0}, MakeRope(64, 10000.0)},
          {{96, 10000.0}, MakeRope(96, 10000.0)}};
  const auto known = ropes->find({config.head_dim(), config.rope_theta});
  const RopeTable rope = known != ropes->end()
                             ? known->second
                             : MakeRope(config.head_dim(), config.rope_theta);
  // apply() takes no undefined tensor: nothing is an empty one.
  const at::Tensor none = at::empty({0}, q.options());
  const auto or_none = [&](const at::Tensor& t) {
    return t.defined() ? t : none;
  };
  const variable_list r = ScanFunction::apply(
      q, or_none(k), or_none(v), or_none(lr), token_idx, norm_weight, norm_bias,
      w, b, EtaScales(config, lambdas), rope.cosines, rope.sines);
  return {r[0], r[1], r[2], r[3], r[4]};
}

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
