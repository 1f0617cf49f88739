#include "harness/studies/frontier_search.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/interrupt.h"
#include "harness/results/works.h"
#include "harness/run/measure.h"
#include "model/model.h"

namespace plastometer {
namespace {

std::vector<Window> WindowsAt(const LoadedGroup& group,
                              const std::vector<size_t>& which) {
  std::vector<Window> windows;
  for (const size_t w : which) windows.push_back(group.data.windows[w]);
  return windows;
}

WindowsMeasured ScoreWindows(const Model& model, const LoadedGroup& group,
                             const FrontierCost& cost, const Profile& profile,
                             const std::vector<size_t>& which) {
  const std::vector<Window> windows = WindowsAt(group, which);
  WindowsMeasured measured{std::vector<double>(windows.size(), 0)};
  for (const Batch& batch : BatchesOf(windows, group.spec.batch_size)) {
    ThrowIfInterrupted();
    const auto num_sequences = static_cast<int64_t>(batch.window_idx.size());
    const ForwardResult result =
        model.Score(BatchIds(windows, batch), num_sequences, profile);
    CheckCounters(model, profile, num_sequences, batch.num_tokens,
                  result.counters);
    measured.cost += result.counters.*cost.value;
    for (size_t b = 0; b < batch.window_idx.size(); ++b) {
      const size_t w = batch.window_idx[b];
      const auto first = static_cast<int64_t>(b) * result.num_losses - 1;
      ForEachScored(group.record.windows[which[w]], [&](int64_t t) {
        measured.nats[w] += result.nll[static_cast<size_t>(first + t)];
      });
    }
  }
  return measured;
}

// The default profiles and the members; a member that is one of them becomes
// its other name.
ProfilePlan PlanJudgement(const FrontierChoice& choice, int64_t num_layers) {
  ProfilePlan plan = PlanProfiles(DefaultProfiles(), num_layers);
  for (const FrontierMember& member : choice.members) {
    Profile profile = ProfileOf(member.pace, member.tuning.profile);
    const auto same =
        std::ranges::find_if(plan.profiles, [&](const PlannedProfile& p) {
          return p.profile.SameMultipliers(profile);
        });
    if (same == plan.profiles.end())
      plan.profiles.push_back({std::move(profile), {}, true});
    else
      same->same_as.push_back(member.tuning.profile);
  }
  return plan;
}

// As the run's record is before it is measured: of the evaluation works alone.
RunRecord JudgementRecord(const LoadedGroup& group,
                          const FrontierChoice& choice) {
  RunRecord record = group.record;
  record.windows.clear();
  record.profiles.clear();
  record.notes.push_back("chosen on " + std::to_string(choice.num_windows) +
                         " windows of " + std::to_string(choice.num_works) +
                         " other works");
  return record;
}

}  // namespace

FrontierRun MeasureFrontier(
    const LoadedGroup& group, const FrontierRequest& request,
    const std::function<void(int64_t done, int64_t total)>& progress,
    const std::function<void(int64_t done, int64_t total)>& judging) {
  const Model model =
      Model::Load(group.choice.file, {group.lane, request.threads});
  FrontierRequest seeded = request;
  seeded.options.seed = static_cast<uint64_t>(group.record.seed);
  FrontierRun run;
  run.choice = ChooseFrontier(
      group.record, FrontierSpace{.num_layers = group.config.num_layers},
      seeded,
      [&](const Profile& profile, const std::vector<size_t>& windows) {
        return ScoreWindows(model, group, request.cost, profile, windows);
      },
      progress);
  run.record = JudgementRecord(group, run.choice);
  MeasureOptions options;
  options.batch_size = group.spec.batch_size;
  options.progress = judging;
  Measure(model, WindowsAt(group, DivideByWork(group.record).evaluated),
          PlanJudgement(run.choice, group.config.num_layers), options,
          run.record);
  return run;
}

}  // namespace plastometer
