#include <memory>
#include <string>

#include "base/interrupt.h"
#include "harness/cli/commands.h"
#include "harness/cli/group_options.h"
#include "harness/cli/output.h"
#include "harness/cli/suite_options.h"
#include "harness/report/end_to_end_report.h"
#include "harness/report/table.h"
#include "harness/run/progress.h"
#include "harness/studies/end_to_end.h"

namespace plastometer {
namespace {

constexpr int64_t kWindows = 4;  // of each domain: the reference is slow

struct EndToEndArguments {
  GroupOptions group;
  EndToEndRequest request;
  NumbersOutput output;
  int64_t seed = 1;
  bool reset = false;
};

void Run(const EndToEndArguments& a) {
  a.output.Check();
  EndToEndRequest request = a.request;
  request.carry = !a.reset;
  GroupOptions options = a.group;
  if (options.windows == kNotGiven && options.data.empty())
    options.windows = kWindows;
  if (options.profiles.empty())
    options.profiles = {"uniform", "early:25%", "late:25%", "frozen"};
  SuiteGroup group = GroupOf(options);
  group.lane = request.fp64 ? "cpu-reference-fp64" : "cpu-reference";
  const InterruptGuard guard;
  const LoadedGroup loaded = LoadGroup("end-to-end", group, 1, a.seed);
  PinEnvironment({&loaded, 1});
  Progress progress("adapting");
  const EndToEndRun run = MeasureEndToEnd(
      loaded, request,
      [&](int64_t done, int64_t total) { progress.Update(done, total); });
  a.output.Write(EndToEndJson(run, request),
                 EndToEndTable(run, request, TerminalWidth()));
}

}  // namespace

void AddEndToEndCommand(Command& program) {
  auto a = std::make_shared<EndToEndArguments>();
  Command command = program.Add("end-to-end",
                                "Adapt layers on the next-token loss itself "
                                "(dynamic evaluation): quality and cost by "
                                "depth");
  AddGroupOptions(command, a->group);
  AddProfilesOption(command, a->group);
  command.Heading("Adaptation");
  command
      .Add("--rate X", a->request.rates,
           "SGD's rate; several: each profile takes its best on tuning works")
      .Commas()
      .NotNegative()
      .ShowDefault();
  command
      .Add("--chunk N", a->request.chunk_tokens,
           "tokens between steps, a multiple of 16")
      .ShowDefault();
  command.Flag("--reset", a->reset, "read each chunk as a sequence of its own");
  command.Flag("--fp64", a->request.fp64, "the oracle's precision");
  command
      .Add("--threads N", a->request.threads,
           "windows read at once; times are cleanest with one")
      .Between(1, 1024)
      .ShowDefault();
  command.Add("--seed N", a->seed, "of the resampling").ShowDefault();
  a->output.AddOptions(command);
  command.Example("plastometer end-to-end --rate 0.01,0.03 --windows 2",
                  "each profile with the better of two rates");
  command.Callback([a] { Run(*a); });
}

}  // namespace plastometer
