// What `run`, `check` and `accept` share: from a command line to a plan, and
// from a plan to what was measured.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "harness/cli/command_line.h"
#include "harness/run/execute.h"
#include "harness/suite/suite.h"

namespace plastometer {

struct SuiteArguments {
  std::string suite;  // empty: default
  std::string lane, out, resume, shard;
  int64_t batch = -1;  // -1: the suite's
  int threads = 0;
  int64_t seed = 1;
  bool plan_only = false;
  // Lanes that this process will use later on: pinned from the start.
  std::vector<std::string> later_lanes;
};
void AddSuiteOptions(Command& command, SuiteArguments& arguments);

// --goldens, and the store that it names: goldens/ of the installation when it
// is empty.
void AddGoldensOption(Command& command, std::string& goldens);
std::filesystem::path StoreRoot(const std::string& goldens);

// The suite with --lane and --batch laid over it.
Suite SuiteOf(const SuiteArguments& arguments);

// Pins the environment for the groups' lanes and `later_lanes`, which may start
// this program anew: nothing is written before. Throws what does not hold.
void PinEnvironment(std::span<const LoadedGroup> groups,
                    const std::vector<std::string>& later_lanes = {});

struct SuiteRun {
  RunPlan plan;
  std::vector<LoadedGroup> groups;  // of the plan, with their windows
  RunFolder folder;
  Collected collected;
  Shard shard;
};
// Loads, pins the environment (which may start this program anew), measures
// what the folder's journal lacks. `traced`: with traces, for goldens.
SuiteRun RunSuite(const Suite& suite, const SuiteArguments& arguments,
                  bool traced);
// --plan: the plan alone on stdout, nothing measured.
void PrintPlan(const Suite& suite, const SuiteArguments& arguments,
               bool traced);

// Tables and files of every group into the folder, results.json last; what
// `run` prints.
std::string WriteResults(const RunPlan& plan, const Collected& collected,
                         RunFolder& folder, bool per_domain, bool as_json);

}  // namespace plastometer
