#include <memory>
#include <string>

#include "base/interrupt.h"
#include "harness/cli/commands.h"
#include "harness/cli/group_options.h"
#include "harness/cli/output.h"
#include "harness/cli/suite_options.h"
#include "harness/report/search_report.h"
#include "harness/report/table.h"
#include "harness/run/progress.h"
#include "harness/studies/layer_search.h"

namespace plastometer {
namespace {

struct SearchArguments {
  GroupOptions group;
  LayerSearchRequest request;
  int64_t seed = 1;
  std::string method = "auto", lane = "cpu-portable";
  NumbersOutput output;
};

SearchMethod MethodOf(const std::string& text) {
  return text == "greedy"       ? SearchMethod::kGreedy
         : text == "exhaustive" ? SearchMethod::kExhaustive
                                : SearchMethod::kAuto;
}

void Run(const SearchArguments& a) {
  a.output.Check();
  SuiteGroup group = GroupOf(a.group);
  group.lane = a.lane;
  group.profiles = {"uniform", "frozen"};
  const InterruptGuard guard;
  const LoadedGroup loaded =
      LoadGroup("search", group, a.request.threads, a.seed);
  PinEnvironment({&loaded, 1});
  LayerSearchRequest request = a.request;
  request.method = MethodOf(a.method);
  Progress progress("searching");
  const LayerSearchRun run = MeasureLayerSearch(
      loaded, request,
      [&](int64_t done, int64_t total) { progress.Update(done, total); });
  a.output.Write(SearchJson(run), SearchTable(run, TerminalWidth()));
}

}  // namespace

void AddSearchCommand(Command& program) {
  auto a = std::make_shared<SearchArguments>();
  Command command = program.Add(
      "search",
      "Which K layers should keep learning: chosen on some works, judged on "
      "others");
  AddGroupOptions(command, a->group);
  command.Heading("Search");
  command.Add("--layers K", a->request.size, "how many").Required();
  command
      .Add("--method METHOD", a->method,
           "auto: exhaustive up to 300 sets, else greedy")
      .OneOf({"auto", "greedy", "exhaustive"})
      .ShowDefault();
  command.Add("--lane LANE", a->lane, "device and arithmetic").ShowDefault();
  command.Add("--threads N", a->request.threads, "0: all cores").ShowDefault();
  command.Add("--seed N", a->seed, "of the resampling").ShowDefault();
  a->output.AddOptions(command);
  command.Example("plastometer search --layers 3 --windows 2",
                  "the best three of the shipped model's layers");
  command.Callback([a] { Run(*a); });
}

}  // namespace plastometer
