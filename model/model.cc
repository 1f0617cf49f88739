#include "model/model.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <optional>

#include "base/error.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "model/causality.h"
#include "model/device/device.h"
#include "model/digests.h"
#include "model/layers/language_model.h"
#include "model/ops/arithmetic.h"
#include "model/probes.h"
#include "model/statistics_arrays.h"
#include "model/tensor_io.h"
#include "model/weights/mean_state.h"
#include "model/weights/model_file.h"
#include "model/weights/parameter_specs.h"

namespace plastometer {
namespace {

at::TensorOptions OptionsOf(Lane lane) {
  const LaneTraits& traits = TraitsOf(lane);
  const auto options = at::TensorOptions().dtype(
      traits.dtype == DType::kF64 ? at::kDouble : at::kFloat);
  return traits.on_cpu() ? options : options.device(at::kCUDA);
}

// The matrices that ForEachMatrix visits, the small one of the inner rate
// aside.
bool IsDense(const ParameterSpec& spec) {
  return spec.role == ParameterRole::kMatrix && spec.shape.size() == 2;
}

std::vector<double> ToDoubleVector(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kCPU, at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

// The rows of an open mini-batch were collected, or they were not.
void CheckStatisticsMode(SequenceState& state, StatisticsMode mode) {
  const bool inside = state.position % kMiniBatchTokens != 0;
  if (inside && mode != StatisticsMode::kOff && state.statistics_mode != mode) {
    throw UsageError(
        "statistics can be switched on only at a multiple of 16 tokens; the "
        "sequences are at token " +
        std::to_string(state.position));
  }
  if (!inside) {
    for (LayerState& layer : state.layers) layer.mixer.virtual_inner = {};
  }
  state.statistics_mode = mode;
}

}  // namespace

struct Sequences::Impl {
  const ModelConfig config;
  SequenceState state;
  Profile profile;
  // Where every layer began, shared with the model.
  std::vector<ops::FastWeights> start;

