#include "harness/run/suite_run.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <new>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "harness/pins/pins.h"
#include "harness/results/leak_check.h"
#include "harness/run/environment.h"
#include "harness/run/measure.h"

namespace plastometer {
namespace fs = std::filesystem;

std::string HowToResume(const fs::path& folder, const SuiteArguments& a) {
  if (a.goes_on.empty()) return "";
  return "finished units are kept; this goes on with them:\n  " + a.goes_on +
         " --resume " + ShellWord(fs::proximate(folder).string());
}

void TellHowToResume(const RunFolder& folder, const SuiteArguments& a,
                     const std::function<void()>& run) {
  const auto how = [&] {
    return folder.kept() ? HowToResume(folder.path(), a) : "";
  };
  try {
    run();
  } catch (Interrupted& interrupted) {
    if (!how().empty()) interrupted.left = how();
    throw;
  } catch (const Error& error) {
    if (how().empty() || error.kind() != ErrorKind::kInfrastructure) throw;
    throw InfrastructureError(std::string(error.what()) + "; " + how());
  } catch (const std::bad_alloc&) {
    if (how().empty()) throw;
    throw InfrastructureError("out of memory; " + how());
  }
}

std::vector<LoadedGroup> LoadGroups(const Suite& suite,
                                    const SuiteArguments& a) {
  std::vector<LoadedGroup> groups;
  for (const SuiteGroup& group : suite.groups) {
    ThrowIfInterrupted();
    groups.push_back(LoadGroup(suite.name, group, a.threads, a.seed));
  }
  return groups;
}

RunPlan PlanOf(const Suite& suite, const std::vector<LoadedGroup>& groups,
               bool traced) {
  std::vector<std::map<std::string, std::string>> environments;
  for (const LoadedGroup& group : groups)
    environments.push_back(
        MakeFingerprint(
            group.spec.lane,
            FactsOf(group.lane, static_cast<int>(group.record.num_threads)))
            .numeric);
  return MakePlan(suite, groups, environments, CodeTree(), traced);
}

namespace {

// What an interrupted run has finished is still there when loading is cut
// short.
std::vector<LoadedGroup> LoadAll(const Suite& suite, const SuiteArguments& a) {
  try {
    return LoadGroups(suite, a);
  } catch (Interrupted& interrupted) {
    const std::string how = HowToResume(a.resume, a);
    if (!a.resume.empty() && !how.empty()) interrupted.left = how;
    throw;
  }
}

}  // namespace

SuiteRun RunSuite(const Suite& suite, const SuiteArguments& a, bool traced) {
  const Shard shard = ParseShard(a.shard);
  std::optional<RunPlan> before;
  if (!a.resume.empty()) before = ReadPlan(a.resume);
  const Suite chosen = before ? SuiteOfPlan(*before) : suite;
  if (before) traced = before->traced;
  std::vector<LoadedGroup> groups = LoadAll(chosen, a);
  PinEnvironment(groups,
                 a.later_lanes);  // may start anew: nothing is written before
  RunPlan plan = PlanOf(chosen, groups, traced);
  if (before && before->sha256() != plan.sha256())
    throw RefusedError(a.resume + " was started with other pins: " +
                       FirstDifference(*before, plan) +
                       "; finished units are kept only when all match");
  RunFolder folder =
      before ? RunFolder::Resume(a.resume)
             : RunFolder(a.out.empty() ? DefaultRunFolder() : fs::path(a.out));
  if (!before) WriteFile(folder.File(kPlanFile), PlanToJson(plan));
  const auto start = std::chrono::steady_clock::now();
  TellHowToResume(folder, a, [&] {
    Execute(plan, groups, folder, shard, a.threads, /*show_progress=*/true);
  });
  const fs::path file = folder.File(kJournalFile);
  NamedJournals journals;
  journals.emplace_back(file.string(), ReadJournal(file));
  Collected collected = Collect(plan, journals);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  for (RunRecord& record : collected.records) {
    if (collected.missing.empty()) CheckLeaks(record);
    record.wall_seconds = seconds;
    record.peak_memory_bytes = PeakMemoryBytes();
  }
  return {std::move(plan), std::move(groups), std::move(folder),
          std::move(collected), shard};
}

}  // namespace plastometer
