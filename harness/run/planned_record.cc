#include "harness/run/planned_record.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"

namespace plastometer {

namespace {

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
    profile.controls = planned.profile.controls().ToText();
    profile.Resize(num_losses, record.windows.size(), num_batches);
    if (record.accuracy) profile.correct.resize(num_losses);
    record.profiles.push_back(std::move(profile));
  }
  record.uniform_idx = plan.uniform_idx;
  record.frozen_idx = plan.frozen_idx;
}

}  // namespace

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
                                   unit.batch_seconds, unit.working_bytes};
}

}  // namespace plastometer
