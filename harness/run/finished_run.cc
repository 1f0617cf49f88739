#include "harness/run/finished_run.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/canonical_json.h"
#include "base/error.h"
#include "base/json.h"
#include "harness/results/leak_check.h"
#include "harness/results/summary.h"
#include "harness/run/planned_record.h"
#include "harness/run/run_folder.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

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

// One member of results.json; a null pointer: it has none.
const nlohmann::json* Member(const nlohmann::json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? nullptr : &*found;
}

}  // namespace

void ReadTotals(const fs::path& file, RunRecord& record) {
  const nlohmann::json json = ReadJsonFile(file);
  const auto require = [&](bool good, const char* key, const char* expected) {
    if (!good)
      throw InvalidError(file.string() + ": \"" + key +
                         "\" is not valid; expected " + expected);
  };
  require(json.is_object(), "schema_version", "an object that has it");
  int64_t schema = 1;
  if (const auto* version = Member(json, "schema_version"))
    schema = IntegerOf(*version, file.string() + ": \"schema_version\"");
  const std::string note = SchemaNote(schema, file.string());
  if (!note.empty()) record.notes.push_back(note);
  if (const auto* seconds = Member(json, "wall_seconds")) {
    require(seconds->is_number() && seconds->get<double>() >= 0, "wall_seconds",
            "seconds");
    record.wall_seconds = seconds->get<double>();
  }
  const auto* cases = Member(json, "cases");
  if (cases == nullptr || cases->empty()) return;
  require(cases->is_array(), "cases", "a list");
  const auto* peak = Member(cases->front(), "peak_memory_bytes");
  if (peak == nullptr || peak->is_null()) return;
  record.peak_memory_bytes =
      IntegerOf(*peak, file.string() + ": \"peak_memory_bytes\"");
}

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
    for (const WindowRecord& w : windows)
      if (w.num_tokens != data.context_tokens)
        throw InvalidError(source + ": a window of " +
                           std::to_string(w.num_tokens) +
                           " tokens of a task with documents of " +
                           std::to_string(data.context_tokens));
    const EvaluationSet known = TaskWindows(data);
    for (size_t w = 0; w < windows.size(); ++w)
      CheckFloor(
          windows[w].floor, FloorOf(known.windows.at(w), windows[w]),
          source + ": group " + group.name + ", window " + std::to_string(w));
  }
}

void CheckTasks(const RunPlan& plan, const std::vector<RunRecord>& records,
                const fs::path& folder) {
  CheckFloors(plan, (folder / kPlanFile).string());
  for (const RunRecord& record : records)
    if (const auto leak = FindLeak(record))
      throw InvalidError((folder / kJournalFile).string() + ": " + *leak +
                         ", or these are not the losses that were measured");
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
  CheckTasks(run.plan, collected.records, folder);
  run.records = std::move(collected.records);
  for (size_t g = 0; g < run.plan.groups.size(); ++g) {
    const bool several = run.plan.groups.size() > 1;
    const fs::path results =
        (several ? folder / run.plan.groups[g].name : folder) / kResultsFile;
    if (fs::exists(results)) ReadTotals(results, run.records[g]);
  }
  return run;
}

}  // namespace plastometer
