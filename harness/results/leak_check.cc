#include "harness/results/leak_check.h"

#include <cmath>
#include <cstdio>
#include <string>

#include "base/error.h"

namespace plastometer {
namespace {

// Floor less loss over the tokens that have an exact law.
double Gain(const ProfileRecord& profile, const WindowRecord& window) {
  double gain = window.floor.exact_nats;
  for (const auto& [begin, end] : window.floor.exact)
    for (int64_t t = begin; t < end; ++t)
      gain -= profile.nll[window.loss_begin + t - 1];
  return gain;
}

std::string Leak(const std::string& profile, const std::string& where,
                 double gain, double bound) {
  char text[96];
  std::snprintf(text, sizeof text,
                "%.2f nats below the exact Bayes loss, more than the %.1f",
                gain, bound);
  return "profile '" + profile + "', " + where + ": " + text +
         " that chance allows once in a million: the model has seen the "
         "future (a token's loss depends on the token)";
}

}  // namespace

std::optional<std::string> FindLeak(const RunRecord& record) {
  const double bound_of_one =
      kLeakNats + std::log(static_cast<double>(record.windows.size()));
  for (const ProfileRecord& profile : record.profiles) {
    double sum = 0;
    for (size_t w = 0; w < record.windows.size(); ++w) {
      const WindowRecord& window = record.windows[w];
      if (window.floor.exact.empty()) continue;
      const double gain = Gain(profile, window);
      if (!std::isfinite(gain)) continue;
      if (gain > bound_of_one)
        return Leak(profile.name,
                    "window " + std::to_string(w) + " (document " +
                        window.document + ")",
                    gain, bound_of_one);
      sum += gain;
    }
    if (sum > kLeakNats)
      return Leak(profile.name,
                  std::to_string(record.windows.size()) + " windows together",
                  sum, kLeakNats);
  }
  return std::nullopt;
}

void CheckLeaks(const RunRecord& record) {
  if (const auto leak = FindLeak(record)) throw InternalError(*leak);
}

}  // namespace plastometer
