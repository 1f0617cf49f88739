// results.json of a run, and check.json of a run beside it, of which a few
// values are read.
#include "harness/check/check.h"
#include "harness/run/finished_run.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  static const TemporaryFolder folder;
  const auto other = folder.path() / "other";
  std::filesystem::create_directories(other);
  const auto file = other / "check.json";
  std::ofstream(file, std::ios::binary | std::ios::trunc)
      << fuzz::View(data, size);
  fuzz::Try([&] {
    RunRecord record;
    ReadTotals(file, record);
    fuzz::Require(record.wall_seconds >= 0, "seconds are a number");
  });
  fuzz::Try([&] { NumInconclusive(folder.path() / "run", "planted"); });
  return 0;
}
