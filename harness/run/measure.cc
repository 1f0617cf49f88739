#include "harness/run/measure.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "model/working_memory.h"

namespace plastometer {
namespace {

// Enough for several mini-batches and a ragged tail, and cheap.
constexpr int64_t kProbeTokens = 80;

void Probe(const Model& model, const std::vector<Window>& windows,
           const ProfilePlan& plan) {
  const std::vector<int32_t>& ids = windows.front().ids;
  const size_t n = std::min<size_t>(ids.size(), kProbeTokens);
  for (const PlannedProfile& planned : plan.profiles)
    model.CheckCausality({ids.data(), n}, planned.profile);
}

// One batch under one profile.
std::vector<UnitResult> MeasureBatch(const Model& model, const Profile& profile,
                                     const Batch& batch,
                                     const std::vector<int32_t>& ids,
                                     bool accuracy) {
  const auto num_sequences = static_cast<int64_t>(batch.window_idx.size());
  ForwardOptions options;
  options.correct = accuracy;
  const WorkingMemory memory;
  const auto begin = std::chrono::steady_clock::now();
  const ForwardResult result =
      model.Score(ids, num_sequences, profile, options);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  CheckCounters(model, profile, num_sequences, batch.num_tokens,
                result.counters);
  if (result.num_losses != batch.num_tokens - 1)
    throw InternalError(
        "the model scored " + std::to_string(result.num_losses) +
        " tokens of a window of " + std::to_string(batch.num_tokens));
  std::vector<UnitResult> units(batch.window_idx.size());
  for (size_t b = 0; b < units.size(); ++b) {
    const auto first =
        result.nll.begin() + static_cast<int64_t>(b) * result.num_losses;
    units[b].window_idx = batch.window_idx[b];
    units[b].batch_windows = num_sequences;
    units[b].batch_seconds = seconds;
    if (TraitsOf(model.lane()).on_cpu())
      units[b].working_bytes = memory.peak_bytes();
    // The batch's counters are this, times its windows: just checked.
    units[b].counters =
        CountersByFormula(model.config(), profile, 1, batch.num_tokens);
    units[b].nll.assign(first, first + result.num_losses);
    if (accuracy) {
      const auto bytes = result.correct.begin() + (first - result.nll.begin());
      units[b].correct.assign(bytes, bytes + result.num_losses);
    }
  }
  return units;
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

void MeasureUnits(
    const Model& model, const std::vector<Window>& windows,
    const ProfilePlan& plan, const MeasureOptions& options,
    const std::function<void(const std::vector<UnitResult>&)>& done) {
  const std::vector<Batch> batches = BatchesOf(windows, options.batch_size);
  const size_t num_profiles = plan.profiles.size();
  const auto wanted = [&](size_t batch, size_t profile) {
    return !options.wanted || options.wanted(batch, profile);
  };
  int64_t num_wanted = 0, num_done = 0;
  for (size_t i = 0; i < batches.size(); ++i)
    for (size_t p = 0; p < num_profiles; ++p) num_wanted += wanted(i, p);
  bool warm = false;
  for (size_t i = 0; i < batches.size(); ++i) {
    const std::vector<int32_t> ids = BatchIds(windows, batches[i]);
    for (size_t k = 0; k < num_profiles; ++k) {
      ThrowIfInterrupted();
      const size_t p = (k + i) % num_profiles;
      const Profile& profile = plan.profiles[p].profile;
      if (!wanted(i, p)) continue;
      if (!std::exchange(warm, true)) {
        Probe(model, windows, plan);
        model.Score(ids, static_cast<int64_t>(batches[i].window_idx.size()),
                    plan.profiles[plan.uniform_idx].profile);
      }
      std::vector<UnitResult> units =
          MeasureBatch(model, profile, batches[i], ids, options.accuracy);
      for (UnitResult& unit : units) {
        unit.profile_idx = p;
        unit.batch_idx = i;
      }
      done(units);
      if (options.progress) options.progress(++num_done, num_wanted);
    }
  }
  ThrowIfInterrupted();
}

void Measure(const Model& model, const std::vector<Window>& windows,
             const ProfilePlan& plan, const MeasureOptions& options,
             RunRecord& record) {
  record.accuracy = options.accuracy;
  PlanRecord(windows, plan, options.batch_size, record);
  MeasureUnits(model, windows, plan, options,
               [&](const std::vector<UnitResult>& units) {
                 for (const UnitResult& unit : units) AddUnit(unit, record);
               });
  record.peak_memory_bytes = PeakMemoryBytes();
}

}  // namespace plastometer
