#include "harness/studies/drift.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "harness/results/works.h"
#include "harness/stats/token_shift.h"
#include "model/mixers/spec.h"

namespace plastometer {
namespace {

// Windows of one length as [B, T] batches.
struct IdBatch {
  int64_t num_sequences = 0, num_tokens = 0;
  std::vector<int32_t> ids;
  int32_t At(int64_t row, int64_t token) const {
    return ids[row * num_tokens + token];
  }
};

std::vector<IdBatch> BatchesOf(const std::vector<Window>& windows,
                               int64_t batch_size) {
  std::vector<IdBatch> batches;
  for (const Window& w : windows) {
    if (w.ids.size() != windows[0].ids.size())
      throw InternalError("drift: windows of different lengths");
    if (batches.empty() || batches.back().num_sequences == batch_size)
      batches.push_back({0, static_cast<int64_t>(w.ids.size()), {}});
    ++batches.back().num_sequences;
    batches.back().ids.insert(batches.back().ids.end(), w.ids.begin(),
                              w.ids.end());
  }
  return batches;
}

// One row of [..., V], widened.
std::vector<double> Row(const HostTensor& logits, int64_t row) {
  const int64_t V = logits.shape.back();
  switch (logits.dtype) {
    case DType::kF32:
      return {logits.As<float>() + row * V, logits.As<float>() + (row + 1) * V};
    case DType::kF64:
      return {logits.As<double>() + row * V,
              logits.As<double>() + (row + 1) * V};
    default:
      throw InternalError("logits of type " + DTypeName(logits.dtype));
  }
}

// The probe text, and what the model predicts there before it has read
// anything.
class Probe {
 public:
  Probe(const Model& model, const std::vector<Window>& windows,
        int64_t batch_size)
      : model_(model),
        frozen_(Profile::Parse("frozen", model.config().num_layers)),
        batches_(BatchesOf(windows, batch_size)) {
    for (const IdBatch& batch : batches_) {
      ThrowIfInterrupted();
      Sequences fresh = model.Start(batch.num_sequences, frozen_);
      reference_.push_back(Logits(fresh, batch));
      num_predictions_ += batch.num_sequences * (batch.num_tokens - 1);
    }
    for (size_t b = 0; b < batches_.size(); ++b)
      ForEachPrediction(b, reference_[b], [&](const Prediction& prediction) {
        nll_ += prediction.nll_before;
      });
  }

  int64_t num_predictions() const { return num_predictions_; }
  double nll() const { return nll_; }
  const Profile& frozen() const { return frozen_; }

  // All of the text with the fast weights of one row of `sequences`.
  void Read(const Sequences& sequences, int64_t row, DriftPoint& point) const {
    for (size_t b = 0; b < batches_.size(); ++b) {
      ThrowIfInterrupted();
      Sequences start =
          model_.StartFrom(sequences, row, batches_[b].num_sequences, frozen_);
      ForEachPrediction(b, Logits(start, batches_[b]),
                        [&](const Prediction& p) {
                          point.kl += p.shift.kl;
                          point.js += p.shift.js;
                          point.flips += p.shift.top_flipped;
                          point.nll_change += p.nll_now - p.nll_before;
                        });
    }
  }

 private:
  struct Prediction {
    stats::TokenShift shift;
    double nll_before = 0, nll_now = 0;
  };

  HostTensor Logits(Sequences& sequences, const IdBatch& batch) const {
    return model_.Forward(sequences, batch.ids, {.logits = true})
        .logits.at("logits");
  }

  // Computed by all threads, visited in order.
  template <class Visit>
  void ForEachPrediction(size_t b, const HostTensor& now,
                         const Visit& visit) const {
    const IdBatch& batch = batches_[b];
    const int64_t T = batch.num_tokens;
    std::vector<Prediction> predictions(batch.num_sequences * (T - 1));
    ParallelFor(predictions.size(), model_.num_threads(), [&](size_t i) {
      const int64_t row = static_cast<int64_t>(i) / (T - 1),
                    token = static_cast<int64_t>(i) % (T - 1);
      const auto before = stats::Softmax(Row(reference_[b], row * T + token));
      const auto after = stats::Softmax(Row(now, row * T + token));
      const int32_t target = batch.At(row, token + 1);
      predictions[i] = {stats::ShiftBetween(before, after),
                        -before.log_p[target], -after.log_p[target]};
    });
    for (const Prediction& p : predictions) visit(p);
  }

