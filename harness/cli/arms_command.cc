#include "harness/cli/arms_command.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

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
  const std::vector<ArmComparison> comparisons = CompareArms(records);
  a.output.Write(ArmsJson(comparisons),
                 ArmsTable(comparisons, TerminalWidth()));
}

}  // namespace

void AddArmsCommand(CLI::App& app) {
  auto a = std::make_shared<ArmsArguments>();
  CLI::App* command = app.add_subcommand(
      "arms",
      "Compare post-hoc, co-trained and healed models of finished runs, "
      "crossing training seeds with works");
  command->add_option("RUN", a->runs, "folders of finished runs")->required();
  a->output.AddOptions(*command);
  command->callback([a] { Arms(*a); });
}

}  // namespace plastometer
