#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/counters.h"
#include "base/error.h"
#include "model/train/fused_functions.h"
#include "model/train/kernels/kernels.h"
#include "model/train/tensor_data.h"

namespace plastometer::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct RopeTable {
  at::Tensor cosines, sines;  // [d/2, 16]
};

RopeTable MakeRope(int64_t head_dim, double theta) {
  RopeTable table{at::empty({head_dim / 2, kMiniBatchTokens}, at::kFloat),
                  at::empty({head_dim / 2, kMiniBatchTokens}, at::kFloat)};
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    const double frequency = std::pow(theta, -2.0 * i / head_dim);
    for (int64_t t = 0; t < kMiniBatchTokens; ++t) {
      Out(table.cosines)[i * kMiniBatchTokens + t] =
          static_cast<float>(std::cos(t * frequency));
      Out(table.sines)[i * kMiniBatchTokens + t] =
          static_cast<float>(std::sin(t * frequency));
    }
  }
  return table;
}

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
  at::Tensor scale = at::empty({kMiniBatchTokens}, at::kFloat);
  for (int64_t t = 0; t < kMiniBatchTokens; ++t) {
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
    for (int64_t m = 0; m < tokens / kMiniBatchTokens; ++m)
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
    const int64_t tail = tokens % kMiniBatchTokens;
    const bool open =
        tail > 0 && In(eta_scale)[tokens / kMiniBatchTokens] != 0.0f;
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
        at::empty({batch * heads, kMiniBatchTokens}, options);
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
      (q.size(1) + kMiniBatchTokens - 1) / kMiniBatchTokens) {
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

}  // namespace plastometer::train
