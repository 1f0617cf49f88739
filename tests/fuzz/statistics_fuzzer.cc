// stats.safetensors of a small run, up to what a report says of it: once with
// losses that must be the journal's, once of a lane that promises no bits.
#include <cmath>

#include "harness/results/statistics_file.h"
#include "harness/run/collect.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/run_files.h"

namespace plastometer {
namespace {

constexpr int kWorks = 3;

RunRecord RecordOfProse() {
  const RunPlan plan = fuzz::PlantedPlan(kWorks);
  NamedJournals journals = {
      {"journal", ParseJournal(fuzz::JournalOf(plan), "journal")}};
  return Collect(plan, journals).records.at(0);
}

void Read(const std::filesystem::path& path, const RunRecord& record) {
  const PlannedGroup group = fuzz::PlantedPlan(kWorks).groups[0];
  fuzz::Try([&] {
    const StatisticsFile file(path, record, group.num_layers, group.num_heads);
    for (size_t w = 0; w < record.windows.size(); ++w)
      MapOfWindow(file.Read(w));
    ReadLearning(path, record, group.num_layers, group.num_heads);
    ReadClassLosses(path, record, group.num_layers, group.num_heads);
  });
}

}  // namespace
}  // namespace plastometer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  static const RunRecord exact = RecordOfProse();
  static const RunRecord inexact = [] {
    RunRecord record = exact;
    record.lane = "cpu-reference";
    return record;
  }();
  const std::string_view bytes = fuzz::View(data, size);
  for (const std::string& file :
       {std::string(bytes), fuzz::SealedStatistics(bytes, exact)}) {
    const auto path = fuzz::WriteInput("s.safetensors", file);
    Read(path, exact);
    Read(path, inexact);
  }
  return 0;
}