  const Model& model_;
  Profile frozen_;
  std::vector<IdBatch> batches_;
  std::vector<HostTensor> reference_;  // logits [B, T, V] under W_0
  int64_t num_predictions_ = 0;
  double nll_ = 0;
};

// [B][L, H] ||W - W_0||_F / ||W_0||_F; `initial` is of one sequence.
std::vector<std::vector<double>> WeightDistances(const ModelConfig& config,
                                                 const TensorMap& now,
                                                 const TensorMap& initial,
                                                 int64_t num_sequences) {
  const int64_t L = config.num_layers, H = config.num_heads;
  std::vector<std::vector<double>> distances(num_sequences,
                                             std::vector<double>(L * H));
  for (int64_t l = 0; l < L; ++l) {
    std::vector<double> moved(num_sequences * H, 0), norm(H, 0);
    for (const FastWeightSpec& weight : FastWeightsOf(config)) {
      if (!weight.is_matrix) continue;
      const std::string name = StateName(l, weight);
      const std::vector<double> w0 = ToDoubles(initial.at(name)),
                                w = ToDoubles(now.at(name));
      const size_t per_head = w0.size() / H;
      for (size_t i = 0; i < w0.size(); ++i)
        norm[i / per_head] += w0[i] * w0[i];
      for (size_t i = 0; i < w.size(); ++i) {
        const double d = w[i] - w0[i % w0.size()];
        moved[i / per_head] += d * d;
      }
    }
    for (int64_t b = 0; b < num_sequences; ++b)
      for (int64_t h = 0; h < H; ++h)  // 0 / 0 is NaN: not available
        distances[b][l * H + h] = std::sqrt(moved[b * H + h] / norm[h]);
  }
  return distances;
}

DriftRecord Describe(const Model& model, const DriftRequest& request,
                     const std::vector<Window>& contexts,
                     const std::vector<Window>& probes, const Probe& probe) {
  DriftRecord record;
  record.num_layers = model.config().num_layers;
  record.num_heads = model.config().num_heads;
  record.positions = request.positions;
  for (const PlannedProfile& p : request.profiles)
    record.profiles.push_back(
        {p.profile.name(), p.same_as, p.profile.PlasticLayers()});
  for (const Window& w : contexts)
    record.contexts.push_back(
        {w.source, w.domain, w.work, w.document, w.first_token});
  std::set<std::string> works;
  for (const Window& w : probes) works.insert(WorkKey(w));
  record.probe_windows = static_cast<int64_t>(probes.size());
  record.probe_works = static_cast<int64_t>(works.size());
  record.probe_predictions = probe.num_predictions();
  record.probe_nll = probe.nll();
  record.points.resize(request.profiles.size() * request.positions.size() *
                       contexts.size());
  return record;
}

// The tokens [from, to) of every window.
std::vector<int32_t> Columns(const IdBatch& batch, int64_t from, int64_t to) {
  std::vector<int32_t> ids;
  for (int64_t b = 0; b < batch.num_sequences; ++b) {
    const auto row = batch.ids.begin() + b * batch.num_tokens;
    ids.insert(ids.end(), row + from, row + to);
  }
  return ids;
}

}  // namespace

void CheckPositions(const std::vector<int64_t>& positions) {
  if (positions.empty()) throw UsageError("drift: no position is given");
  for (size_t i = 0; i < positions.size(); ++i) {
    if (positions[i] < 0 || positions[i] % kMiniBatchTokens != 0)
      throw UsageError("drift: position " + std::to_string(positions[i]) +
                       "; expected a multiple of 16: fast weights are carried "
                       "on after full mini-batches");
    if (i > 0 && positions[i] <= positions[i - 1])
      throw UsageError("drift: position " + std::to_string(positions[i]) +
                       " after " + std::to_string(positions[i - 1]) +
                       "; expected them to rise");
  }
}

std::vector<Window> WindowsThatReach(const std::vector<Window>& windows,
                                     int64_t tokens, const std::string& what,
                                     std::vector<std::string>& notes) {
  std::vector<Window> reach;
  for (const Window& w : windows) {
    if (static_cast<int64_t>(w.ids.size()) < tokens) continue;
    reach.push_back(w);
    reach.back().ids.resize(tokens);
    if (!w.token_bytes.empty()) reach.back().token_bytes.resize(tokens);
  }
  if (const size_t left_out = windows.size() - reach.size(); left_out > 0)
    notes.push_back(what + ": " + std::to_string(left_out) +
                    " windows are shorter than " + std::to_string(tokens) +
                    " tokens and left out");
  return reach;
}

std::vector<Window> OtherWorks(const std::vector<Window>& windows,
                               const std::vector<Window>& contexts,
                               int64_t per_domain) {
  std::set<std::string> taken;
  for (const Window& w : contexts) taken.insert(WorkKey(w));
  std::map<std::string, int64_t> count;
  std::vector<Window> others;
  for (const Window& w : windows) {
    if (taken.contains(WorkKey(w))) continue;
    if (per_domain > 0 && ++count[w.domain] > per_domain) continue;
    others.push_back(w);
  }
  return others;
}

DriftRecord MeasureDrift(
    const Model& model, const DriftRequest& request,
    const std::vector<Window>& contexts, const std::vector<Window>& probes,
    const std::function<void(int64_t done, int64_t total)>& progress) {
  CheckPositions(request.positions);
  if (contexts.empty())
    throw InvalidError("drift: no context text reaches the last position, " +
                       std::to_string(request.positions.back()) + " tokens");
  if (probes.empty() || probes[0].ids.size() < 2)
    throw InvalidError("drift: no probe text of two tokens or more");
  const Probe probe(model, probes, request.batch_size);
  const TensorMap initial = model.Start(1, probe.frozen()).FastWeights();
  DriftRecord record = Describe(model, request, contexts, probes, probe);
  const std::vector<IdBatch> batches = BatchesOf(contexts, request.batch_size);
  const size_t num_positions = request.positions.size();
  int64_t done = 0;
  for (size_t p = 0; p < request.profiles.size(); ++p) {
    size_t first_context = 0;
    for (const IdBatch& batch : batches) {
      Sequences sequences =
          model.Start(batch.num_sequences, request.profiles[p].profile);
      for (size_t n = 0; n < num_positions; ++n) {
        const int64_t from = sequences.position(), to = request.positions[n];
        if (to > from) model.Forward(sequences, Columns(batch, from, to), {});
        auto distances =
            WeightDistances(model.config(), sequences.FastWeights(), initial,
                            batch.num_sequences);
        for (int64_t b = 0; b < batch.num_sequences; ++b) {
          DriftPoint& point =
              record.points[(p * num_positions + n) * contexts.size() +
                            first_context + b];
          probe.Read(sequences, b, point);
          point.weight_distance = std::move(distances[b]);
          if (progress)
            progress(++done, static_cast<int64_t>(record.points.size()));
        }
      }
      first_context += batch.num_sequences;
    }
  }
  return record;
}

TensorMap DriftTensors(const DriftRecord& record) {
  const auto P = static_cast<int64_t>(record.profiles.size()),
             N = static_cast<int64_t>(record.positions.size()),
             C = static_cast<int64_t>(record.contexts.size());
  std::vector<double> kl, js, nll_change, distance;
  std::vector<int32_t> flips,
      positions(record.positions.begin(), record.positions.end());
  for (const DriftPoint& point : record.points) {
    kl.push_back(point.kl);
    js.push_back(point.js);
    nll_change.push_back(point.nll_change);
    flips.push_back(static_cast<int32_t>(point.flips));
    distance.insert(distance.end(), point.weight_distance.begin(),
                    point.weight_distance.end());
  }
  return {{"kl", HostTensor::FromF64({P, N, C}, kl)},
          {"js", HostTensor::FromF64({P, N, C}, js)},
          {"nll_change", HostTensor::FromF64({P, N, C}, nll_change)},
          {"flips", HostTensor::FromI32({P, N, C}, flips)},
          {"weight_distance",
           HostTensor::FromF64({P, N, C, record.num_layers, record.num_heads},
                               distance)},
          {"positions", HostTensor::FromI32({N}, positions)}};
}

}  // namespace plastometer
