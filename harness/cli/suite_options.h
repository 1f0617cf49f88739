// What `run`, `check` and `accept` share: from a command line to a plan, and
// from a plan to what was measured.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "harness/cli/command_line.h"
#include "harness/run/environment.h"
#include "harness/run/suite_run.h"
#include "harness/suite/suite.h"

namespace plastometer {

void AddSuiteOptions(Command& command, SuiteArguments& arguments);

// Those of them that a resumed run needs once more: " --threads 2 --shard 0/3".
std::string OptionsAgain(const SuiteArguments& arguments);

// --goldens, and the store that it names: goldens/ of the installation when it
// is empty.
void AddGoldensOption(Command& command, std::string& goldens);
std::filesystem::path StoreRoot(const std::string& goldens);

// The suite with --lane and --batch laid over it.
Suite SuiteOf(const SuiteArguments& arguments);

// --plan: the plan alone on stdout, nothing measured.
void PrintPlan(const Suite& suite, const SuiteArguments& arguments,
               bool traced);

// Tables and files of every group into the folder, results.json last; what
// `run` prints.
std::string WriteResults(const RunPlan& plan, const Collected& collected,
                         RunFolder& folder, bool per_domain, bool as_json);

}  // namespace plastometer
