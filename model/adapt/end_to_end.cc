#include "model/adapt/end_to_end.h"

#include <ATen/core/grad_mode.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "model/adapt/differentiable_model.h"
#include "model/cost/cost.h"
#include "model/ops/reference/reference_ops.h"
#include "model/tensor_io.h"

namespace plastometer {
namespace {

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Told by LibTorch's CPU allocator of every allocation of this thread.
class TensorBytes : public c10::MemoryReportingInfoBase {
 public:
  using MemoryReportingInfoBase::reportMemoryUsage;
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t,
                         c10::Device) override {
    now_ += bytes;  // negative when memory is given back
    peak_ = std::max(peak_, now_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  // From here on; `peak` is beyond what is alive now.
  void Restart() { start_ = peak_ = now_; }
  int64_t peak() const { return peak_ - start_; }

 private:
  int64_t now_ = 0, start_ = 0, peak_ = 0;
};

void Detach(at::Tensor& tensor) {
  if (tensor.defined()) tensor = tensor.detach();
}

void DetachState(SequenceState& state) {
  for (LayerState& layer : state.layers) {
    ops::InnerState& s = layer.mixer.inner;
    for (at::Tensor& weight : s.weights) Detach(weight);
    for (at::Tensor* tensor : {&s.k, &s.lr, &s.g1, &s.x2, &s.g2,
                               &layer.pre_conv_history, &layer.mixer.history})
      Detach(*tensor);
  }
}

// FLOPs of the dense and element-wise parts that a gradient passes through, per
// token: docs/end-to-end.md, "Cost".
int64_t SwiGluProducts(const ModelConfig& c) {
  return 6 * c.hidden_size * c.intermediate_size;
}

// Everything of a block that is not SwiGLU or its norm, read off the forward
// table: what a plastic token costs there, with its share of the update.
int64_t MixerFlopsPerToken(const ModelConfig& c) {
  const LayerCost cost = CostOfLayer(c);
  const int64_t swiglu = SwiGluProducts(c) +
                         kSwiGluFlops * c.intermediate_size +
                         kRmsNormFlops * c.hidden_size;
  return cost.fixed - swiglu + cost.plastic + cost.inner_plastic_token +
         cost.inner_update / kMiniBatchTokens;
}

// Products inside the inner loop: both of their operands carry a gradient.
int64_t InnerFlopsPerToken(const ModelConfig& c) {
  const LayerCost cost = CostOfLayer(c);
  return cost.inner_plastic_token + cost.inner_update / kMiniBatchTokens;
}

}  // namespace

EndToEndFlops EndToEndFlopsOfChunk(const ModelConfig& c,
                                   const std::vector<bool>& chosen,
                                   int64_t num_tokens) {
  const auto first = std::find(chosen.begin(), chosen.end(), true);
  EndToEndFlops flops;
  if (first == chosen.end()) return flops;
  const int64_t D = c.hidden_size, F = c.intermediate_size;
  // Head and final norm: the gradient of the activations alone.
  int64_t per_token = HeadFlopsPerToken(c);
  for (auto layer = first; layer != chosen.end(); ++layer) {
    if (*layer) per_token += SwiGluProducts(c);  // of the matrices
    per_token += kSwiGluFlops * F + 2 * D * F;   // back through w2
    if (layer == first) continue;  // nothing below asks for a gradient
    per_token += 4 * D * F + kRmsNormFlops * D;  // back through w1, w3, norm
    per_token += MixerFlopsPerToken(c) + InnerFlopsPerToken(c);
  }
  flops.backward = num_tokens * per_token;
  for (const bool is_chosen : chosen)
    if (is_chosen) flops.update += 2 * 3 * D * F;
  return flops;
}

struct EndToEndModel::Impl {
  DifferentiableModel model;
};

namespace {

// One sequence's pass.
class Adapter {
 public:
  Adapter(const DifferentiableModel& model, const Profile& profile,
          const EndToEndOptions& options, TensorBytes& bytes)
      : bytes_(bytes),
        model_(model),
        profile_(profile),
        options_(options),
        uniform_(Profile::Parse("uniform", model.config.num_layers)),
        weights_(model.weights),
        state_(Fresh()) {}

