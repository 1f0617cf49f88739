#include "harness/run/finished_run.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "harness/results/summary.h"
#include "harness/run/run_folder.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// Time and memory of the whole run are in results.json only.
void AddTotals(const fs::path& file, RunRecord& record) {
  if (!fs::exists(file)) return;
  const nlohmann::json json = ReadJsonFile(file);
  const std::string note =
      SchemaNote(json.value("schema_version", int64_t{1}), file.string());
  if (!note.empty()) record.notes.push_back(note);
  record.wall_seconds = json.value("wall_seconds", 0.0);
  if (!json.contains("cases") || json["cases"].empty()) return;
  const auto& peak =
      json["cases"][0].value("peak_memory_bytes", nlohmann::json(nullptr));
  if (peak.is_number_integer()) record.peak_memory_bytes = peak.get<int64_t>();
}

}  // namespace

FinishedRun ReadFinishedRun(const fs::path& folder) {
  const fs::path journal = folder / kJournalFile;
  for (const fs::path& file : {folder / kPlanFile, journal}) {
    if (!fs::is_regular_file(file))
      throw InvalidError(folder.string() + " holds no " +
                         file.filename().string() +
                         "; expected the folder of a finished run");
  }
  FinishedRun run;
  run.plan = ReadPlan(folder);
  NamedJournals journals;
  journals.emplace_back(journal.string(), ReadJournal(journal));
  Collected collected = Collect(run.plan, journals);
  journals.clear();
  if (!collected.missing.empty())
    throw InvalidError(
        folder.string() + ": " + std::to_string(collected.missing.size()) +
        " units are missing, the first is " + collected.missing.front() +
        "; finish it with plastometer run --resume " + folder.string() +
        ", or merge its shards");
  run.records = std::move(collected.records);
  for (size_t g = 0; g < run.plan.groups.size(); ++g) {
    const bool several = run.plan.groups.size() > 1;
    AddTotals(
        (several ? folder / run.plan.groups[g].name : folder) / kResultsFile,
        run.records[g]);
  }
  return run;
}

}  // namespace plastometer
