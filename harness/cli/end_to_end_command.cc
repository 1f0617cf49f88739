#include "harness/cli/end_to_end_command.h"

#include <memory>
#include <string>

#include "base/interrupt.h"
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
  if (options.windows < 0 && options.data.empty()) options.windows = kWindows;
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

void AddEndToEndCommand(CLI::App& app) {
  auto a = std::make_shared<EndToEndArguments>();
  CLI::App* command = app.add_subcommand("end-to-end",
                                         "Adapt layers on the next-token loss "
                                         "itself (dynamic evaluation): quality "
                                         "and cost by depth");
  AddGroupOptions(*command, a->group);
  AddProfilesOption(*command, a->group);
  command
      ->add_option("--rate", a->request.rates,
                   "SGD's rate; several: each profile takes its best on tuning "
                   "works")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--chunk", a->request.chunk_tokens,
                   "tokens between steps, a multiple of 16")
      ->capture_default_str();
  command->add_flag("--reset", a->reset,
                    "read each chunk as a sequence of its own");
  command->add_flag("--fp64", a->request.fp64, "the oracle's precision");
  command
      ->add_option("--threads", a->request.threads,
                   "windows read at once; times are cleanest with one")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--seed", a->seed, "of the resampling")
      ->capture_default_str();
  a->output.AddOptions(*command);
  command->callback([a] { Run(*a); });
}

}  // namespace plastometer
