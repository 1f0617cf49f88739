#include "model/ops/reference/inner_loop.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/mixers/ttt/spec.h"

namespace plastometer::ops {
namespace {

constexpr double kInnerNormEps = 1e-6;
constexpr int64_t b = kMiniBatchTokens;

struct Normed {
  at::Tensor xhat, std;
};

Normed Normalize(const at::Tensor& z) {
  const at::Tensor centered = z - z.mean(-1, /*keepdim=*/true);
  const at::Tensor std =
      at::sqrt(centered.square().mean(-1, /*keepdim=*/true) + kInnerNormEps);
  return {centered / std, std};
}

at::Tensor LayerNorm(const at::Tensor& z, const at::Tensor& weight,
                     const at::Tensor& bias) {
  return Normalize(z).xhat * weight + bias;
}

// Gradient of 1/2 ||LN(z) - target||^2 with respect to z.
at::Tensor LossGradient(const at::Tensor& z, const at::Tensor& target,
                        const at::Tensor& weight, const at::Tensor& bias) {
  const auto [xhat, std] = Normalize(z);
  const at::Tensor ghat = (xhat * weight + bias - target) * weight;
  const auto d = static_cast<double>(z.size(-1));
  return (d * ghat - ghat.sum(-1, true) - xhat * (ghat * xhat).sum(-1, true)) /
         (d * std);
}

at::Tensor Gelu(const at::Tensor& x) { return at::gelu(x, "tanh"); }

// The JAX code's derivative, with its 8-digit constants (ttt_layer.py:85-88):
// part of the published definition.
at::Tensor GeluDerivative(const at::Tensor& x) {
  const at::Tensor square = x.square();
  const at::Tensor tanh = at::tanh(0.79788456 * x * (1 + 0.044715 * square));
  return 0.5 * x *
             ((1 - tanh.square()) * (0.79788456 + 0.1070322243 * square)) +
         0.5 * (1 + tanh);
}

at::Tensor Append(const at::Tensor& rows, const at::Tensor& more) {
  return rows.defined() ? at::cat({rows, more}, 2) : more;
}

// f(x) = x W + b, or the two-layer MLP.
at::Tensor Inner(const ModelConfig& config, const at::Tensor& x,
                 const FastWeights& w) {
  const at::Tensor z = at::matmul(x, w[kW1]) + w[kB1];
  if (config.inner_model == InnerModel::kLinear) return z;
  return at::matmul(Gelu(z), w[kW2]) + w[kB2];
}

at::Tensor FrobeniusNorm(const at::Tensor& x) {
  return at::sqrt(x.square().sum({-2, -1}));
}

}  // namespace

at::Tensor Rope(const at::Tensor& x, int64_t position, double theta) {
  const int64_t T = x.size(2), d = x.size(3);
  const auto fp64 = at::TensorOptions().dtype(at::kDouble);
  const at::Tensor frequency =
      at::pow(theta, -at::arange(0, d, 2, fp64) / static_cast<double>(d));
  const at::Tensor index = at::remainder(
      at::arange(position, position + T, fp64), static_cast<double>(b));
  const at::Tensor angle = index.unsqueeze(1) * frequency;  // [T, d/2]
  const at::Tensor cos = at::cos(angle).to(x.options()),
                   sin = at::sin(angle).to(x.options());
  const at::Tensor pairs = x.unflatten(3, {d / 2, 2});
  const at::Tensor even = pairs.select(4, 0), odd = pairs.select(4, 1);
  return at::stack({even * cos - odd * sin, even * sin + odd * cos}, 4)
      .flatten(3);
}

at::Tensor FrozenInnerOutput(const ModelConfig& config, const at::Tensor& q,
                             const InnerParameters& p, const InnerState& s) {
  const at::Tensor z = Inner(config, q, s.WeightsOr(p.start));
  return q + LayerNorm(z, p.norm_weight.unsqueeze(1), p.norm_bias.unsqueeze(1));
}

InnerLoop::InnerLoop(const ModelConfig& config,
                     const InnerParameters& parameters, InnerState& state,
                     StatisticsCollector* statistics)
    : config_(config),
      p_(parameters),
      s_(state),
      statistics_(statistics),
      mlp_(config.inner_model == InnerModel::kMlp),
      norm_weight_(parameters.norm_weight.unsqueeze(1)),
      norm_bias_(parameters.norm_bias.unsqueeze(1)) {
  const at::Tensor inverse =
      at::reciprocal(
          at::arange(1, b + 1, at::TensorOptions().dtype(at::kDouble)))
          .to(p_.token_idx.options());
  token_rate_ = at::clamp_min(inverse + p_.token_idx, 0);
}

at::Tensor InnerLoop::Run(const at::Tensor& q, const at::Tensor& k,
                          const at::Tensor& v, const at::Tensor& lr,
                          int64_t position, std::span<const double> lambdas) {
  const int64_t B = q.size(0), T = q.size(2);
  if (s_.weights.empty()) {
    for (const at::Tensor& w : p_.start)
      s_.weights.push_back(w.unsqueeze(0).expand({B, -1, -1, -1}));
  }
  const at::Tensor target = v - k;
  std::vector<at::Tensor> outputs;
  for (int64_t t = 0; t < T;) {
    const int64_t row = (position + t) % b;
    const int64_t n = std::min(b - row, T - t);
    const int64_t mini_batch = (position + t) / b;
    outputs.push_back(Segment(q.narrow(2, t, n), k.narrow(2, t, n),
                              target.narrow(2, t, n), lr.narrow(2, t, n), row,
                              mini_batch, lambdas[mini_batch - position / b]));
    t += n;
  }
  if (s_.k.defined()) {  // copies: views would keep the whole run's keys alive
    s_.k = s_.k.clone();
    s_.lr = s_.lr.clone();
  }
  return at::cat(outputs, 2);
}

at::Tensor InnerLoop::Segment(const at::Tensor& q, const at::Tensor& k,
                              const at::Tensor& target, const at::Tensor& lr,
                              int64_t row, int64_t mini_batch, double lambda) {
  const int64_t n = q.size(2);
  AppendRows(k, target, lr);
  const double scale =
      config_.ttt_base_lr / static_cast<double>(config_.head_dim()) * lambda;
  // eta[t, i] = base_lr tok[t] lr[i] / d lambda: row t is the output token,
  // column i the key token; token t sees i <= t.
  const at::Tensor eta =
      (token_rate_.narrow(0, row, n).unsqueeze(1) * s_.lr.unsqueeze(2) * scale)
          .tril(row);
  const at::Tensor output = Output(q, eta);
  if (statistics_ != nullptr) {
    const at::Tensor rows_g1 = s_.g1.narrow(2, row, n);
    at::Tensor square =
        s_.k.narrow(2, row, n).square().sum(-1) * rows_g1.square().sum(-1);
    if (mlp_)
      square = square + s_.x2.narrow(2, row, n).square().sum(-1) *
                            s_.g2.narrow(2, row, n).square().sum(-1);
    const at::Tensor norm = at::sqrt(square);
    statistics_->AddTokens(mini_batch * b + row, "token_grad_norm", norm);
    statistics_->AddTokens(mini_batch * b + row, "token_step",
                           norm * lr * (scale * token_rate_[b - 1]));
    statistics_->AddTokens(mini_batch * b + row, "gate", lr);
  }
  if (row + n == b) {
    Update(s_.lr * (scale * token_rate_[b - 1]), mini_batch,
           target.narrow(2, n - 1, 1));
  }
  return output;
}

void InnerLoop::AppendRows(const at::Tensor& k, const at::Tensor& target,
                           const at::Tensor& lr) {
  const at::Tensor z1 = at::matmul(k, s_.weights[kW1]) + s_.weights[kB1];
  at::Tensor z = z1;
  if (mlp_) {
    const at::Tensor x2 = Gelu(z1);
    z = at::matmul(x2, s_.weights[kW2]) + s_.weights[kB2];
    const at::Tensor g2 = LossGradient(z, target, norm_weight_, norm_bias_);
    s_.g1 = Append(s_.g1, at::matmul(g2, s_.weights[kW2].transpose(-2, -1)) *
                              GeluDerivative(z1));
    s_.g2 = Append(s_.g2, g2);
    s_.x2 = Append(s_.x2, x2);
  } else {
    s_.g1 = Append(s_.g1, LossGradient(z, target, norm_weight_, norm_bias_));
  }
  s_.k = Append(s_.k, k);
  s_.lr = Append(s_.lr, lr);
  if (statistics_ != nullptr) {
    // 1/2 ||LN(f(k)) - target||^2 at the start state, summed over rows; a
    // mini-batch that was cut by chunks keeps its part.
    const at::Tensor loss =
        0.5 * (LayerNorm(z, norm_weight_, norm_bias_) - target)
                  .square()
                  .sum(-1)
                  .sum(-1);
    s_.open_loss = s_.open_loss.defined() ? s_.open_loss + loss : loss;
  }
}

at::Tensor InnerLoop::Output(const at::Tensor& q, const at::Tensor& eta) const {
  // Merged form of attention and bias terms: (eta o (q k^T + 1)) G.
  const at::Tensor a1 = eta * (at::matmul(q, s_.k.transpose(-2, -1)) + 1);
  at::Tensor z =
      at::matmul(q, s_.weights[kW1]) + s_.weights[kB1] - at::matmul(a1, s_.g1);
  if (mlp_) {
    const at::Tensor x2 = Gelu(z);
    const at::Tensor a2 = eta * (at::matmul(x2, s_.x2.transpose(-2, -1)) + 1);
    z = at::matmul(x2, s_.weights[kW2]) + s_.weights[kB2] -
        at::matmul(a2, s_.g2);
  }
  return q + LayerNorm(z, norm_weight_, norm_bias_);
}

// The JAX statistics' form: mean over channels, no factor 1/2. prediction,
// target [B, H, 1, d] -> [B, H]
at::Tensor InnerLoop::InnerLoss(const at::Tensor& prediction,
                                const at::Tensor& target) const {
  return (LayerNorm(prediction, norm_weight_, norm_bias_) - target)
      .square()
      .mean({-2, -1});
}

void InnerLoop::Update(const at::Tensor& eta_last, int64_t mini_batch,
                       const at::Tensor& last_target) {
  if (statistics_ != nullptr) CollectBefore(mini_batch, last_target);
  const FastWeights before = s_.weights;
  FastWeights& now = s_.weights;
  const at::Tensor rates = eta_last.unsqueeze(-1);  // [B, H, 16, 1]
  now[kW1] = now[kW1] - at::matmul((rates * s_.k).transpose(-2, -1), s_.g1);
  now[kB1] = now[kB1] - (rates * s_.g1).sum(2, /*keepdim=*/true);
  if (mlp_) {
    now[kW2] = now[kW2] - at::matmul((rates * s_.x2).transpose(-2, -1), s_.g2);
    now[kB2] = now[kB2] - (rates * s_.g2).sum(2, /*keepdim=*/true);
  }
  if (statistics_ != nullptr) CollectAfter(mini_batch, before, last_target);
  s_.k = s_.lr = s_.g1 = s_.x2 = s_.g2 = s_.open_loss = at::Tensor();
}

void InnerLoop::CollectBefore(int64_t m, const at::Tensor& last_target) {
  const at::Tensor last_k = s_.k.narrow(2, b - 1, 1);
  statistics_->AddMiniBatch(m, "inner_loss",
                            s_.open_loss / static_cast<double>(b));
  statistics_->AddMiniBatch(
      m, "ttt_loss_mse_init",
      InnerLoss(Inner(config_, last_k, p_.start), last_target));
  statistics_->AddMiniBatch(
      m, "ttt_loss_mse_step_0",
      InnerLoss(Inner(config_, last_k, s_.weights), last_target));
}

void InnerLoop::CollectAfter(int64_t m, const FastWeights& before,
                             const at::Tensor& last_target) {
  const auto add = [&](const std::string& name, const at::Tensor& value) {
    statistics_->AddMiniBatch(m, name, value);
  };
  at::Tensor grad_square, update_square, state_square, distance_square,
      initial_square;
  const auto accumulate = [](at::Tensor& sum, const at::Tensor& norm) {
    sum = sum.defined() ? sum + norm.square() : norm.square();
  };
  // A layer of f: its matrix and its bias share input rows and gradient rows.
  const at::Tensor inputs[] = {s_.k, s_.x2}, gradients[] = {s_.g1, s_.g2};
  const std::vector<FastWeightSpec> specs = FastWeightsOf(config_);
  for (size_t i = 0; i < specs.size(); ++i) {
    const at::Tensor &x = inputs[i / 2], &g = gradients[i / 2];
    const at::Tensor grad =
        FrobeniusNorm(specs[i].is_matrix ? at::matmul(x.transpose(-2, -1), g)
                                         : g.sum(2, /*keepdim=*/true));
    const at::Tensor update = FrobeniusNorm(s_.weights[i] - before[i]),
                     state = FrobeniusNorm(before[i]);
    add("grad_norm." + specs[i].name, grad);
    add("update_norm." + specs[i].name, update);
    add("relative_update." + specs[i].name, update / state);
    add("state_norm." + specs[i].name, state);
    if (!specs[i].is_matrix) continue;
    accumulate(grad_square, grad);
    accumulate(update_square, update);
    accumulate(state_square, state);
    accumulate(distance_square, FrobeniusNorm(s_.weights[i] - p_.start[i]));
    accumulate(initial_square, FrobeniusNorm(p_.start[i]).expand_as(state));
  }
  add("grad_norm", at::sqrt(grad_square));
  add("update_norm", at::sqrt(update_square));
  add("relative_update", at::sqrt(update_square / state_square));
  add("state_norm", at::sqrt(state_square));
  add("state_distance", at::sqrt(distance_square / initial_square));
  add("ttt_loss_mse_step_1",
      InnerLoss(Inner(config_, s_.k.narrow(2, b - 1, 1), s_.weights),
                last_target));
}

}  // namespace plastometer::ops