  EndToEndResult Run(const at::Tensor& ids) {
    const int64_t num_losses = ids.size(1) - 1;
    for (int64_t begin = 0; begin < num_losses;) {
      const int64_t n = std::min(options_.chunk_tokens, num_losses - begin);
      if (!options_.carry) state_ = Fresh();
      // The last chunk's step would change nothing that is still to be read.
      const bool step = begin + n < num_losses;
      bytes_.Restart();
      Chunk(ids, begin, n, step);
      result_.cost.peak_activation_bytes =
          std::max(result_.cost.peak_activation_bytes, bytes_.peak());
      begin += n;
    }
    RecordChange();
    return std::move(result_);
  }

  const LanguageModelWeights& weights() const { return weights_; }

 private:
  SequenceState Fresh() const {
    return FreshState(model_.config, 1, at::TensorOptions(model_.dtype));
  }

  static std::vector<ops::Matrix*> Matrices(LayerWeights& layer) {
    return {&layer.w1, &layer.w3, &layer.w2};
  }

  void Chunk(const at::Tensor& ids, int64_t begin, int64_t n, bool step) {
    const int64_t L = model_.config.num_layers;
    std::vector<bool> chosen(static_cast<size_t>(L), false);
    std::vector<at::Tensor> leaves;
    std::vector<double> rates;
    for (int64_t l = 0; step && l < L; ++l) {
      const double lambda = profile_.Lambda(l, begin / kMiniBatchTokens);
      if (lambda == 0) continue;
      chosen[static_cast<size_t>(l)] = true;
      for (ops::Matrix* matrix : Matrices(weights_.layers[l])) {
        matrix->values = matrix->values.detach().requires_grad_(true);
        leaves.push_back(matrix->values);
        rates.push_back(options_.rate * lambda);
      }
    }
    double start = Now();
    const at::AutoGradMode grad(!leaves.empty());
    ops::ReferenceOps ops(model_.config);
    const at::Tensor hidden =
        ForwardHidden(model_.config, weights_, ops, uniform_, state_,
                      ids.narrow(1, begin, n));
    const at::Tensor losses =
        ops.TokenLoss(hidden.view({n, model_.config.hidden_size}),
                      weights_.embedding, ids[0].narrow(0, begin + 1, n));
    Record(losses, ops.counters().flops, Now() - start);
    if (!leaves.empty()) Step(losses.mean(), leaves, rates, chosen, n);
    DetachState(state_);
  }

  void Record(const at::Tensor& losses, int64_t flops, double seconds) {
    const at::Tensor values = losses.detach().to(at::kDouble).contiguous();
    const double* nats = values.const_data_ptr<double>();
    result_.nll.insert(result_.nll.end(), nats, nats + values.numel());
    result_.cost.tokens += values.numel();
    result_.cost.forward_flops += flops;
    result_.cost.forward_seconds += seconds;
  }

  void Step(const at::Tensor& loss, const std::vector<at::Tensor>& leaves,
            const std::vector<double>& rates, const std::vector<bool>& chosen,
            int64_t n) {
    double start = Now();
    const std::vector<at::Tensor> gradients =
        torch::autograd::grad({loss}, leaves);
    EndToEndCost& cost = result_.cost;
    cost.backward_seconds += Now() - start;
    start = Now();
    const at::NoGradGuard no_grad;
    size_t i = 0;
    for (size_t l = 0; l < chosen.size(); ++l) {
      if (!chosen[l]) continue;
      for (ops::Matrix* matrix : Matrices(weights_.layers[l])) {
        matrix->values = leaves[i].detach().sub(gradients[i], rates[i]);
        ++i;
      }
    }
    cost.update_seconds += Now() - start;
    const EndToEndFlops flops = EndToEndFlopsOfChunk(model_.config, chosen, n);
    cost.backward_flops += flops.backward;
    cost.update_flops += flops.update;
    cost.steps += 1;
  }

