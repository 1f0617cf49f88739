#include "harness/run/measure.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "harness/base/error.h"
#include "harness/base/interrupt.h"

namespace plastometer {
namespace {

// Enough for several mini-batches and a ragged tail, and cheap.
constexpr int64_t kProbeTokens = 80;

std::vector<int32_t> BatchIds(const std::vector<Window>& windows,
                              const Batch& batch) {
  std::vector<int32_t> ids;
  ids.reserve(batch.window_idx.size() * static_cast<size_t>(batch.num_tokens));
  for (size_t w : batch.window_idx)
    ids.insert(ids.end(), windows[w].ids.begin(), windows[w].ids.end());
  return ids;
}

// Bytes of the text of the scored tokens; -1 when the data does not say.
int64_t ScoredBytes(const Window& window) {
  if (window.token_bytes.size() != window.ids.size()) return -1;
  int64_t bytes = 0;
  for (size_t t = 1; t < window.token_bytes.size(); ++t)
    bytes += window.token_bytes[t];
  return bytes;
}

void RecordWindows(const std::vector<Window>& windows, RunRecord& record) {
  int64_t loss_begin = 0;
  for (const Window& window : windows) {
    const auto num_tokens = static_cast<int64_t>(window.ids.size());
    if (num_tokens < 2) {
      throw InvalidError(
          "document " + window.document + " has a window of " +
          std::to_string(num_tokens) +
          " tokens; expected at least 2, for the first token has no loss");
    }
    record.windows.push_back({window.source, window.domain, window.work,
                              window.document, window.first_token, num_tokens,
                              ScoredBytes(window), loss_begin});
    loss_begin += num_tokens - 1;
  }
}

void RecordProfiles(const ModelConfig& config, const ProfilePlan& plan,
                    RunRecord& record) {
  const WindowRecord& last = record.windows.back();
  const auto num_losses =
      static_cast<size_t>(last.loss_begin + last.num_tokens - 1);
  for (const PlannedProfile& planned : plan.profiles) {
    ProfileRecord profile;
    profile.name = planned.profile.name();
    profile.same_as = planned.same_as;
    profile.asked = planned.asked;
    profile.plastic_layers = planned.profile.PlasticLayers();
    profile.nll.resize(num_losses);
    profile.window_seconds.resize(record.windows.size());
    for (const WindowRecord& window : record.windows) {
      profile.counters.push_back(
          CountersByFormula(config, planned.profile, 1, window.num_tokens));
    }
    record.profiles.push_back(std::move(profile));
  }
  record.uniform_idx = plan.uniform_idx;
  record.frozen_idx = plan.frozen_idx;
}

void Probe(const Model& model, const std::vector<Window>& windows,
           const ProfilePlan& plan) {
  const std::vector<int32_t>& ids = windows.front().ids;
  const size_t n = std::min<size_t>(ids.size(), kProbeTokens);
  for (const PlannedProfile& planned : plan.profiles)
    model.CheckCausality({ids.data(), n}, planned.profile);
}

// One batch under one profile.
void RunUnit(const Model& model, const Profile& profile, const Batch& batch,
             const std::vector<int32_t>& ids,
             const std::vector<WindowRecord>& windows, ProfileRecord& out) {
  const auto num_sequences = static_cast<int64_t>(batch.window_idx.size());
  const auto begin = std::chrono::steady_clock::now();
  const ForwardResult result = model.Score(ids, num_sequences, profile);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  CheckCounters(model, profile, num_sequences, batch.num_tokens,
                result.counters);
  if (result.num_losses != batch.num_tokens - 1)
    throw InternalError(
        "the model scored " + std::to_string(result.num_losses) +
        " tokens of a window of " + std::to_string(batch.num_tokens));
  for (int64_t b = 0; b < num_sequences; ++b) {
    const size_t w = batch.window_idx[b];
    std::copy_n(result.nll.begin() + b * result.num_losses, result.num_losses,
                out.nll.begin() + windows[w].loss_begin);
    out.window_seconds[w] = seconds / static_cast<double>(num_sequences);
  }
  out.times.push_back({num_sequences * batch.num_tokens, seconds});
}

}  // namespace

int64_t PeakMemoryBytes() {
  rusage usage{};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? int64_t{usage.ru_maxrss} * 1024
                                             : -1;
}

void CheckCounters(const Model& model, const Profile& profile,
                   int64_t num_sequences, int64_t num_tokens,
                   const Counters& counters) {
  const Counters expected =
      CountersByFormula(model.config(), profile, num_sequences, num_tokens);
  if (counters == expected) return;
  throw InternalError(
      "profile '" + profile.name() + "', " + std::to_string(num_sequences) +
      " x " + std::to_string(num_tokens) + " tokens: the run counted " +
      std::to_string(counters.inner_updates) + " inner updates and " +
      std::to_string(counters.flops) + " FLOPs, the formulas say " +
      std::to_string(expected.inner_updates) + " and " +
      std::to_string(expected.flops) + " (or another counter differs)");
}

void Measure(const Model& model, const std::vector<Window>& windows,
             const ProfilePlan& plan, const MeasureOptions& options,
             RunRecord& record) {
  if (windows.empty())
    throw InvalidError("the data holds no window to measure on");
  RecordWindows(windows, record);
  RecordProfiles(model.config(), plan, record);
  std::vector<int64_t> lengths;
  for (const WindowRecord& window : record.windows)
    lengths.push_back(window.num_tokens);
  const std::vector<Batch> batches = PlanBatches(lengths, options.batch_size);
  Probe(model, windows, plan);
  const Profile& uniform = plan.profiles[plan.uniform_idx].profile;
  model.Score(BatchIds(windows, batches.front()),
              static_cast<int64_t>(batches.front().window_idx.size()),
              uniform);  // warm-up
  const size_t num_profiles = plan.profiles.size();
  for (size_t i = 0; i < batches.size(); ++i) {
    const std::vector<int32_t> ids = BatchIds(windows, batches[i]);
    for (size_t k = 0; k < num_profiles; ++k) {
      ThrowIfInterrupted();
      const size_t p = (k + i) % num_profiles;
      RunUnit(model, plan.profiles[p].profile, batches[i], ids, record.windows,
              record.profiles[p]);
      if (options.progress)
        options.progress(static_cast<int64_t>(i * num_profiles + k + 1),
                         static_cast<int64_t>(batches.size() * num_profiles));
    }
  }
  ThrowIfInterrupted();
  record.peak_memory_bytes = PeakMemoryBytes();
}

}  // namespace plastometer
