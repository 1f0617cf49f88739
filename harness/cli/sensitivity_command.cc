#include <memory>
#include <string>

#include "base/interrupt.h"
#include "harness/cli/commands.h"
#include "harness/cli/group_options.h"
#include "harness/cli/output.h"
#include "harness/cli/suite_options.h"
#include "harness/report/sensitivity_report.h"
#include "harness/report/table.h"
#include "harness/run/inputs.h"
#include "harness/run/progress.h"
#include "harness/studies/sensitivity.h"
#include "model/weights/model_file.h"

namespace plastometer {
namespace {

struct SensitivityArguments {
  GroupOptions group;
  SensitivityRequest request;
  std::string lane = "cpu-portable";
  int64_t seed = 1;
  NumbersOutput output;
};

void Run(const SensitivityArguments& a) {
  a.output.Check();
  SuiteGroup group = GroupOf(a.group);
  group.lane = a.lane;
  const ModelChoice model = ResolveModel(group.model);
  group.profiles = LayerMapProfiles(
      CheckModelHeader(SafetensorsFile(model.file)).num_layers);
  const InterruptGuard guard;
  const LoadedGroup loaded =
      LoadGroup("sensitivity", group, a.request.threads, a.seed);
  PinEnvironment({&loaded, 1}, {"cpu-reference"});  // of the gradients
  Progress progress("measuring");
  const SensitivityRun run = MeasureSensitivity(
      loaded, a.request,
      [&](int64_t done, int64_t total) { progress.Update(done, total); });
  a.output.Write(SensitivityJson(run), SensitivityTable(run, TerminalWidth()));
}

}  // namespace

void AddSensitivityCommand(Command& program) {
  auto a = std::make_shared<SensitivityArguments>();
  Command command = program.Add(
      "sensitivity",
      "How much each layer's plasticity matters: dL/dlambda, and each layer "
      "alone and dropped");
  AddGroupOptions(command, a->group);
  command.Heading("Gradients");
  command
      .Add("--at X", a->request.points,
           "lambda of all layers where the gradient is taken")
      .Commas()
      .NotNegative()
      .ShowDefault();
  command
      .Add("--path N", a->request.path_points,
           "points of the mean over lambda from 0 to 1; 0: none")
      .Between(0, 64)
      .ShowDefault();
  command
      .Add("--block N", a->request.block_tokens,
           "tokens of a block in the JSON, a multiple of 16; 0: one block")
      .ShowDefault();
  command.Heading("Computation");
  command.Add("--lane LANE", a->lane, "of the measured map").ShowDefault();
  command.Add("--threads N", a->request.threads, "how many; 0: all cores")
      .ShowDefault();
  command.Add("--seed N", a->seed, "of the resampling").ShowDefault();
  a->output.AddOptions(command);
  command.Example("plastometer sensitivity --windows 2 --out maps.json",
                  "maps.json goes into plastometer report too");
  command.Callback([a] { Run(*a); });
}

}  // namespace plastometer
