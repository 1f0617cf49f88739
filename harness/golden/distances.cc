#include "harness/golden/distances.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace plastometer {
namespace {

// Two losses that both diverged, as the case says, are not told apart.
double Distance(double a, double b) {
  return std::isfinite(a) || std::isfinite(b) ? std::abs(a - b) : 0;
}

// Of each window's mean loss.
std::vector<double> WindowDistances(const Trace& a, const Trace& b) {
  std::vector<double> distances;
  for (size_t w = 0; w < a.windows.size(); ++w)
    distances.push_back(
        Distance(a.windows[w].nll_sum, b.windows[w].nll_sum) /
        static_cast<double>(std::max<int64_t>(a.windows[w].num_tokens - 1, 1)));
  return distances;
}

}  // namespace

std::optional<double> MaxAbs(const Trace& a, const Trace& b) {
  std::optional<double> worst;
  for (size_t w = 0; w < a.windows.size(); ++w) {
    const size_t n = std::min(a.windows[w].nll.size(), b.windows[w].nll.size());
    for (size_t i = 0; i < n; ++i) {
      const double d = Distance(a.windows[w].nll[i], b.windows[w].nll[i]);
      worst = !worst || d > *worst || std::isnan(d) ? d : *worst;
    }
  }
  return worst;
}

std::optional<double> Rmse(const Trace& a, const Trace& b) {
  double sum = 0;
  int64_t count = 0;
  for (size_t w = 0; w < a.windows.size(); ++w) {
    const size_t n = std::min(a.windows[w].nll.size(), b.windows[w].nll.size());
    for (size_t i = 0; i < n; ++i, ++count) {
      const double d = Distance(a.windows[w].nll[i], b.windows[w].nll[i]);
      sum += d * d;
    }
  }
  if (count == 0) return std::nullopt;
  return std::sqrt(sum / static_cast<double>(count));
}

double MaxWindow(const Trace& a, const Trace& b) {
  double worst = 0;
  for (const double d : WindowDistances(a, b))
    worst = d > worst || std::isnan(d) ? d : worst;
  return worst;
}

double WindowRmse(const Trace& a, const Trace& b) {
  const std::vector<double> distances = WindowDistances(a, b);
  double sum = 0;
  for (const double d : distances) sum += d * d;
  return std::sqrt(sum / static_cast<double>(distances.size()));
}

std::optional<double> ProbeKl(const ProbeLogits& c, const ProbeLogits& g) {
  const auto log_p = [](const ProbeLogits& p, size_t i) {
    return static_cast<double>(p.logits[i]) - p.target_logit - p.target_nll;
  };
  double kl = 0, rest_c = 1, rest_g = 1;
  size_t num_common = 0;
  for (size_t i = 0; i < g.ids.size(); ++i) {
    const auto at = std::find(c.ids.begin(), c.ids.end(), g.ids[i]);
    if (at == c.ids.end()) continue;
    const double lg = log_p(g, i),
                 lc = log_p(c, static_cast<size_t>(at - c.ids.begin()));
    kl += std::exp(lg) * (lg - lc);
    rest_g -= std::exp(lg);
    rest_c -= std::exp(lc);
    ++num_common;
  }
  if (num_common == 0 || rest_g <= 0 || rest_c <= 0) return std::nullopt;
  return std::max(0.0, kl + rest_g * std::log(rest_g / rest_c));
}

}  // namespace plastometer