  const ops::FastWeights& weights(size_t layer) const {
    return state.layers[layer].mixer.inner.weights;
  }
};

Sequences::Sequences(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sequences::~Sequences() = default;
Sequences::Sequences(Sequences&&) noexcept = default;
Sequences& Sequences::operator=(Sequences&&) noexcept = default;
int64_t Sequences::num_sequences() const { return impl_->state.num_sequences; }
int64_t Sequences::position() const { return impl_->state.position; }

// Tensors of a state are replaced, never written in place, so a copy of the
// handles is independent.
Sequences Sequences::Snapshot() const {
  return Sequences(std::make_unique<Impl>(*impl_));
}

TensorMap Sequences::FastWeights() const {
  TensorMap map;
  const std::vector<FastWeightSpec> specs = FastWeightsOf(impl_->config);
  for (size_t l = 0; l < impl_->start.size(); ++l) {
    const ops::FastWeights& now = impl_->weights(l);
    for (size_t i = 0; i < specs.size(); ++i) {
      const at::Tensor value = now.empty()
                                   ? impl_->start[l][i].unsqueeze(0).expand(
                                         {num_sequences(), -1, -1, -1})
                                   : now[i];
      map[StateName(static_cast<int64_t>(l), specs[i])] = ToHostTensor(value);
    }
  }
  return map;
}

struct Model::Impl {
  ModelConfig config;
  std::string sha256;
  Lane lane = Lane::kCpuReference;
  int num_threads = 1;
  LanguageModelWeights weights;
  // The same with the mean state in place of W0 (handles, not copies); else why
  // not.
  std::optional<LanguageModelWeights> mean_weights;
  std::exception_ptr no_mean;
  ops::Arithmetic arithmetic;

  const LanguageModelWeights& WeightsOf(const Profile& profile) const;
  void TakeMeanState(const std::filesystem::path& model_file);

  // Hidden states of [B, T] ids, after the final norm.
  at::Tensor Hidden(ops::Ops& ops, const Profile& profile, SequenceState& state,
                    const at::Tensor& ids,
                    std::vector<ops::StatisticsCollector>* statistics,
                    StatisticsMode mode,
                    std::vector<uint32_t>* row_digests) const;
  at::Tensor IdTensor(std::span<const int32_t> ids,
                      int64_t num_sequences) const;
  void ScoreHidden(const at::Tensor& hidden, const at::Tensor& ids,
                   SequenceState& state, ops::Ops& ops,
                   const ForwardOptions& options, ForwardResult& result) const;
};

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
const ModelConfig& Model::config() const { return impl_->config; }
const std::string& Model::sha256() const { return impl_->sha256; }
Lane Model::lane() const { return impl_->lane; }
int Model::num_threads() const { return impl_->num_threads; }

Model Model::Load(const std::filesystem::path& file,
                  const ModelOptions& options) {
  const SafetensorsFile stored(file);
  const ModelConfig config = CheckModelHeader(stored);
  Model model = Build(config, options, [&](const ParameterSpec& spec) {
    return ReadModelTensor(stored, spec.name);
  });
  model.impl_->sha256 = Sha256OfFile(file);
  model.impl_->TakeMeanState(file);
  return model;
}

void Model::Impl::TakeMeanState(const std::filesystem::path& model_file) try {
  const c10::InferenceMode inference;
  const MeanState mean = ReadMeanState(model_file, config, sha256);
  mean_weights = weights;
  for (int64_t l = 0; l < config.num_layers; ++l) {
    ops::FastWeights start;
    for (const FastWeightSpec& weight : FastWeightsOf(config))
      start.push_back(ToTorch(mean.tensors.at(MixerPrefix(l) + weight.initial))
                          .to(OptionsOf(lane)));
    std::shared_ptr<Mixer>& mixer = mean_weights->layers[l].mixer;
    mixer = mixer->StartingFrom(std::move(start));
  }
} catch (const Error&) {
  no_mean = std::current_exception();
}

const LanguageModelWeights& Model::Impl::WeightsOf(
    const Profile& profile) const {
  if (!profile.controls().start_mean) return weights;
  if (mean_weights) return *mean_weights;
  if (no_mean) std::rethrow_exception(no_mean);
  throw UsageError("profile '" + profile.name() +
                   "': a model made of tensors has no mean state");
}

Model Model::FromTensors(const ModelConfig& config, const TensorMap& weights,
                         const ModelOptions& options) {
  return Build(config, options, [&](const ParameterSpec& spec) {
    const auto found = weights.find(spec.name);
    if (found == weights.end())
      throw InvalidError("model: parameter '" + spec.name + "' is missing");
    if (found->second.shape != spec.shape)
      throw InvalidError("model: parameter '" + spec.name +
                         "' has another shape");
    return found->second;
  });
}

// Dense matrices stay as they are stored until the lane prepares them, one
// after the other: the widened form of all of them is never in memory.
Model Model::Build(
    const ModelConfig& config, const ModelOptions& options,
    const std::function<HostTensor(const ParameterSpec&)>& read) {
  PinLibTorch();
  if (!TraitsOf(options.lane).on_cpu()) {
    const CudaProbe probe = ProbeCuda();
    if (!probe.usable())
      throw UsageError("lane '" + ToString(options.lane) +
                       "': " + probe.problem);
    LoadTorchCuda();
  }
  auto impl = std::make_unique<Impl>();
  impl->num_threads = ResolveThreads(options.num_threads);
  impl->arithmetic = ops::Arithmetic(options.lane, config, impl->num_threads);
  const c10::InferenceMode inference;
  impl->config = config;
  impl->lane = options.lane;
  std::map<std::string, at::Tensor> tensors;
  for (const ParameterSpec& spec : ParameterSpecs(config)) {
    const at::Tensor stored = ToTorch(read(spec));
    tensors[spec.name] =
        IsDense(spec) ? stored : stored.to(OptionsOf(options.lane));
  }
  impl->weights = BindWeights(config, tensors);
  tensors.clear();  // each plain matrix goes as its prepared form comes
  ForEachMatrix(impl->weights, [&](ops::Matrix& matrix, bool transposed) {
    matrix.values = matrix.values.to(OptionsOf(options.lane));
    matrix = impl->arithmetic.Prepare(matrix, transposed);
  });
  return Model(std::move(impl));
}

Sequences Model::Start(int64_t num_sequences, const Profile& profile) const {
  if (num_sequences < 1)
    throw UsageError("number of sequences is " + std::to_string(num_sequences) +
                     "; expected >= 1");
  if (profile.num_layers() != impl_->config.num_layers) {
    throw UsageError("profile '" + profile.name() + "' has " +
                     std::to_string(profile.num_layers()) +
                     " layers; the model has " +
                     std::to_string(impl_->config.num_layers));
  }
  const c10::InferenceMode inference;
  std::vector<ops::FastWeights> start;
  for (const LayerWeights& layer : impl_->WeightsOf(profile).layers)
    start.push_back(layer.mixer->start());
  return Sequences(std::make_unique<Sequences::Impl>(Sequences::Impl{
      impl_->config,
      FreshState(impl_->config, num_sequences, OptionsOf(impl_->lane)), profile,
      std::move(start)}));
}

Sequences Model::StartFrom(const Sequences& source, int64_t row,
                           int64_t num_sequences,
                           const Profile& profile) const {
  if (row < 0 || row >= source.num_sequences())
    throw UsageError("row " + std::to_string(row) + " of " +
                     std::to_string(source.num_sequences()) + " sequences");
  if (profile.controls().start_mean || profile.controls().reset_tokens > 0)
    throw UsageError("profile '" + profile.name() +
                     "': start=mean and reset name another start than the "
                     "state that is carried on");
  Sequences sequences = Start(num_sequences, profile);
  const c10::InferenceMode inference;
  const Sequences::Impl& from = *source.impl_;
  const bool from_w0 = !from.profile.controls().start_mean;
  for (size_t l = 0; l < from.start.size(); ++l) {
    const ops::FastWeights& carried = from.weights(l);
    // None is W0: the same path as a fresh sequence, bit for bit.
    if (carried.empty() && from_w0) continue;
    ops::FastWeights& taken =
        sequences.impl_->state.layers[l].mixer.inner.weights;
    for (size_t i = 0; i < from.start[l].size(); ++i) {
      const at::Tensor one = carried.empty() ? from.start[l][i].unsqueeze(0)
                                             : carried[i].narrow(0, row, 1);
      taken.push_back(one.expand({num_sequences, -1, -1, -1}).contiguous());
    }
  }
  return sequences;
}

at::Tensor Model::Impl::IdTensor(std::span<const int32_t> ids,
                                 int64_t num_sequences) const {
  if (ids.empty() || static_cast<int64_t>(ids.size()) % num_sequences != 0) {
    throw InvalidError("got " + std::to_string(ids.size()) + " token ids for " +
                       std::to_string(num_sequences) +
                       " sequences; expected a positive multiple");
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= config.vocab_size) {
      throw InvalidError("token id " + std::to_string(ids[i]) + " at index " +
                         std::to_string(i) + " is outside the vocabulary [0, " +
                         std::to_string(config.vocab_size) + ")");
    }
  }
  const at::Tensor view = at::from_blob(
      const_cast<int32_t*>(ids.data()),
      {num_sequences, static_cast<int64_t>(ids.size()) / num_sequences},
      at::kInt);
  return view.to(OptionsOf(lane).dtype(at::kLong));
}

void Model::Impl::ScoreHidden(const at::Tensor& hidden, const at::Tensor& ids,
                              SequenceState& state, ops::Ops& ops,
                              const ForwardOptions& options,
                              ForwardResult& result) const {
  const int64_t B = ids.size(0), T = ids.size(1), D = hidden.size(2);
  std::vector<at::Tensor> losses, correct;
  const auto keep = [&](const at::Tensor& nll) {
    losses.push_back(nll.view({B, -1}));
    if (options.correct) correct.push_back(ops.TakeCorrect().view({B, -1}));
  };
  if (options.correct) ops.KeepCorrect();
  if (state.last_logits.defined())
    keep(ops.LossOfLogits(state.last_logits, ids.select(1, 0)));
  if (options.logits) {
    const at::Tensor logits =
        ops.Logits(hidden.reshape({B * T, D}), weights.embedding)
            .view({B, T, -1});
    if (T > 1) {
      const at::Tensor scored = logits.narrow(1, 0, T - 1).flatten(0, 1);
      keep(ops.LossOfLogits(scored, ids.narrow(1, 1, T - 1).flatten()));
    }
    state.last_logits = logits.select(1, T - 1).clone();
    result.logits["logits"] = ToHostTensor(logits);
  } else {
    if (T > 1) {
      const at::Tensor rows =
          hidden.narrow(1, 0, T - 1).reshape({B * (T - 1), D});
      keep(ops.TokenLoss(rows, weights.embedding,
                         ids.narrow(1, 1, T - 1).flatten()));
    }
    state.last_logits = ops.Logits(hidden.select(1, T - 1), weights.embedding);
  }
  if (losses.empty()) return;
  const at::Tensor nll = at::cat(losses, 1);
  result.num_losses = nll.size(1);
  result.nll = ToDoubleVector(nll);
  if (!options.correct) return;
  const at::Tensor bytes = at::cat(correct, 1).to(at::kCPU).to(at::kByte);
  result.correct.assign(bytes.const_data_ptr<uint8_t>(),
                        bytes.const_data_ptr<uint8_t>() + bytes.numel());
}

// In pieces that stay in a core's cache, if the lane asks for it.
at::Tensor Model::Impl::Hidden(
    ops::Ops& ops, const Profile& profile, SequenceState& state,
    const at::Tensor& ids, std::vector<ops::StatisticsCollector>* statistics,
    StatisticsMode mode, std::vector<uint32_t>* row_digests) const {
  const int64_t B = ids.size(0), T = ids.size(1),
                num_entries = config.num_layers + 1;
  if (row_digests != nullptr)
    row_digests->resize(static_cast<size_t>(B * T * num_entries));
  const int64_t tokens_at_once = arithmetic.tokens_at_once();
  int64_t piece = T;
  if (tokens_at_once > 0)
    piece = std::max(tokens_at_once / B / kMiniBatchTokens * kMiniBatchTokens,
                     kMiniBatchTokens);
  std::vector<at::Tensor> hidden;
  for (int64_t t = 0; t < T; t += piece) {
    const int64_t n = std::min(piece, T - t);
    StreamObserver observer;
    if (row_digests != nullptr) {
      observer = [&, t, n](int64_t entry, const at::Tensor& h) {
        const std::vector<uint32_t> rows = RowDigests(h);
        for (int64_t i = 0; i < B * n; ++i)
          (*row_digests)[(i / n * T + t + i % n) * num_entries + entry] =
              rows[i];
      };
    }
    hidden.push_back(ForwardHidden(config, WeightsOf(profile), ops, profile,
                                   state, ids.narrow(1, t, n), statistics, mode,
                                   observer));
  }
  return hidden.size() == 1 ? hidden[0] : at::cat(hidden, 1);
}

ForwardResult Model::Forward(Sequences& sequences, std::span<const int32_t> ids,
                             const ForwardOptions& options) const {
  return ForwardOn(sequences, ids, options, /*alone=*/false);
}

ForwardResult Model::ForwardOn(Sequences& sequences,
                               std::span<const int32_t> ids,
                               const ForwardOptions& options,
                               bool alone) const {
  const c10::InferenceMode inference;
  impl_->arithmetic.SetTorchThreads(alone);
  SequenceState& state = sequences.impl_->state;
  const Profile& profile = sequences.impl_->profile;
  const at::Tensor id_tensor = impl_->IdTensor(ids, state.num_sequences);
  const int64_t position = state.position, T = id_tensor.size(1);
  CheckStatisticsMode(state, options.statistics);
  const std::unique_ptr<ops::Ops> arithmetic =
      impl_->arithmetic.MakeOps(impl_->config, alone);
  ops::Ops& ops = *arithmetic;
  std::vector<ops::StatisticsCollector> collectors(impl_->config.num_layers);
  const bool collect = options.statistics != StatisticsMode::kOff;
  ForwardResult result;
  result.num_sequences = state.num_sequences;
  result.num_tokens = T;
  const at::Tensor hidden = impl_->Hidden(
      ops, profile, state, id_tensor, collect ? &collectors : nullptr,
      options.statistics, options.digests ? &result.row_digests : nullptr);
  impl_->ScoreHidden(hidden, id_tensor, state, ops, options, result);
  if (collect)
    result.statistics =
        StatisticsArrays(impl_->config, collectors, state.num_sequences,
                         position, T, OptionsOf(impl_->lane));
  if (options.final_state) result.state = sequences.FastWeights();
  if (options.digests)
    result.state_digests = StateDigests(sequences.FastWeights(), impl_->config,
                                        state.num_sequences);
  result.counters = ops.counters();
  result.counters.tokens = state.num_sequences * T;
  for (int64_t l = 0; l < impl_->config.num_layers; ++l) {
    const bool plastic = profile.layer(l).EverPlastic();
    if (plastic)
      result.counters.adaptive_state_bytes +=
          AdaptiveStateBytesOfLayer(impl_->config);
    result.counters.carry_bytes +=
        CarryBytesOfLayer(impl_->config, plastic, profile.controls());
  }
  return result;
}

ForwardResult Model::Score(std::span<const int32_t> ids, int64_t num_sequences,
                           const Profile& profile,
                           const ForwardOptions& options) const {
  const bool losses_only = !options.logits && !options.final_state &&
                           !options.digests &&
                           options.statistics == StatisticsMode::kOff;
  if (losses_only && TraitsOf(impl_->lane).on_cpu() && impl_->num_threads > 1 &&
      num_sequences > 1)
    return ScoreRowsInParallel(ids, num_sequences, profile, options);
  Sequences sequences = Start(num_sequences, profile);
  return Forward(sequences, ids, options);
}

// One group of rows a thread, each with one thread of its own: the scan's
// operations are too small to be shared, and a barrier after each of them
// stalls as soon as another program has one of the cores.
ForwardResult Model::ScoreRowsInParallel(std::span<const int32_t> ids,
                                         int64_t num_sequences,
                                         const Profile& profile,
                                         const ForwardOptions& options) const {
  const int64_t num_tokens = static_cast<int64_t>(ids.size()) / num_sequences;
  const int64_t num_groups =
      std::min<int64_t>(impl_->num_threads, num_sequences);
  std::vector<ForwardResult> parts(num_groups);
  // An error names the index in the whole batch.
  impl_->IdTensor(ids, num_sequences);
  ParallelFor(num_groups, impl_->num_threads, [&](size_t group) {
    const auto g = static_cast<int64_t>(group);
    const int64_t begin = g * num_sequences / num_groups,
                  end = (g + 1) * num_sequences / num_groups;
    Sequences rows = Start(end - begin, profile);
    parts[g] = ForwardOn(
        rows, ids.subspan(begin * num_tokens, (end - begin) * num_tokens),
        options, /*alone=*/true);
  });
  ForwardResult result = std::move(parts[0]);
  result.num_sequences = num_sequences;
  for (int64_t g = 1; g < num_groups; ++g) {
    result.nll.insert(result.nll.end(), parts[g].nll.begin(),
                      parts[g].nll.end());
    result.correct.insert(result.correct.end(), parts[g].correct.begin(),
                          parts[g].correct.end());
    result.counters += parts[g].counters;
  }
  return result;
}

void Model::CheckCausality(std::span<const int32_t> ids,
                           const Profile& profile) const {
  plastometer::CheckCausality(
      [&](std::span<const int32_t> two_rows) {
        Sequences sequences = Start(2, profile);
        ForwardOptions options;
        options.logits = true;
        return Forward(sequences, two_rows, options);
      },
      ids, impl_->config.vocab_size, "profile '" + profile.name() + "'");
}

}  // namespace plastometer
