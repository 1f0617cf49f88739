#include "harness/cli/sensitivity_command.h"

#include <memory>
#include <string>

#include "base/interrupt.h"
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

void AddSensitivityCommand(CLI::App& app) {
  auto a = std::make_shared<SensitivityArguments>();
  CLI::App* command = app.add_subcommand(
      "sensitivity",
      "How much each layer's plasticity matters: dL/dlambda, and each layer "
      "alone and dropped");
  AddGroupOptions(*command, a->group);
  command
      ->add_option("--at", a->request.points,
                   "lambda of all layers where the gradient is taken")
      ->delimiter(',')
      ->capture_default_str();
  command
      ->add_option("--path", a->request.path_points,
                   "points of the mean over lambda from 0 to 1; 0: none")
      ->check(CLI::Range(0, 64))
      ->capture_default_str();
  command
      ->add_option("--block", a->request.block_tokens,
                   "tokens of a block in the JSON, a multiple of 16; 0: one "
                   "block")
      ->capture_default_str();
  command->add_option("--lane", a->lane, "of the measured map")
      ->capture_default_str();
  command->add_option("--threads", a->request.threads, "0: all cores")
      ->capture_default_str();
  command->add_option("--seed", a->seed, "of the resampling")
      ->capture_default_str();
  a->output.AddOptions(*command);
  command->callback([a] { Run(*a); });
}

}  // namespace plastometer
