#include "harness/stats/rank.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "base/error.h"
#include "harness/stats/basic.h"

namespace plastometer::stats {

std::vector<double> Ranks(std::span<const double> values) {
  std::vector<size_t> order;
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::isnan(values[i])) order.push_back(i);
  std::ranges::sort(order,
                    [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size(), kUnknown);
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]])
      ++end;
    const double rank = (static_cast<double>(begin + end) + 1) / 2;
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
  }
  return ranks;
}

double LaggedCorrelation(std::span<const double> a, std::span<const double> b,
                         int64_t lag) {
  if (a.size() != b.size()) throw InternalError("a correlation of two lengths");
  const auto n = static_cast<int64_t>(a.size());
  const int64_t begin = std::max<int64_t>(0, -lag), end = std::min(n, n - lag);
  double sum_a = 0, sum_b = 0;
  int64_t pairs = 0;
  const auto known = [&](int64_t t) {
    return !std::isnan(a[t]) && !std::isnan(b[t + lag]);
  };
  for (int64_t t = begin; t < end; ++t) {
    if (!known(t)) continue;
    sum_a += a[t];
    sum_b += b[t + lag];
    ++pairs;
  }
  if (pairs < 3) return kUnknown;
  const double mean_a = sum_a / static_cast<double>(pairs),
               mean_b = sum_b / static_cast<double>(pairs);
  double aa = 0, ab = 0, bb = 0;
  for (int64_t t = begin; t < end; ++t) {
    if (!known(t)) continue;
    const double x = a[t] - mean_a, y = b[t + lag] - mean_b;
    aa += x * x;
    ab += x * y;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : kUnknown;
}

double RankCorrelation(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size())
    throw InternalError("a rank correlation of two lengths");
  std::vector<double> x(a.begin(), a.end()), y(b.begin(), b.end());
  for (size_t i = 0; i < x.size(); ++i)  // ranks among the known pairs
    if (std::isnan(x[i]) || std::isnan(y[i])) x[i] = y[i] = kUnknown;
  return LaggedCorrelation(Ranks(x), Ranks(y));
}

}  // namespace plastometer::stats
