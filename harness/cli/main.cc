// The only place that prints errors and chooses exit codes.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <new>
#include <string>

#include "base/allocator.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "harness/cli/arms_command.h"
#include "harness/cli/bless_commands.h"
#include "harness/cli/check_command.h"
#include "harness/cli/data_command.h"
#include "harness/cli/drift_command.h"
#include "harness/cli/end_to_end_command.h"
#include "harness/cli/env_command.h"
#include "harness/cli/export_command.h"
#include "harness/cli/import_command.h"
#include "harness/cli/mean_state_command.h"
#include "harness/cli/merge_command.h"
#include "harness/cli/output.h"
#include "harness/cli/replay_command.h"
#include "harness/cli/report_command.h"
#include "harness/cli/run_command.h"
#include "harness/cli/score_command.h"
#include "harness/cli/search_command.h"
#include "harness/cli/sensitivity_command.h"
#include "harness/cli/tolerances_command.h"
#include "harness/cli/train_command.h"

namespace plastometer {
namespace {

constexpr char kDescription[] =
    "Plastometer measures which layers of a test-time-training (TTT) language "
    "model must keep learning while it "
    "reads,\n"
    "and what that costs.\n\n"
    "Start with `plastometer run`: the shipped model reads held-out text once "
    "per plasticity profile, and a table\n"
    "compares perplexity, inner updates, FLOPs and time. `plastometer COMMAND "
    "--help` explains a command.";

constexpr char kFooter[] =
    "Profiles: uniform (all layers learn), frozen (none), retina (first "
    "layers), cortex (last layers), early:25%, "
    "late:3,\n"
    "layers:0-4@2,9, random:3#7, ramp:1->0; with schedules and controls: "
    "\"uniform;until=512\", \"uniform;every=4\",\n"
    "\"uniform;eta=shuffle\", \"uniform;reset-every=512\", "
    "\"frozen;start=mean\".\n"
    "Exit codes: 0 done, 2 usage, 4 bad input, 5 refused, 8 disk, memory or "
    "device, 70 our own mistake, 130/143 "
    "interrupted.";

int Fail(const std::string& message, int code) {
  std::fprintf(stderr, "plastometer: %s\n", message.c_str());
  return code;
}

// LibTorch's errors carry a C++ stack after the first line, and its own words
// for memory that ran out.
int FailUnexpected(const std::string& what) {
  const std::string line = what.substr(0, what.find('\n'));
  if (what.find("can't allocate memory") != std::string::npos ||
      what.find("out of memory") != std::string::npos) {
    return Fail("out of memory: " + line +
                    " (a smaller --batch or --context needs less)",
                8);
  }
  return Fail("internal error: " + line, 70);
}

void AddCommands(CLI::App& app) {
  AddRunCommand(app);
  AddCheckCommand(app);
  AddBlessCommands(app);
  AddMergeCommand(app);
  AddReplayCommand(app);
  AddReportCommand(app);
  AddArmsCommand(app);
  AddDriftCommand(app);
  AddSensitivityCommand(app);
  AddSearchCommand(app);
  AddEndToEndCommand(app);
  AddTolerancesCommand(app);
  AddEnvCommand(app);
  AddScoreCommand(app);
  AddMeanStateCommand(app);
  AddDataCommand(app);
  AddTrainCommand(app);
  AddImportCommand(app);
  AddExportCommand(app);
}

int ParseAndRun(int argc, char** argv) {
  CLI::App app(kDescription, "plastometer");
  app.footer(kFooter);
  app.set_version_flag("--version",
                       std::string("plastometer ") + PLASTOMETER_VERSION);
  AddCommands(app);
  if (argc < 2) {
    std::fputs(app.help().c_str(), stderr);
    return 2;
  }
  app.require_subcommand(1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0)
      return app.exit(error);  // --help and --version
    return Fail(
        std::string(error.what()) +
            "\nTry `plastometer --help` or `plastometer COMMAND --help`.",
        2);
  }
  return ExitStatus();
}

}  // namespace
}  // namespace plastometer

int main(int argc, char** argv) {
  using namespace plastometer;
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is then an error of
                                  // write(), reported like a full disk
  KeepFreedMemory();
  ProgramArguments() = argv;
  try {
    return ParseAndRun(argc, argv);
  } catch (const Interrupted& interrupted) {
    return Fail("interrupted; " + interrupted.left, 128 + interrupted.signal);
  } catch (const Error& error) {
    return Fail(error.what(), error.exit_code());
  } catch (const std::filesystem::filesystem_error& error) {
    return Fail(error.what(), 8);
  } catch (const std::bad_alloc&) {
    return Fail("out of memory (a smaller --batch or --context needs less)", 8);
  } catch (const std::exception& error) {
    return FailUnexpected(error.what());
  } catch (...) {
    return Fail("internal error of unknown type", 70);
  }
}
