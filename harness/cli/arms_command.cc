#include "harness/cli/arms_command.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/base/files.h"
#include "harness/cli/output.h"
#include "harness/report/arms_report.h"
#include "harness/report/table.h"
#include "harness/run/arms.h"
#include "harness/run/finished_run.h"

namespace plastometer {
namespace {

struct ArmsArguments {
  std::vector<std::string> runs;
  std::string out;
  bool json = false;
};

void Arms(const ArmsArguments& a) {
  if (!a.out.empty()) RefuseExisting(a.out, "file");
  std::vector<RunRecord> records;
  for (const std::string& run : a.runs) {
    FinishedRun finished = ReadFinishedRun(run);
    for (RunRecord& record : finished.records)
      records.push_back(std::move(record));
  }
  const std::vector<ArmComparison> comparisons = CompareArms(records);
  if (!a.out.empty()) WriteFile(a.out, ArmsJson(comparisons));
  std::fputs(
      (a.json ? ArmsJson(comparisons) : ArmsTable(comparisons, TerminalWidth()))
          .c_str(),
      stdout);
}

}  // namespace

void AddArmsCommand(CLI::App& app) {
  auto a = std::make_shared<ArmsArguments>();
  CLI::App* command = app.add_subcommand(
      "arms",
      "Compare post-hoc, co-trained and healed models of finished runs, "
      "crossing training seeds with works");
  command->add_option("RUN", a->runs, "folders of finished runs")->required();
  command->add_option("--out", a->out,
                      "also write the numbers to this file "
                      "(JSON); must not exist");
  command->add_flag("--json", a->json, "print JSON instead of tables");
  command->callback([a] { Arms(*a); });
}

}  // namespace plastometer
