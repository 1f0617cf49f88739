#include "harness/run/works.h"

#include <cmath>
#include <string>

namespace plastometer {
namespace {

double Sum(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum;
}

double Mean(const WorkSums& works, size_t profile) { return Sum(works.nll[profile]) / Sum(works.tokens); }

Measured NotFinite() {
  Measured m;
  m.reason = "a loss is not finite";
  return m;
}

std::string TooFew(const WorkSums& works) {
  return std::to_string(works.num_works()) + " works, fewer than " + std::to_string(kMinWorks);
}

bool Enough(const WorkSums& works) { return static_cast<int64_t>(works.num_works()) >= kMinWorks; }

}  // namespace

Measured MeanOverWorks(const WorkSums& works, size_t profile, uint64_t seed) {
  Measured m;
  const double mean = Mean(works, profile);
  if (!std::isfinite(mean)) return NotFinite();
  m.value = mean;
  if (!Enough(works)) m.reason = TooFew(works);
  return m;
}

Measured LostAgainst(const WorkSums& works, size_t profile, size_t uniform, uint64_t seed) {
  Measured m;
  const double lost = Mean(works, profile) - Mean(works, uniform);
  if (!std::isfinite(lost)) return NotFinite();
  m.value = lost;
  if (!Enough(works)) m.reason = TooFew(works);
  return m;
}

Measured Retention(const WorkSums& works, size_t profile, size_t uniform, size_t frozen) {
  Measured m;
  const double gap = Mean(works, frozen) - Mean(works, uniform), kept = Mean(works, frozen) - Mean(works, profile);
  if (!std::isfinite(gap) || !std::isfinite(kept)) return NotFinite();
  if (gap == 0) {
    m.reason = "frozen and uniform lose the same";
    return m;
  }
  m.value = kept / gap;
  if (profile == uniform || profile == frozen) return m;  // by definition
  if (!Enough(works)) m.reason = TooFew(works);
  return m;
}

std::vector<std::optional<bool>> ParetoMarks(const WorkSums& works, const std::vector<std::optional<double>>& costs,
                                             uint64_t seed) {
  return std::vector<std::optional<bool>>(costs.size());
}

}  // namespace plastometer
