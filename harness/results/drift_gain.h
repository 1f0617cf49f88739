// What drift buys: KL on other text for each nat per token that learning gains
// on the text that was read. A drift probe and a run of the same model, over
// the works that both have.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/results/drift_results.h"
#include "harness/results/record.h"
#include "harness/stats/bootstrap.h"

namespace plastometer {

using ProfileNames = std::vector<std::string>;

class DriftGain {
 public:
  // Drift after the last position. `domain`: "all" or one of the contexts'.
  DriftGain(const DriftRecord& drift, const RunRecord& run,
            const std::string& domain);

  int64_t num_works() const { return static_cast<int64_t>(works_.size()); }
  // Why the profiles have no drift per nat: one was not measured in the drift
  // folder or in the run, or together they gain nothing over `frozen` (lower
  // end of the interval). Empty: they have.
  std::string Missing(const ProfileNames& profiles) const;
  // KL / (L_frozen - L_p), mean KL over mean gain where there are several
  // profiles; an interval by works (pseudo-values).
  Measured PerNat(const ProfileNames& profiles) const;
  // PerNat(a) - PerNat(b) as pseudo-values by work, for a verdict. Both must
  // not be Missing.
  std::vector<stats::WorkTotals> Difference(const ProfileNames& a,
                                            const ProfileNames& b) const;

 private:
  // Of one work: contexts read, and scored tokens of the run.
  struct Work {
    std::vector<size_t> contexts, windows;
  };
  // [KL of `profiles`, predictions, gain, tokens][work]
  std::vector<std::vector<double>> Sums(const ProfileNames& profiles) const;

  const DriftRecord& drift_;
  const RunRecord& run_;
  std::vector<Work> works_;  // by name
};

}  // namespace plastometer
