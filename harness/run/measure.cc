#include "harness/run/measure.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/interrupt.h"

namespace plastometer {
namespace {

// Enough for several mini-batches and a ragged tail, and cheap.
constexpr int64_t kProbeTokens = 80;

// Bytes of the text of the scored tokens; -1 when the data does not say.
int64_t ScoredBytes(const Window& window) {
  if (window.token_bytes.size() != window.ids.size()) return -1;
  int64_t bytes = 0;
  for (size_t t = 1; t < window.token_bytes.size(); ++t)
    if (window.scored.empty() || window.scored[t] != 0)
      bytes += window.token_bytes[t];
  return bytes;
}

// Tokens t in [1, T) that `holds`, as ranges.
template <class Holds>
TokenRanges RangesWhere(int64_t num_tokens, const Holds& holds) {
  TokenRanges ranges;
  for (int64_t t = 1; t < num_tokens; ++t) {
    if (!holds(static_cast<size_t>(t))) continue;
    if (!ranges.empty() && ranges.back().second == t)
      ++ranges.back().second;
    else
      ranges.emplace_back(t, t + 1);
  }
  return ranges;
}

FloorRecord FloorOf(const Window& window, const WindowRecord& record) {
  FloorRecord floor;
  const std::vector<double>& nats = window.floor_nats;
  if (nats.empty()) return floor;
  floor.exact = RangesWhere(record.num_tokens,
                            [&](size_t t) { return !std::isnan(nats[t]); });
  for (const auto& [begin, end] : floor.exact)
    for (int64_t t = begin; t < end; ++t) floor.exact_nats += nats[t];
  double sum = 0;
  size_t octave = 0;
  floor.scored_by_octave.assign(NumOctaves(record.num_tokens), 0);
  ForEachScored(record, [&](int64_t t) {
    while (t >= OctaveBegin(octave + 1)) ++octave;
    floor.scored_by_octave[octave] += nats[t];
    sum += nats[t];
  });
  if (!std::isnan(sum)) floor.scored_nats = sum;
  return floor;
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
    WindowRecord planned{window.source,
                         window.domain,
                         window.work,
                         window.document,
                         window.first_token,
                         num_tokens,
                         ScoredBytes(window),
                         loss_begin,
                         {},
                         window.condition,
                         {}};
    if (!window.scored.empty())
      planned.scored = RangesWhere(
          num_tokens, [&](size_t t) { return window.scored[t] != 0; });
    if (!window.scored.empty() && planned.scored.empty())
      throw InvalidError("document " + window.document +
                         " has a window without a scored token");
    planned.floor = FloorOf(window, planned);
    record.windows.push_back(std::move(planned));
    loss_begin += num_tokens - 1;
  }
}

void RecordProfiles(const ProfilePlan& plan, size_t num_batches,
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
    profile.Resize(num_losses, record.windows.size(), num_batches);
    if (record.accuracy) profile.correct.resize(num_losses);
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
std::vector<UnitResult> MeasureBatch(const Model& model, const Profile& profile,
                                     const Batch& batch,
                                     const std::vector<int32_t>& ids,
                                     bool accuracy) {
  const auto num_sequences = static_cast<int64_t>(batch.window_idx.size());
  ForwardOptions options;
  options.correct = accuracy;
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

std::vector<int32_t> BatchIds(const std::vector<Window>& windows,
                              const Batch& batch) {
  std::vector<int32_t> ids;
  ids.reserve(batch.window_idx.size() * static_cast<size_t>(batch.num_tokens));
  for (size_t w : batch.window_idx)
    ids.insert(ids.end(), windows[w].ids.begin(), windows[w].ids.end());
  return ids;
}

std::vector<Batch> BatchesOf(const std::vector<Window>& windows,
                             int64_t batch_size) {
  std::vector<int64_t> lengths;
  for (const Window& window : windows)
    lengths.push_back(static_cast<int64_t>(window.ids.size()));
  return PlanBatches(lengths, batch_size);
}

void PlanRecord(const std::vector<Window>& windows, const ProfilePlan& plan,
                int64_t batch_size, RunRecord& record) {
  if (windows.empty())
    throw InvalidError("the data holds no window to measure on");
  RecordWindows(windows, record);
  RecordProfiles(plan, BatchesOf(windows, batch_size).size(), record);
}

void AddUnit(const UnitResult& unit, RunRecord& record) {
  const WindowRecord& window = record.windows[unit.window_idx];
  ProfileRecord& profile = record.profiles[unit.profile_idx];
  std::copy(unit.nll.begin(), unit.nll.end(),
            profile.nll.begin() + window.loss_begin);
  std::ranges::copy(
      unit.correct,
      profile.correct.begin() + (unit.correct.empty() ? 0 : window.loss_begin));
  profile.counters[unit.window_idx] = unit.counters;
  profile.window_seconds[unit.window_idx] =
      unit.batch_seconds / static_cast<double>(unit.batch_windows);
  profile.times[unit.batch_idx] = {unit.batch_windows * window.num_tokens,
                                   unit.batch_seconds};
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
  bool warm = false;
  for (size_t i = 0; i < batches.size(); ++i) {
    const std::vector<int32_t> ids = BatchIds(windows, batches[i]);
    for (size_t k = 0; k < num_profiles; ++k) {
      ThrowIfInterrupted();
      const size_t p = (k + i) % num_profiles;
      const Profile& profile = plan.profiles[p].profile;
      if (wanted(i, p)) {
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
      }
      if (options.progress)
        options.progress(static_cast<int64_t>(i * num_profiles + k + 1),
                         static_cast<int64_t>(batches.size() * num_profiles));
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
