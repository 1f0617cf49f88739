// plan.json, and all that is said of a run by it: with a journal of losses that
// fits whatever plan was accepted.

#include "harness/report/csv_report.h"
#include "harness/report/json_report.h"
#include "harness/report/table.h"
#include "harness/run/continual.h"
#include "harness/run/finished_run.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/run_files.h"

namespace plastometer {
namespace {

// What a journal holds is bounded by its bytes, what a plan says is not.
bool IsSmall(const RunPlan& plan) {
  int64_t losses = 0;
  for (const PlannedGroup& group : plan.groups)
    for (const WindowRecord& window : group.record.windows)
      losses += window.num_tokens *
                static_cast<int64_t>(group.record.profiles.size());
  return losses < 20'000;
}

// As `plastometer merge` and `report` do.
void ReadAll(const RunPlan& plan) {
  SuiteOfPlan(plan);
  PlanText(plan);
  NamedJournals none = {{"input", {}}};
  none[0].second.header = {plan.sha256(), plan.code_tree, 0, 1};
  fuzz::Require(!Collect(plan, none).missing.empty(), "no unit, none missing");
  if (!IsSmall(plan)) return;
  CheckFloors(plan, "input");
  NamedJournals journals = {
      {"input", ParseJournal(fuzz::JournalOf(plan), "input")}};
  Collected collected = Collect(plan, journals);
  fuzz::Require(collected.missing.empty(), "every unit is there");
  for (RunRecord& record : collected.records) {
    const Results results = ResultsOf(std::move(record));
    ResultsJson(results);
    WindowsCsv(results);
    RunTable(results, {80, /*per_domain=*/true, ""});
  }
}

void Check(std::string_view text) {
  fuzz::Try([&] {
    const RunPlan plan = ParsePlan(text, "input");
    const RunPlan again = ParsePlan(PlanToJson(plan), "written again");
    fuzz::Require(PlanToJson(again) == PlanToJson(plan) &&
                      again.sha256() == plan.sha256(),
                  "a plan that was read can be written and read");
    ReadAll(plan);
  });
}

}  // namespace
}  // namespace plastometer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  Check(fuzz::View(data, size));
  Check(fuzz::SealedPlan(fuzz::View(data, size)));
  return 0;
}
