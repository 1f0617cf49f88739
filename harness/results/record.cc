#include "harness/results/record.h"

#include <algorithm>

namespace plastometer {

std::optional<size_t> FindProfile(const RunRecord& record,
                                  std::string_view name) {
  for (size_t p = 0; p < record.profiles.size(); ++p) {
    const ProfileRecord& profile = record.profiles[p];
    if (profile.name == name ||
        std::ranges::find(profile.same_as, name) != profile.same_as.end())
      return p;
  }
  return std::nullopt;
}

int64_t WindowRecord::num_scored() const {
  int64_t count = scored.empty() ? num_tokens - 1 : 0;
  for (const auto& [begin, end] : scored) count += end - begin;
  return count;
}

double WindowSum(const ProfileRecord& profile, const WindowRecord& window) {
  double sum = 0;
  ForEachScored(window, [&](int64_t t) {
    sum += profile.nll[window.loss_begin + t - 1];
  });
  return sum;
}

}  // namespace plastometer
