// drift.json and, behind a NUL, drift.safetensors, up to what a report says.
#include <algorithm>

#include "harness/report/drift_report.h"
#include "harness/results/finished_drift.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/run_files.h"

namespace plastometer {
namespace {

void Check(std::string_view about, std::string_view points) {
  const auto folder =
      fuzz::WriteInput("drift.safetensors", points).parent_path();
  fuzz::WriteInput("drift.json", about);
  fuzz::Try([&] {
    const DriftRecord drift = ReadFinishedDrift(folder);
    for (const auto& positions : SummariseDrift(drift))
      for (const DriftRow& row : positions)
        fuzz::Require(
            static_cast<int64_t>(row.layer_distance.size()) == drift.num_layers,
            "a distance a layer");
    DriftTable(drift, 80, /*per_layer=*/true);
    DriftCsv(drift);
  });
}

}  // namespace
}  // namespace plastometer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  const std::string_view pair = fuzz::View(data, size);
  const size_t nul = std::min(pair.find('\0'), pair.size());
  const std::string_view about = pair.substr(0, nul),
                         points = pair.substr(std::min(nul + 1, pair.size()));
  Check(about, points);
  Check(fuzz::SealedDrift(about, points), points);
  return 0;
}
