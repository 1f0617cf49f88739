#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/cli/suite_options.h"
#include "harness/run/finished_run.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

struct MergeArguments {
  std::vector<std::string> runs;
  std::string out;
  bool per_domain = false, json = false;
};

void Merge(const MergeArguments& a) {
  const InterruptGuard guard;
  NamedJournals journals;
  RunPlan plan;
  for (const std::string& run : a.runs) {
    const fs::path file = fs::path(run) / kJournalFile;
    if (journals.empty()) plan = ReadPlan(run);
    journals.emplace_back(file.string(), ReadJournal(file));
  }
  NamedJournals taken = journals;  // which are written again below
  const Collected collected = Collect(plan, taken);
  CheckAllShards(journals);
  if (!collected.missing.empty())
    throw InvalidError("merge: " + std::to_string(collected.missing.size()) +
                       " units are missing, the first is " +
                       collected.missing.front() +
                       "; go on with that shard's --resume");
  CheckTasks(plan, collected.records, a.runs.front());
  RunFolder folder(a.out);
  std::string lines = JournalLine(
      JournalHeader{plan.sha256(), plan.code_tree, /*shard_idx=*/0, 1});
  for (const auto& [source, journal] : journals) {
    for (const JournalUnit& unit : journal.units) lines += JournalLine(unit);
    for (const JournalTrace& trace : journal.traces)
      lines += JournalLine(trace);
  }
  WriteFile(folder.File(kPlanFile), PlanToJson(plan));
  WriteFile(folder.File(kJournalFile), lines);
  const std::string text =
      WriteResults(plan, collected, folder, a.per_domain, a.json);
  folder.Keep();
  Print(text);
}

}  // namespace

void AddMergeCommand(Command& program) {
  auto a = std::make_shared<MergeArguments>();
  Command command = program.Add(
      "merge",
      "Put the shards of a run together: the same results as an unsharded run, "
      "to the bit");
  command.Add("runs", a->runs, "run folders, one a shard").Required();
  command.Add("--out FOLDER", a->out, "run folder; must not exist").Required();
  command.Flag("--per-domain", a->per_domain, "one more table for each domain");
  command.Flag("--json", a->json, "print results.json instead of the table");
  command.Example("plastometer merge shard-0 shard-1 --out whole",
                  "of run --shard 0/2 and --shard 1/2");
  command.Callback([a] { Merge(*a); });
}

}  // namespace plastometer
