#include <cmath>

#include "harness/report/foreign.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  const auto path = fuzz::WriteInput("foreign.csv", fuzz::View(data, size));
  fuzz::Try([&] {
    const std::vector<ForeignLosses> profiles = ReadForeign({path});
    fuzz::Require(!profiles.empty(), "a file has a profile");
    for (const ForeignLosses& f : profiles) {
      fuzz::Require(!f.profile.empty() && f.num_rows() > 0,
                    "a profile has a name and rows");
      fuzz::Require(f.by_position.begin()->first >= 1, "positions from 1 on");
      fuzz::Require(f.MeanLoss() >= 0, "a mean loss is no NaN");
      for (const auto& [key, cost] : f.costs)
        fuzz::Require(std::isfinite(cost) && cost >= 0, "costs are numbers");
    }
  });
  return 0;
}
