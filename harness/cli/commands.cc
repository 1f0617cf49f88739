#include "harness/cli/commands.h"

#include "harness/cli/group_options.h"

namespace plastometer {
namespace {

constexpr char kDescription[] =
    "Plastometer measures which layers of a test-time-training (TTT) language "
    "model must keep learning while it reads, and what that costs.\n\n"
    "Start with `plastometer run`: the shipped model reads held-out text once "
    "per plasticity profile, and a table compares perplexity, inner updates, "
    "FLOPs and time. `plastometer COMMAND --help` explains a command.";

void AddCommands(Command program) {
  program.Heading("Measure");
  AddRunCommand(program);
  AddMergeCommand(program);
  AddScoreCommand(program);
  program.Heading("Goldens");
  AddCheckCommand(program);
  AddReplayCommand(program);
  AddBlessCommands(program);
  AddTolerancesCommand(program);
  program.Heading("Studies");
  AddSensitivityCommand(program);
  AddSearchCommand(program);
  AddDriftCommand(program);
  AddArmsCommand(program);
  AddEndToEndCommand(program);
  program.Heading("Models and data");
  AddDataCommand(program);
  AddTrainCommand(program);
  AddMeanStateCommand(program);
  AddImportCommand(program);
  AddExportCommand(program);
  program.Heading("Look");
  AddReportCommand(program);
  AddCompareCommand(program);
  AddEnvCommand(program);
  AddDescribeCommands(program);
  program.Example("plastometer run", "the table of the README");
  program.Example("plastometer check quick",
                  "has it moved? Seconds, and no fetched text");
  AddProfilesNote(program);
  program.RequireCommand();
}

}  // namespace

CommandLine ProgramCommandLine() {
  CommandLine line("plastometer", kDescription, PLASTOMETER_VERSION);
  AddCommands(line.root());
  return line;
}

}  // namespace plastometer
