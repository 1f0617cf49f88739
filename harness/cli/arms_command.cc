#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/report/arms_report.h"
#include "harness/report/table.h"
#include "harness/results/arms.h"
#include "harness/run/finished_run.h"

namespace plastometer {
namespace {

struct ArmsArguments {
  std::vector<std::string> runs;
  NumbersOutput output;
};

void Arms(const ArmsArguments& a) {
  a.output.Check();
  std::vector<RunRecord> records;
  for (const std::string& run : a.runs) {
    FinishedRun finished = ReadFinishedRun(run);
    for (RunRecord& record : finished.records)
      records.push_back(std::move(record));
  }
  std::vector<ArmComparison> comparisons = CompareArms(records);
  DecideTogether(comparisons);
  a.output.Write(ArmsJson(comparisons),
                 ArmsTable(comparisons, TerminalWidth()));
}

}  // namespace

void AddArmsCommand(Command& program) {
  auto a = std::make_shared<ArmsArguments>();
  Command command = program.Add(
      "arms",
      "Compare post-hoc, co-trained and healed models of finished runs, "
      "crossing training seeds with works");
  command.Add("runs", a->runs, "folders of finished runs").Required();
  a->output.AddOptions(command);
  command.Example("plastometer arms runs/posthoc runs/cotrained-1",
                  "one model's profiles against a model trained with them");
  command.Callback([a] { Arms(*a); });
}

}  // namespace plastometer
