#include "harness/cli/search_command.h"

#include <memory>
#include <string>

#include "harness/base/error.h"
#include "harness/base/interrupt.h"
#include "harness/cli/group_options.h"
#include "harness/cli/output.h"
#include "harness/report/format.h"
#include "harness/report/json_report.h"
#include "harness/report/table.h"
#include "harness/run/group.h"
#include "harness/run/measure.h"
#include "harness/run/progress.h"
#include "harness/run/search.h"
#include "harness/run/works.h"
#include "model/model.h"
#include "model/probes.h"

namespace plastometer {
namespace {

constexpr int kRandomSets = 8;

struct SearchArguments {
  GroupOptions group;
  int64_t size = 0, seed = 1;
  std::string method = "auto", lane = "cpu-portable";
  int threads = 0;
  NumbersOutput output;
};

std::vector<Window> Chosen(const LoadedGroup& group,
                           const std::vector<size_t>& which) {
  std::vector<Window> windows;
  for (const size_t w : which) windows.push_back(group.data.windows[w]);
  return windows;
}

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

SearchMethod MethodOf(const std::string& text) {
  return text == "greedy"       ? SearchMethod::kGreedy
         : text == "exhaustive" ? SearchMethod::kExhaustive
                                : SearchMethod::kAuto;
}

std::string StepsText(const SearchResult& result, size_t num_tuning,
                      int width) {
  const bool greedy = result.method == SearchMethod::kGreedy;
  std::vector<std::vector<std::string>> rows;
  for (const SearchStep& step : result.steps)
    rows.push_back({ProfileOf(step.layers), Fixed(step.loss, 4)});
  return Wrap(std::string(greedy ? "greedy forward selection"
                                 : "exhaustive search") +
                  ", " + Count(result.num_sets) + " sets tried on " +
                  Count(static_cast<int64_t>(num_tuning)) +
                  " tuning windows; " +
                  (greedy ? "the best of each size" : "the best sets") + ":",
              width) +
         RenderTable({{{"layers"}, true}, {{"nats/token, tuning"}}}, rows,
                     width) +
         "\n" +
         Wrap(
             "The choice judged on the works that it was not made on, beside "
             "the first and last layers and random sets of the same size:",
             width) +
         "\n";
}

// The sets that the choice is judged beside; all of them if there are few.
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

void Run(const SearchArguments& a) {
  a.output.Check();
  if (!a.group.profiles.empty())
    throw UsageError("search finds the profile; leave --profiles away");
  SuiteGroup group = GroupOf(a.group);
  group.lane = a.lane;
  group.profiles = {"uniform", "frozen"};
  const InterruptGuard guard;
  LoadedGroup loaded = LoadGroup("search", group, a.threads, a.seed);
  PinLibTorch();
  const DividedWindows divided = DivideByWork(loaded.record);
  if (divided.evaluated.empty())
    throw UsageError(
        "search: the data have one work; what is chosen on a work must be "
        "judged on another");
  const std::vector<Window> tuning = Chosen(loaded, divided.tuning),
                            evaluated = Chosen(loaded, divided.evaluated);
  const Model model = Model::Load(loaded.choice.file, {loaded.lane, a.threads});
  const int64_t num_layers = loaded.config.num_layers;
  Progress progress("searching");
  int64_t done = 0;
  const SearchResult result =
      SearchLayers(num_layers, a.size, MethodOf(a.method),
                   [&](const std::vector<Layers>& sets) {
                     std::vector<double> losses;
                     for (const Layers& layers : sets) {
                       losses.push_back(MeanLoss(
                           model, tuning, group.batch_size,
                           Profile::Parse(ProfileOf(layers), num_layers)));
                       ++done;
                       progress.Update(done, done);
                     }
                     return losses;
                   });
  RunRecord record = loaded.record;
  record.windows.clear();
  record.profiles.clear();
  record.notes.push_back("chosen on " + std::to_string(tuning.size()) +
                         " windows of other works");
  MeasureOptions options;
  options.batch_size = group.batch_size;
  Measure(model, evaluated,
          PlanProfiles(Rivals(result, num_layers, a.size), num_layers), options,
          record);
  const Results results = Summarise(std::move(record));
  const int width = TerminalWidth();
  a.output.Write(ResultsJson(results),
                 StepsText(result, tuning.size(), width) +
                     RunTable(results, {width, false, ""}));
}

}  // namespace

void AddSearchCommand(CLI::App& app) {
  auto a = std::make_shared<SearchArguments>();
  CLI::App* command = app.add_subcommand(
      "search",
      "Which K layers should keep learning: chosen on some works, judged on "
      "others");
  AddGroupOptions(*command, a->group);
  command->add_option("--layers", a->size, "K")->required();
  command
      ->add_option("--method", a->method,
                   "auto: exhaustive up to 300 sets, else greedy")
      ->check(CLI::IsMember({"auto", "greedy", "exhaustive"}))
      ->capture_default_str();
  command->add_option("--lane", a->lane, "device and arithmetic")
      ->capture_default_str();
  command->add_option("--threads", a->threads, "0: all cores")
      ->capture_default_str();
  command->add_option("--seed", a->seed, "of the resampling")
      ->capture_default_str();
  a->output.AddOptions(*command);
  command->callback([a] { Run(*a); });
}

}  // namespace plastometer
