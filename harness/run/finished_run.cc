#include "harness/run/finished_run.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "harness/results/summary.h"
#include "harness/run/planned_record.h"
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

// Sums of logarithms: a platform's last bits are its own.
bool Near(double a, double b) {
  return std::abs(a - b) <= 1e-9 * (1 + std::abs(b)) ||
         (std::isnan(a) && std::isnan(b));
}

void CheckFloor(const FloorRecord& met, const FloorRecord& expected,
                const std::string& where) {
  const auto octaves_are_near = [&] {  // older plans have none
    return met.scored_by_octave.empty() ||
           std::ranges::equal(met.scored_by_octave, expected.scored_by_octave,
                              Near);
  };
  if (met.exact == expected.exact && octaves_are_near() &&
      Near(met.exact_nats, expected.exact_nats) &&
      met.scored_nats.has_value() == expected.scored_nats.has_value() &&
      Near(met.scored_nats.value_or(0), expected.scored_nats.value_or(0)))
    return;
  throw InvalidError(where + ": the exact loss of the document is " +
                     std::to_string(expected.exact_nats) +
                     " nats, the plan says " + std::to_string(met.exact_nats) +
                     " (or the tokens that have one, or its parts, differ)");
}

}  // namespace

void CheckFloors(const RunPlan& plan, const std::string& source) {
  for (const PlannedGroup& group : plan.groups) {
    const std::vector<WindowRecord>& windows = group.record.windows;
    if (group.record.task.name.empty() || windows[0].floor.exact.empty())
      continue;
    const SuiteData data = ParseGroupJson(group.spec_json, source).data;
    if (data.documents != std::ssize(windows))
      throw InvalidError(source + ": " + std::to_string(windows.size()) +
                         " windows of a task with " +
                         std::to_string(data.documents) + " documents");
    const EvaluationSet known = TaskWindows(data);
    for (size_t w = 0; w < windows.size(); ++w)
      CheckFloor(
          windows[w].floor, FloorOf(known.windows.at(w), windows[w]),
          source + ": group " + group.name + ", window " + std::to_string(w));
  }
}

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
  CheckFloors(run.plan, (folder / kPlanFile).string());
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
