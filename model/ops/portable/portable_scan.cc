#include "model/ops/portable/portable_scan.h"

#include <string>
#include <utility>

#include "model/mixers/ttt/spec.h"

namespace plastometer::ops {
namespace {

constexpr int64_t b = kMiniBatchTokens;
constexpr const char* kTokenNames[] = {"token_grad_norm", "token_step", "gate"};
constexpr const char* kMiniBatchNames[] = {
    "inner_loss",          "ttt_loss_mse_init", "ttt_loss_mse_step_0",
    "ttt_loss_mse_step_1", "grad_norm",         "update_norm",
    "relative_update",     "state_norm",        "state_distance"};
constexpr const char* kParameterStatistics[] = {
    "grad_norm", "update_norm", "relative_update", "state_norm"};

at::Tensor Empty(at::IntArrayRef sizes) {
  return at::empty(sizes, at::TensorOptions().dtype(at::kFloat));
}

// A contiguous tensor that nobody else holds: neither the handle nor a view.
void MakeOwn(at::Tensor& tensor) {
  if (!tensor.is_contiguous() || tensor.use_count() > 1 ||
      tensor.storage().use_count() > 1)
    tensor = tensor.clone(at::MemoryFormat::Contiguous);
}

// max(0, 1/(t+1) + token_idx[t])
at::Tensor TokenRates(const at::Tensor& token_idx) {
  const at::Tensor index = token_idx.contiguous(), rates = Empty({b});
  for (int64_t t = 0; t < b; ++t) {
    const float rate =
        1.0f / static_cast<float>(t + 1) + index.const_data_ptr<float>()[t];
    rates.data_ptr<float>()[t] = rate > 0.0f ? rate : 0.0f;
  }
  return rates;
}

}  // namespace

PortableScan::PortableScan(const ModelConfig& config,
                           const InnerParameters& parameters,
                           const RopeTable& rope)
    : config_(config),
      parameters_(parameters),
      rope_(rope),
      H_(config.num_heads),
      d_(config.head_dim()),
      J_(config.inner_model == InnerModel::kMlp ? parameters.start[kW1].size(-1)
                                                : 0) {
  norm_weight_ = parameters.norm_weight.contiguous();
  norm_bias_ = parameters.norm_bias.contiguous();
  for (const at::Tensor& w : parameters.start) start_.push_back(w.contiguous());
}

void PortableScan::Prepare(const ScanInput& input, InnerState& state,
                           bool with_statistics) {
  num_sequences_ = input.q.size(0);
  num_tokens_ = input.q.size(1);
  position_ = input.position;
  q_ = input.q.contiguous();
  k_ = input.k.contiguous();
  v_ = input.v.contiguous();
  lr_ = input.lr.contiguous();
  out_ = Empty({num_sequences_, num_tokens_, H_ * d_});
  token_rate_ = TokenRates(parameters_.token_idx);
  for (const double lambda : input.lambdas)
    sigma_.push_back(static_cast<float>(config_.ttt_base_lr * lambda /
                                        static_cast<double>(d_)));
  for (at::Tensor& part : state.weights) MakeOwn(part);
  if (state.weights.empty()) {
    for (const at::Tensor& w : start_)
      state.weights.push_back(w.unsqueeze(0)
                                  .expand({num_sequences_, -1, -1, -1})
                                  .clone(at::MemoryFormat::Contiguous));
  }
  state_ = state.weights;
  PrepareOpenRows(state, with_statistics);
  if (with_statistics) PrepareStatistics();
}

void PortableScan::PrepareOpenRows(InnerState& state, bool with_statistics) {
  const int64_t width1 = J_ > 0 ? J_ : d_;
  const int64_t num_open = state.num_open_rows();
  // Fresh storage every time: a snapshot may hold the old rows.
  const auto take = [&](at::Tensor& rows, const at::Tensor& held,
                        int64_t width) {
    rows = Empty({num_sequences_, H_, b, width});
    if (num_open > 0 && held.defined())
      rows.narrow(2, 0, num_open).copy_(held.narrow(2, 0, num_open));
  };
  take(k_rows_, state.k, d_);
  take(h1_, state.h1, width1);
  if (J_ > 0) {
    take(x_, state.x2, J_);
    take(h2_, state.h2, d_);
  }
  if (!with_statistics) return;
  take(g1_, state.g1, width1);
  if (J_ > 0) take(g2_, state.g2, d_);
  const auto column = [](const at::Tensor& rows) {
    return rows.defined() ? rows.unsqueeze(3) : rows;
  };
  take(loss_, column(state.open_loss), 1);
  take(rate_, column(state.lr), 1);
}

void PortableScan::PrepareFrozen(const at::Tensor& q, int64_t position,
                                 const InnerState& state) {
  num_sequences_ = q.size(0);
  num_tokens_ = q.size(1);
  position_ = position;
  q_ = q.contiguous();
  out_ = Empty({num_sequences_, num_tokens_, H_ * d_});
  state_is_shared_ = state.weights.empty();
  for (const at::Tensor& w : state.weights) state_.push_back(w.contiguous());
  if (state_is_shared_)
    for (const at::Tensor& w : start_) state_.push_back(w.unsqueeze(0));
}

void PortableScan::PrepareStatistics() {
  const int64_t M = (position_ + num_tokens_) / b - position_ / b;
  const int64_t num_names =
      static_cast<int64_t>(std::size(kMiniBatchNames)) + 4 * 4;
  token_statistics_ = Empty({3, num_sequences_, H_, num_tokens_});
  mini_batch_statistics_ = Empty({num_names, num_sequences_, H_, M});
  heads_.resize(num_heads());
  for (int64_t head = 0; head < num_heads(); ++head) {
    portable::HeadStatistics& out = heads_[head];
    float* tokens = token_statistics_.data_ptr<float>() + head * num_tokens_;
    const int64_t token_block = num_heads() * num_tokens_;
    out.token_grad_norm = tokens;
    out.token_step = tokens + token_block;
    out.gate = tokens + 2 * token_block;
    float* next = mini_batch_statistics_.data_ptr<float>() + head * M;
    const auto take = [&next, M, this] {
      float* here = next;
      next += num_heads() * M;
      return here;
    };
    for (float** name :
         {&out.inner_loss, &out.loss_init, &out.loss_step_0, &out.loss_step_1,
          &out.grad_norm, &out.update_norm, &out.relative_update,
          &out.state_norm, &out.state_distance})
      *name = take();
    for (auto* of : {&out.grad_norm_of, &out.update_norm_of,
                     &out.relative_update_of, &out.state_norm_of}) {
      for (float*& parameter : *of) parameter = take();
    }
  }
}

portable::ScanArguments PortableScan::Head(int64_t head) const {
  const int64_t sequence = head / H_, h = head % H_, D = H_ * d_;
  const auto channel = [&](const at::Tensor& x) {
    return x.defined()
               ? x.data_ptr<float>() + sequence * num_tokens_ * D + h * d_
               : nullptr;
  };
  const auto part = [&](size_t i) {
    return i < state_.size()
               ? state_[i].data_ptr<float>() +
                     (state_is_shared_ ? h : head) * state_[i].stride(1)
               : nullptr;
  };
  const auto rows = [&](const at::Tensor& x) {
    return x.defined() ? x.data_ptr<float>() + head * x.stride(1) : nullptr;
  };
  const auto initial = [&](size_t i) {
    return i < start_.size()
               ? start_[i].data_ptr<float>() + h * start_[i].stride(0)
               : nullptr;
  };
  portable::ScanArguments a;
  a.q = channel(q_);
  a.k = channel(k_);
  a.v = channel(v_);
  a.out = channel(out_);
  a.stride = a.out_stride = D;
  a.lr = lr_.defined() ? lr_.data_ptr<float>() + sequence * num_tokens_ * H_ + h
                       : nullptr;
  a.lr_stride = H_;
  a.num_tokens = num_tokens_;
  a.position = position_;
  a.sigma = sigma_.data();
  a.rope = {rope_.of_even.data(), rope_.of_odd.data()};
  a.norm_weight = norm_weight_.data_ptr<float>() + h * d_;
  a.norm_bias = norm_bias_.data_ptr<float>() + h * d_;
  a.token_rate =
      token_rate_.defined() ? token_rate_.data_ptr<float>() : nullptr;
  a.head_dim = d_;
  a.hidden = J_;
  a.w1 = part(kW1);
  a.b1 = part(kB1);
  a.w2 = part(kW2);
  a.b2 = part(kB2);
  a.open_k = rows(k_rows_);
  a.open_h1 = rows(h1_);
  a.open_x = rows(x_);
  a.open_h2 = rows(h2_);
  if (heads_.empty()) return a;
  a.statistics = &heads_[head];
  a.open_g1 = rows(g1_);
  a.open_g2 = rows(g2_);
  a.open_loss = rows(loss_);
  a.open_rate = rows(rate_);
  a.initial_w1 = initial(kW1);
  a.initial_b1 = initial(kB1);
  a.initial_w2 = initial(kW2);
  a.initial_b2 = initial(kB2);
  return a;
}

void PortableScan::Collect(StatisticsCollector& statistics) const {
  const auto heads = [&](const at::Tensor& x) {  // [B, T, D] -> [B, H, T, d]
    return x.view({num_sequences_, num_tokens_, H_, d_}).transpose(1, 2);
  };
  statistics.AddTokens(position_, "ssl_target", heads(v_) - heads(k_));
  for (int64_t i = 0; i < 3; ++i)
    statistics.AddTokens(position_, kTokenNames[i], token_statistics_[i]);
  if (mini_batch_statistics_.size(3) == 0) return;
  const int64_t first = position_ / b;
  int64_t index = 0;
  for (const char* name : kMiniBatchNames)
    statistics.AddMiniBatches(first, name, mini_batch_statistics_[index++]);
  const std::vector<FastWeightSpec> weights = FastWeightsOf(config_);
  for (const char* name : kParameterStatistics) {
    for (size_t i = 0; i < weights.size(); ++i)
      statistics.AddMiniBatches(
          first, std::string(name) + "." + weights[i].name,
          mini_batch_statistics_[index + static_cast<int64_t>(i)]);
    index += 4;  // places of HeadStatistics::grad_norm_of and its like
  }
}

void PortableScan::Close(InnerState& state) const {
  const int64_t num_open = (position_ + num_tokens_) % b;
  if (num_open == 0) {
    state.k = state.lr = state.g1 = state.x2 = state.g2 = state.open_loss =
        state.h1 = state.h2 = at::Tensor();
    return;
  }
  state.k = k_rows_.narrow(2, 0, num_open);
  state.h1 = h1_;
  state.x2 = x_;
  state.h2 = h2_;
  state.g1 = g1_;
  state.g2 = g2_;
  const auto flat = [](const at::Tensor& rows) {
    return rows.defined() ? rows.squeeze(3) : rows;
  };
  state.open_loss = flat(loss_);
  state.lr = flat(rate_);
}

}  // namespace plastometer::ops
