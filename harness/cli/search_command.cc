#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "harness/cli/commands.h"
#include "harness/cli/group_options.h"
#include "harness/cli/output.h"
#include "harness/cli/suite_options.h"
#include "harness/report/frontier_report.h"
#include "harness/report/search_report.h"
#include "harness/report/table.h"
#include "harness/run/progress.h"
#include "harness/run/run_folder.h"
#include "harness/studies/frontier_search.h"
#include "harness/studies/layer_search.h"

namespace plastometer {
namespace {

struct SearchArguments {
  GroupOptions group;
  LayerSearchRequest request;
  FrontierRequest front;
  bool frontier = false;
  int64_t seed = 1;
  std::string method = "auto", lane = "cpu-portable", cost = "inner_updates",
              profile_files;
  NumbersOutput output;
};

SearchMethod MethodOf(const std::string& text) {
  return text == "greedy"       ? SearchMethod::kGreedy
         : text == "exhaustive" ? SearchMethod::kExhaustive
                                : SearchMethod::kAuto;
}

void Check(const SearchArguments& a) {
  a.output.Check();
  if (!a.frontier && a.request.size == 0)
    throw UsageError(
        "search: neither --layers K (how many layers, at least 1) nor "
        "--frontier is given");
  ResolveThreads(a.request.threads);  // checks it
}

LoadedGroup Load(const SearchArguments& a) {
  SuiteGroup group = GroupOf(a.group);
  group.lane = a.lane;
  group.profiles = {"uniform", "frozen"};
  LoadedGroup loaded = LoadGroup("search", group, a.request.threads, a.seed);
  PinEnvironment({&loaded, 1});
  return loaded;
}

auto Showing(Progress& progress) {
  return [&progress](int64_t done, int64_t total) {
    progress.Update(done, total);
  };
}

void RunLayers(const SearchArguments& a, const LoadedGroup& group) {
  LayerSearchRequest request = a.request;
  request.method = MethodOf(a.method);
  Progress progress("searching");
  const LayerSearchRun run =
      MeasureLayerSearch(group, request, Showing(progress));
  a.output.Write(SearchJson(run), SearchTable(run, TerminalWidth()));
}

FrontierRun MeasureFront(const SearchArguments& a, const LoadedGroup& group) {
  FrontierRequest request = a.front;
  request.cost = FrontierCostNamed(a.cost);
  request.options.method = MethodOf(a.method);
  request.threads = a.request.threads;
  auto progress = std::make_unique<Progress>("searching");
  bool judges = false;
  return MeasureFrontier(group, request, Showing(*progress),
                         [&](int64_t done, int64_t total) {
                           if (!std::exchange(judges, true))  // its own clock
                             progress = std::make_unique<Progress>("judging");
                           progress->Update(done, total);
                         });
}

void RunFrontier(const SearchArguments& a, const LoadedGroup& group) {
  // Known before minutes of measuring; gone if they come to nothing.
  std::optional<RunFolder> files;
  if (!a.profile_files.empty()) files.emplace(a.profile_files);
  const FrontierRun run = MeasureFront(a, group);
  const std::string numbers = FrontierJson(run),
                    tables = FrontierTable(run, TerminalWidth());
  if (files) {
    for (const FrontierMember& member : run.choice.members)
      WriteFile(files->File(member.tuning.profile + ".json"),
                ProfileFileText(member.pace));
    files->Keep();
  }
  a.output.Write(numbers, tables);
}

void Run(const SearchArguments& a) {
  Check(a);
  const InterruptGuard guard;
  const LoadedGroup group = Load(a);
  a.frontier ? RunFrontier(a, group) : RunLayers(a, group);
}

void AddFrontierOptions(Command& command, SearchArguments& a) {
  command.Heading("Front of loss and cost");
  command
      .Flag("--frontier", a.frontier,
            "each layer's period (1, 2, 4, 8, 16, never) and a rate (0.5, 1, "
            "2): what no other candidate beats in both loss and cost")
      .Excludes("--layers");
  command.Add("--cost COST", a.cost, "what is saved")
      .OneOf({"inner_updates", "flops"})
      .ShowDefault()
      .Needs("--frontier");
  command
      .Add("--evaluations N", a.front.options.evaluations,
           "candidates to try (0: all up to 4,096 candidates, else 240)")
      .NotNegative()
      .ShowDefault()
      .Needs("--frontier");
  command
      .Add("--tuning-windows N", a.front.tuning_windows,
           "windows to choose on, spread over the tuning works (0: all)")
      .NotNegative()
      .ShowDefault()
      .Needs("--frontier");
  command
      .Add("--profile-files FOLDER", a.profile_files,
           "write every member as a profile file, for --profiles file:PATH; "
           "must not exist")
      .Needs("--frontier");
}

}  // namespace

void AddSearchCommand(Command& program) {
  auto a = std::make_shared<SearchArguments>();
  Command command = program.Add(
      "search",
      "Which layers should keep learning, or how often each: chosen on some "
      "works, judged on others");
  AddGroupOptions(command, a->group);
  command.Heading("Search");
  command.Add("--layers K", a->request.size,
              "which K layers; this or --frontier");
  command
      .Add("--method METHOD", a->method,
           "auto: exhaustive up to 300 sets, else greedy")
      .OneOf({"auto", "greedy", "exhaustive"})
      .ShowDefault();
  command.Add("--lane LANE", a->lane, "device and arithmetic").ShowDefault();
  command.Add("--threads N", a->request.threads, "how many; 0: all cores")
      .ShowDefault();
  command.Add("--seed N", a->seed, "of the resampling").ShowDefault();
  AddFrontierOptions(command, *a);
  a->output.AddOptions(command);
  command.Example("plastometer search --layers 3 --windows 2",
                  "the best three of the shipped model's layers");
  command.Example("plastometer search --frontier --profile-files front",
                  "the front of loss and inner updates, a few minutes; then "
                  "run --profiles file:front/front-01.json");
  command.Callback([a] { Run(*a); });
}

}  // namespace plastometer
