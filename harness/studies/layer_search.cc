#include "harness/studies/layer_search.h"

#include <string>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "harness/results/works.h"
#include "harness/run/measure.h"
#include "model/model.h"

namespace plastometer {
namespace {

constexpr int kRandomSets = 8;

std::vector<Window> WindowsAt(const LoadedGroup& group,
                              const std::vector<size_t>& which) {
  std::vector<Window> windows;
  for (const size_t w : which) windows.push_back(group.data.windows[w]);
  return windows;
}

// Nats per scored token.
double MeanLoss(const Model& model, const std::vector<Window>& windows,
                int64_t batch_size, const Profile& profile) {
  double sum = 0;
  int64_t scored = 0;
  for (const Batch& batch : BatchesOf(windows, batch_size)) {
    ThrowIfInterrupted();
    const ForwardResult result =
        model.Score(BatchIds(windows, batch),
                    static_cast<int64_t>(batch.window_idx.size()), profile);
    for (size_t b = 0; b < batch.window_idx.size(); ++b) {
      const Window& window = windows[batch.window_idx[b]];
      for (int64_t t = 1; t < batch.num_tokens; ++t) {
        if (!window.scored.empty() && window.scored[t] == 0) continue;
        sum += result.nll[static_cast<int64_t>(b) * result.num_losses + t - 1];
        ++scored;
      }
    }
  }
  return sum / static_cast<double>(scored);
}

// All other sets of that size if there are few.
std::vector<std::string> Rivals(const SearchResult& result, int64_t num_layers,
                                int64_t size) {
  std::vector<std::string> names = {"uniform", ProfileOf(result.best),
                                    "early:" + std::to_string(size),
                                    "late:" + std::to_string(size)};
  for (int i = 1; i <= kRandomSets && size < num_layers; ++i)
    names.push_back("random:" + std::to_string(size) + "#" + std::to_string(i));
  names.push_back("frozen");
  return names;
}

}  // namespace

LayerSearchRun MeasureLayerSearch(
    const LoadedGroup& group, const LayerSearchRequest& request,
    const std::function<void(int64_t done, int64_t total)>& progress) {
  const DividedWindows divided = DivideByWork(group.record);
  if (divided.evaluated.empty())
    throw UsageError(
        "search: the data have one work; what is chosen on a work must be "
        "judged on another");
  const std::vector<Window> tuning = WindowsAt(group, divided.tuning);
  const int64_t num_layers = group.config.num_layers;
  const Model model =
      Model::Load(group.choice.file, {group.lane, request.threads});
  LayerSearchRun run;
  run.num_tuning = tuning.size();
  int64_t done = 0;
  run.search =
      SearchLayers(num_layers, request.size, request.method,
                   [&](const std::vector<Layers>& sets, int64_t total) {
                     std::vector<double> losses;
                     for (const Layers& layers : sets) {
                       losses.push_back(MeanLoss(
                           model, tuning, group.spec.batch_size,
                           Profile::Parse(ProfileOf(layers), num_layers)));
                       if (progress) progress(++done, total);
                     }
                     return losses;
                   });
  run.record = group.record;
  run.record.windows.clear();
  run.record.profiles.clear();
  run.record.notes.push_back("chosen on " + std::to_string(tuning.size()) +
                             " windows of other works");
  MeasureOptions options;
  options.batch_size = group.spec.batch_size;
  Measure(
      model, WindowsAt(group, divided.evaluated),
      PlanProfiles(Rivals(run.search, num_layers, request.size), num_layers),
      options, run.record);
  return run;
}

}  // namespace plastometer