  void RecordChange() {
    int64_t adapted = 0;
    for (int64_t l = 0; l < model_.config.num_layers; ++l) {
      LayerWeights start = model_.weights.layers[l];
      const auto before = Matrices(start), after = Matrices(weights_.layers[l]);
      for (size_t i = 0; i < before.size(); ++i) {
        const at::Tensor change = after[i]->values.detach() - before[i]->values;
        result_.weight_change.push_back(change.norm().item<double>());
      }
      if (profile_.layer(l).EverPlastic())
        adapted +=
            3 * model_.config.hidden_size * model_.config.intermediate_size;
    }
    result_.cost.adapted_bytes = 4 * adapted;
  }

  TensorBytes& bytes_;
  const DifferentiableModel& model_;
  const Profile& profile_;
  const EndToEndOptions& options_;
  const Profile uniform_;
  LanguageModelWeights weights_;
  SequenceState state_;
  EndToEndResult result_;
};

}  // namespace

EndToEndModel::EndToEndModel(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
EndToEndModel::~EndToEndModel() = default;
EndToEndModel::EndToEndModel(EndToEndModel&&) noexcept = default;

EndToEndModel EndToEndModel::Load(const std::filesystem::path& file,
                                  bool fp64) {
  return EndToEndModel(
      std::make_unique<Impl>(Impl{LoadDifferentiable(file, fp64)}));
}

EndToEndModel EndToEndModel::FromTensors(const ModelConfig& config,
                                         const TensorMap& tensors, bool fp64) {
  return EndToEndModel(
      std::make_unique<Impl>(Impl{MakeDifferentiable(config, tensors, fp64)}));
}

const ModelConfig& EndToEndModel::config() const { return impl_->model.config; }

EndToEndResult EndToEndModel::Adapt(std::span<const int32_t> ids,
                                    const Profile& profile,
                                    const EndToEndOptions& options,
                                    bool final_weights) const {
  if (ids.size() < 2)
    throw InvalidError("a sequence of " + std::to_string(ids.size()) +
                       " tokens; expected at least 2");
  if (!(options.rate >= 0) || !std::isfinite(options.rate))
    throw UsageError("rate " + std::to_string(options.rate) +
                     "; expected a number of at least 0");
  if (options.chunk_tokens < kMiniBatchTokens ||
      options.chunk_tokens % kMiniBatchTokens != 0)
    throw UsageError("chunks of " + std::to_string(options.chunk_tokens) +
                     " tokens; expected a multiple of 16");
  if (profile.controls() != Controls{})
    throw UsageError("profile '" + profile.name() +
                     "': eta, reset and start are controls of the inner loop; "
                     "the end-to-end way knows layers, scales and schedules");
  // Around everything: the allocator knows only blocks that it saw come.
  const auto bytes = std::make_shared<TensorBytes>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, bytes);
  Adapter adapter(impl_->model, profile, options, *bytes);
  EndToEndResult result = adapter.Run(IdTensor(config(), ids));
  if (final_weights) {
    for (int64_t l = 0; l < config().num_layers; ++l) {
      const std::string block =
          "model/h/" + std::to_string(l) + "/feed_forward/";
      const LayerWeights& w = adapter.weights().layers[l];
      result.final_weights[block + "w1/kernel"] =
          ToHostTensor(w.w1.values.detach());
      result.final_weights[block + "w3/kernel"] =
          ToHostTensor(w.w3.values.detach());
      result.final_weights[block + "w2/kernel"] =
          ToHostTensor(w.w2.values.detach());
    }
  }
  return result;
}

}  // namespace plastometer
