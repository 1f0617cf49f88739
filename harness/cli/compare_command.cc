#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/report/compare_report.h"
#include "harness/report/table.h"
#include "harness/results/compare.h"
#include "harness/run/finished_run.h"
#include "harness/run/plan.h"

namespace plastometer {
namespace {

struct CompareArguments {
  std::string a, b;
  std::vector<std::string> profiles;
  NumbersOutput output;
};

std::vector<ComparedRun> GroupsOfRun(const std::string& folder) {
  FinishedRun run = ReadFinishedRun(folder);
  std::vector<ComparedRun> groups;
  for (size_t g = 0; g < run.records.size(); ++g) {
    const PlannedGroup& planned = run.plan.groups[g];
    ComparedRun group{folder,
                      run.plan.suite,
                      planned.name,
                      run.plan.code_tree,
                      planned.numeric_class,
                      {},
                      std::move(run.records[g])};
    for (const CasePins& pins : planned.cases)
      group.multipliers.push_back(pins.profile_lambdas);
    groups.push_back(std::move(group));
  }
  return groups;
}

void Compare(const CompareArguments& a) {
  a.output.Check();
  const std::vector<RunComparison> comparisons = CompareRuns(
      GroupsOfRun(a.a), GroupsOfRun(a.b), SplitProfileList(a.profiles));
  a.output.Write(CompareJson(comparisons),
                 CompareTable(comparisons, TerminalWidth()));
}

}  // namespace

void AddCompareCommand(Command& program) {
  auto a = std::make_shared<CompareArguments>();
  Command command = program.Add(
      "compare",
      "What changed between two finished runs on the same windows, paired by "
      "work: two checkpoints, two commits");
  command.Add("A", a->a, "folder of a finished run: before").Required();
  command.Add("B", a->b, "folder of a finished run: after").Required();
  command.Add("--profiles PROFILES", a->profiles,
              "only these, which both must have (default: all that both have)");
  a->output.AddOptions(command);
  command.Example("plastometer compare runs/before runs/after",
                  "loss, retention and time, B - A");
  command.Example(
      "plastometer compare runs/a runs/b --profiles retina --out change.json",
      "one profile; the numbers also as a file");
  command.Callback([a] { Compare(*a); });
}

}  // namespace plastometer
