// The commands of the program, one function each; bless_commands.cc and
// describe_commands.cc have several. Their callbacks do the work and throw
// plastometer::Error.
#pragma once

#include "harness/cli/command_line.h"

namespace plastometer {

// All of them, in groups.
CommandLine ProgramCommandLine();

void AddArmsCommand(Command& program);
void AddBlessCommands(Command& program);
void AddCheckCommand(Command& program);
void AddCompareCommand(Command& program);
void AddDataCommand(Command& program);
void AddDescribeCommands(Command& program);
void AddDriftCommand(Command& program);
void AddEndToEndCommand(Command& program);
void AddEnvCommand(Command& program);
void AddExportCommand(Command& program);
void AddImportCommand(Command& program);
void AddMeanStateCommand(Command& program);
void AddMergeCommand(Command& program);
void AddReplayCommand(Command& program);
void AddReportCommand(Command& program);
void AddRunCommand(Command& program);
void AddScoreCommand(Command& program);
void AddSearchCommand(Command& program);
void AddSensitivityCommand(Command& program);
void AddTolerancesCommand(Command& program);
void AddTrainCommand(Command& program);

}  // namespace plastometer
