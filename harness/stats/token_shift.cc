#include "harness/stats/token_shift.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "harness/stats/basic.h"

namespace plastometer::stats {
namespace {

// std::clamp would keep a NaN only by accident of its comparisons.
double Within(double value, double low, double high) {
  return std::isnan(value) ? value : std::clamp(value, low, high);
}

// One token's part of p log(p / m) + q log(q / m), m = (p + q) / 2, by
// log(m / p) = log1p((q - p) / 2p): exactly 0 when p = q.
double JensenShannonPart(double p, double q, double log_q_over_p) {
  constexpr double kNothing = 1e-300;  // its reciprocal is still finite
  if (p < kNothing) return q * std::numbers::ln2;
  const double log_m_over_p = std::log1p((q - p) / (2 * p));
  const double of_q = q == 0 ? 0 : q * (log_q_over_p - log_m_over_p);
  return of_q - p * log_m_over_p;
}

}  // namespace

Distribution Softmax(std::span<const double> logits) {
  if (logits.empty()) throw InternalError("softmax of no logits");
  const double highest = *std::max_element(logits.begin(), logits.end());
  Distribution d;
  d.p.resize(logits.size());
  d.log_p.resize(logits.size());
  double sum = 0;
  for (size_t i = 0; i < logits.size(); ++i)
    sum += d.p[i] = std::exp(logits[i] - highest);
  const double log_sum = std::log(sum);
  for (size_t i = 0; i < logits.size(); ++i) {
    d.p[i] /= sum;
    d.log_p[i] = logits[i] - highest - log_sum;
  }
  return d;
}

TokenShift ShiftBetween(const Distribution& from, const Distribution& to) {
  if (from.p.size() != to.p.size())
    throw InternalError("distributions over different vocabularies");
  TokenShift shift;
  double total = 0;  // NaN when any entry is
  for (size_t i = 0; i < from.p.size(); ++i) {
    const double p = from.p[i], q = to.p[i],
                 log_q_over_p = to.log_p[i] - from.log_p[i];
    total += p + q;
    if (p > 0) shift.kl -= p * log_q_over_p;
    if (p > 0 || q > 0) shift.js += JensenShannonPart(p, q, log_q_over_p) / 2;
  }
  if (std::isnan(total)) return {kUnknown, kUnknown, false};
  shift.kl = Within(shift.kl, 0, std::numeric_limits<double>::infinity());
  shift.js = Within(shift.js, 0, std::numbers::ln2);
  const auto top = [](const std::vector<double>& p) {
    return std::max_element(p.begin(), p.end()) - p.begin();
  };
  shift.top_flipped = top(from.p) != top(to.p);
  return shift;
}

}  // namespace plastometer::stats
