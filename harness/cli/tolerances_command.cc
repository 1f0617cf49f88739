#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/lane.h"
#include "harness/check/tolerances.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/cli/suite_options.h"
#include "harness/golden/compare.h"
#include "harness/golden/store.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

struct TolerancesArguments {
  SuiteArguments suite;
  std::string goldens;
  std::vector<std::string> lanes = {"cpu-native", "cpu-native-bf16",
                                    "cpu-reference", "cpu-reference-fp64"};
};

void Tolerances(const TolerancesArguments& a) {
  const InterruptGuard guard;
  const fs::path root = fs::absolute(StoreRoot(a.goldens));
  const Suite suite = SuiteOf(a.suite);
  SuiteRun run = RunSuite(suite, a.suite, /*traced=*/true);
  const GoldenStore store(root);
  const TemporaryFolder work;
  std::printf("%-19s %-38s %9s %9s\n", "lane", "variant", "max nats",
              "mean nats");
  std::map<std::string, LaneDifferences> by_lane;
  const ToleranceRequest request{a.suite.suite, root};
  const auto measure = [&](const std::string& lane) {
    return MeasureLane(request, lane, work.path(),
                       [&](const LaneVariant& v, const LaneDifference& d) {
                         std::printf("%-19s %-38s %9.2e %9.2e\n", lane.c_str(),
                                     NameOf(v).c_str(), d.max_abs, d.mean);
                         FlushOutput();
                       });
  };
  measure("cpu-portable");
  for (const std::string& lane : a.lanes) {
    try {
      by_lane[lane] = measure(lane);
    } catch (const Error& error) {  // a lane that this machine lacks
      // It has every lane of the CPU: there a disk or memory failed.
      if (error.kind() == ErrorKind::kInfrastructure && TraitsOf(lane).on_cpu())
        throw;
      by_lane.erase(lane);
      std::printf("%-19s not measured: %s\n", lane.c_str(), error.what());
    }
  }
  size_t num_pending = 0;
  for (const UnitId& id : AskedCases(run.plan)) {
    Golden pending =
        MakeCandidate(run.plan, run.collected, id.group_idx, id.profile_idx);
    const std::string name = pending.pins.name;
    const auto golden = store.Read(pending.pins.suite, name, kPortableClass);
    if (!golden || Compare(pending, &*golden).verdict != Verdict::kPass)
      throw RefusedError(name +
                         ": the portable lane does not give its golden; "
                         "tolerances are measured from there");
    SetTolerances(name, by_lane, pending.metrics);
    WriteGolden(pending,
                run.folder.File("pending") / pending.pins.suite / name);
    ++num_pending;
  }
  run.folder.Keep();
  const std::string folder = fs::proximate(run.folder.path()).string();
  std::printf(
      "%zu pending goldens with tolerances: plastometer accept --all "
      "--count %zu --from %s --reason \"...\"\n",
      num_pending, num_pending, folder.c_str());
}

}  // namespace

void AddTolerancesCommand(Command& program) {
  auto a = std::make_shared<TolerancesArguments>();
  Command command = program.Add(
      "tolerances",
      "Measure how far other lanes are from the portable goldens, over "
      "threads, batch and instruction set; leaves goldens with tolerances "
      "pending");
  command.Add("suite", a->suite.suite, "suite file or name").Required();
  command.Add("--lanes LANES", a->lanes, "lanes to measure")
      .Commas()
      .ShowDefault();
  AddGoldensOption(command, a->goldens);
  command.Add("--out FOLDER", a->suite.out, "run folder; must not exist");
  command.Example("plastometer tolerances quick --lanes cpu-native",
                  "then: plastometer review, plastometer accept");
  command.Callback([a] { Tolerances(*a); });
}

}  // namespace plastometer
