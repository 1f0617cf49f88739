// A suite measured: load, pin, plan, execute, collect.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "harness/run/collect.h"
#include "harness/run/execute.h"
#include "harness/run/group.h"
#include "harness/run/run_folder.h"
#include "harness/run/run_plan.h"
#include "harness/suite/suite.h"

namespace plastometer {

struct SuiteArguments {
  std::string suite;  // empty: default
  std::string lane, out, resume, shard;
  int64_t batch = -1;  // -1: the suite's
  int threads = 0;
  int64_t seed = 1;
  bool plan_only = false;
  // The command that goes on with this run's folder, without --resume:
  // "plastometer run --threads 2". Empty: nothing goes on.
  std::string goes_on;
  // Lanes that this process will use later on: pinned from the start.
  std::vector<std::string> later_lanes;
};
// The suite's groups with everything resolved. Throws what LoadGroup throws,
// Interrupted.
std::vector<LoadedGroup> LoadGroups(const Suite& suite,
                                    const SuiteArguments& arguments);
RunPlan PlanOf(const Suite& suite, const std::vector<LoadedGroup>& groups,
               bool traced);

struct SuiteRun {
  RunPlan plan;
  std::vector<LoadedGroup> groups;  // of the plan, with their windows
  RunFolder folder;
  Collected collected;
  Shard shard;
};
// What a run that was cut short says: what is kept, and, on a line of its own,
// the whole command that goes on. "" where nothing goes on.
std::string HowToResume(const std::filesystem::path& folder,
                        const SuiteArguments& arguments);
// Calls `run`; Interrupted, and errors of kind kInfrastructure, that come out
// of it say how to go on with `folder` once that is worth keeping.
void TellHowToResume(const RunFolder& folder, const SuiteArguments& arguments,
                     const std::function<void()>& run);

// Loads, pins the environment (which may start this program anew), measures
// what the folder's journal lacks. `traced`: with traces, for goldens.
SuiteRun RunSuite(const Suite& suite, const SuiteArguments& arguments,
                  bool traced);

}  // namespace plastometer
