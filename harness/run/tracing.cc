#include "harness/run/tracing.h"

#include <algorithm>
#include <numeric>

#include "base/lane.h"
#include "harness/results/window_losses.h"

namespace plastometer {
namespace {

constexpr int64_t kProbeTokens = 8;
// Half a mini-batch: the carried state passes through open mini-batches too.
constexpr int64_t kPieceTokens = 8;
static_assert(kMiniBatchTokens % kPieceTokens == 0);

// `logits`: [1, n, V]; the row predicts `target`.
ProbeLogits Probe(const HostTensor& logits, int64_t row, int32_t target,
                  double target_nll) {
  const int64_t V = logits.shape.back();
  const std::vector<double> all = ToDoubles(logits);
  const std::span<const double> scores(all.data() + row * V,
                                       static_cast<size_t>(V));
  std::vector<int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto k = std::min<int64_t>(kProbeTokens, V);
  std::partial_sort(
      order.begin(), order.begin() + k, order.end(), [&](int32_t a, int32_t b) {
        return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
      });
  ProbeLogits probe;
  probe.ids.assign(order.begin(), order.begin() + k);
  for (const int32_t id : probe.ids)
    probe.logits.push_back(static_cast<float>(scores[id]));
  probe.target_id = target;
  probe.target_logit = static_cast<float>(scores[target]);
  probe.target_nll = target_nll;
  return probe;
}

}  // namespace

Trace TraceWindow(const Model& model, const Profile& profile,
                  std::span<const int32_t> ids) {
  const auto T = static_cast<int64_t>(ids.size());
  WindowTrace window;
  Sequences sequences = model.Start(1, profile);
  HostTensor logits;
  int64_t probe_row = 0;
  for (int64_t t = 0; t < T; t += kPieceTokens) {
    const int64_t n = std::min(kPieceTokens, T - t);
    const bool has_probe = T - 2 >= t && T - 2 < t + n;
    ForwardResult r = model.Forward(sequences, ids.subspan(t, n),
                                    {.logits = has_probe, .digests = true});
    window.nll.insert(window.nll.end(), r.nll.begin(), r.nll.end());
    window.row_digests.insert(window.row_digests.end(), r.row_digests.begin(),
                              r.row_digests.end());
    if ((t + n) % kMiniBatchTokens == 0)
      window.state_digests.insert(window.state_digests.end(),
                                  r.state_digests.begin(),
                                  r.state_digests.end());
    if (has_probe) {
      logits = std::move(r.logits["logits"]);
      probe_row = T - 2 - t;
    }
  }
  Trace trace;
  trace.num_layers = model.config().num_layers;
  trace.num_heads = model.config().num_heads;
  trace.loss_bytes = TraitsOf(model.lane()).loss_bytes();
  const WindowTrace sums = SummariseLosses(window.nll, trace.loss_bytes);
  window.num_tokens = T;
  window.nll_sum = sums.nll_sum;
  window.block_digests = sums.block_digests;
  window.probe = Probe(logits, probe_row, ids.back(), window.nll.back());
  trace.windows.push_back(std::move(window));
  return trace;
}

}  // namespace plastometer
