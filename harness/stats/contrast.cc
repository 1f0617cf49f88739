#include "harness/stats/contrast.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <string>

#include "base/error.h"
#include "base/philox.h"

namespace plastometer::stats {
namespace {

double Ratio(std::span<const WorkTotals> works) {
  double sum = 0, weight = 0;
  for (const WorkTotals& w : works) {
    sum += w.sum;
    weight += w.weight;
  }
  return weight > 0 ? sum / weight : kUnknown;
}

// Which works resample r draws.
void Draw(uint64_t seed, int r, std::vector<size_t>* drawn) {
  PhiloxStream stream(seed, static_cast<uint64_t>(r));
  for (size_t& w : *drawn)
    w = stream.NextBelow(static_cast<uint32_t>(drawn->size()));
}

// (mean* - mean) / se* of the works drawn; NaN where there is no error.
double StudentisedMean(const std::vector<WorkTotals>& works,
                       const std::vector<size_t>& drawn, double estimate,
                       std::vector<WorkTotals>* buffer) {
  for (size_t i = 0; i < drawn.size(); ++i) (*buffer)[i] = works[drawn[i]];
  const double error = StandardError(*buffer);
  return error > 0 ? (Ratio(*buffer) - estimate) / error : kUnknown;
}

// Every pattern, in Gray code: one sign changes at a time. The first work's
// sign stays, since a pattern and its opposite are equally far.
double ExactLevel(const std::vector<double>& parts, double bound) {
  const uint64_t num_patterns = uint64_t{1} << (parts.size() - 1);
  std::vector<double> sign(parts.size(), 1);
  double sum = std::accumulate(parts.begin(), parts.end(), 0.0);
  uint64_t num_as_far = std::abs(sum) >= bound ? 1 : 0;
  for (uint64_t pattern = 1; pattern < num_patterns; ++pattern) {
    const auto i = static_cast<size_t>(std::countr_zero(pattern)) + 1;
    sign[i] = -sign[i];
    sum += 2 * sign[i] * parts[i];
    num_as_far += std::abs(sum) >= bound ? 1 : 0;
  }
  return static_cast<double>(num_as_far) / static_cast<double>(num_patterns);
}

// Sums of every sign pattern of eight works at a time: a pattern of all costs
// as many additions as there are bytes of signs.
std::vector<std::array<double, 256>> SumsOfEight(
    const std::vector<double>& parts) {
  std::vector<std::array<double, 256>> tables((parts.size() + 7) / 8);
  for (size_t g = 0; g < tables.size(); ++g)
    for (size_t signs = 0; signs < 256; ++signs) {
      double sum = 0;
      for (size_t i = 0; i < 8 && 8 * g + i < parts.size(); ++i)
        sum += (signs >> i & 1) != 0 ? parts[8 * g + i] : -parts[8 * g + i];
      tables[g][signs] = sum;
    }
  return tables;
}

double SampledLevel(const std::vector<double>& parts, double bound,
                    uint64_t seed, int num_flips) {
  const auto tables = SumsOfEight(parts);
  PhiloxStream stream(seed, 0);
  int num_as_far = 1;  // the pattern seen
  for (int flip = 0; flip < num_flips; ++flip) {
    double sum = 0;
    uint32_t bits = 0;
    for (size_t g = 0; g < tables.size(); ++g) {
      if (g % 4 == 0) bits = stream.Next32();
      sum += tables[g][bits & 255];
      bits >>= 8;
    }
    num_as_far += std::abs(sum) >= bound ? 1 : 0;
  }
  return num_as_far / (1.0 + num_flips);
}

}  // namespace

std::vector<WorkTotals> Combine(std::span<const Term> terms) {
  std::vector<WorkTotals> all;
  for (const Term& term : terms) {
    if (all.empty()) {
      for (const WorkTotals& w : term.works) all.push_back({0, w.weight});
    }
    if (term.works.size() != all.size())
      throw InternalError("a contrast of " + std::to_string(all.size()) +
                          " and " + std::to_string(term.works.size()) +
                          " works; every term needs the same works");
    for (size_t i = 0; i < all.size(); ++i) {
      if (term.works[i].weight != all[i].weight)
        throw InternalError("a contrast: work " + std::to_string(i) +
                            " has two weights; every term needs the same "
                            "scored tokens");
      all[i].sum += term.coefficient * term.works[i].sum;
    }
  }
  return all;
}

Interval VerdictInterval(std::span<const WorkTotals> works, uint64_t seed,
                         int num_resamples) {
  Interval interval = WeightedMean(works, seed, num_resamples);
  if (!interval.available()) return interval;
  const std::vector<double> values = Jackknife(works);
  const auto n = static_cast<double>(values.size());
  const double error = (n - 1) * std::sqrt(Variance(values) / n);
  double weight = 0, squares = 0;
  for (const WorkTotals& w : works) {
    weight += w.weight;
    squares += w.weight * w.weight;
  }
  const double degrees = weight * weight / squares - 1;
  const double t = StudentQuantile(0.975, degrees);
  if (!std::isfinite(error) || !std::isfinite(t))  // one work holds everything
    return {.estimate = interval.estimate};
  interval.low = std::min(interval.low, interval.estimate - t * error);
  interval.high = std::max(interval.high, interval.estimate + t * error);
  return interval;
}

Verdict IsNegative(const Interval& interval) {
  if (!interval.available()) return Verdict::kUndecided;
  if (interval.high < 0) return Verdict::kYes;
  return interval.low > 0 ? Verdict::kNo : Verdict::kUndecided;
}

double SignFlipLevel(std::span<const WorkTotals> works, uint64_t seed,
                     int num_flips) {
  std::vector<double> parts;
  double seen = 0, scale = 0;
  for (const WorkTotals& w : works) {
    if (w.sum == 0 && w.weight == 0) continue;  // has nothing to say
    parts.push_back(w.sum);
    seen += w.sum;
    scale += std::abs(w.sum);
  }
  if (parts.size() < 2 || !std::isfinite(scale)) return kUnknown;
  // Sums in another order differ by rounding: as far is as far.
  const double bound = std::abs(seen) - 1e-12 * scale;
  return parts.size() <= kMaxExactSignFlips
             ? ExactLevel(parts, bound)
             : SampledLevel(parts, bound, seed, num_flips);
}

std::vector<WorkTotals> PseudoValues(
    std::span<const std::vector<double>> sums,
    const std::function<double(std::span<const double>)>& statistic) {
  const size_t n = sums.empty() ? 0 : sums.front().size();
  std::vector<double> total;
  for (const std::vector<double>& by_work : sums) {
    if (by_work.size() != n)
      throw InternalError("pseudo-values of " + std::to_string(n) + " and " +
                          std::to_string(by_work.size()) + " works");
    total.push_back(std::accumulate(by_work.begin(), by_work.end(), 0.0));
  }
  const double all = statistic(total);
  std::vector<WorkTotals> values;
  std::vector<double> rest(total.size());
  for (size_t w = 0; w < n; ++w) {
    for (size_t q = 0; q < sums.size(); ++q) rest[q] = total[q] - sums[q][w];
    const auto works = static_cast<double>(n);
    values.push_back({works * all - (works - 1) * statistic(rest), 1});
  }
  return values;
}

Interval PlaceAmong(std::span<const std::vector<WorkTotals>> means,
                    uint64_t seed, int num_resamples) {
  const size_t n = means.empty() ? 0 : means.front().size();
  std::vector<size_t> drawn(n);
  std::iota(drawn.begin(), drawn.end(), size_t{0});
  const auto place = [&] {
    const auto sum = [&](const std::vector<WorkTotals>& works) {
      if (works.size() != n)
        throw InternalError("a place among means of " + std::to_string(n) +
                            " and " + std::to_string(works.size()) + " works");
      double total = 0;
      for (const size_t w : drawn) total += works[w].sum;
      return total;
    };
    const double own = sum(means.front());
    double at = 1;
    for (const auto& other : means.subspan(1)) {
      const double x = sum(other);
      at += x < own ? 1 : x == own ? 0.5 : 0;
    }
    return at;
  };
  if (n == 0) return {};
  Interval interval{.estimate = place()};
  if (n < kMinBootstrapWorks) return interval;
  std::vector<double> places;
  for (int r = 0; r < num_resamples; ++r) {
    Draw(seed, r, &drawn);
    places.push_back(place());
  }
  interval.low = Quantile(places, 0.025);
  interval.high = Quantile(places, 0.975);
  return interval;
}

std::vector<double> HolmAdjusted(std::span<const double> levels) {
  std::vector<size_t> order;
  for (size_t i = 0; i < levels.size(); ++i)
    if (!std::isnan(levels[i])) order.push_back(i);
  std::ranges::stable_sort(
      order, [&](size_t a, size_t b) { return levels[a] < levels[b]; });
  std::vector<double> adjusted(levels.size(), kUnknown);
  double largest = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, static_cast<double>(order.size() - rank) *
                                    levels[order[rank]]);
    adjusted[order[rank]] = std::min(1.0, largest);
  }
  return adjusted;
}

int64_t CorrectTogether(std::span<Judged* const> family) {
  std::vector<double> levels;
  for (const Judged* judged : family) levels.push_back(judged->level);
  const std::vector<double> adjusted = HolmAdjusted(levels);
  int64_t num_judged = 0;
  for (size_t i = 0; i < family.size(); ++i) {
    family[i]->adjusted = adjusted[i];
    num_judged += std::isnan(adjusted[i]) ? 0 : 1;
    if (!(adjusted[i] < 0.05)) family[i]->verdict = Verdict::kUndecided;
  }
  return num_judged;
}

std::vector<Interval> SimultaneousBand(
    std::span<const std::vector<WorkTotals>> points, uint64_t seed,
    int num_resamples) {
  std::vector<Interval> band;
  std::vector<double> errors;
  for (const auto& works : points) {
    if (works.size() != points.front().size())
      throw InternalError("a band over points with " +
                          std::to_string(works.size()) + " and " +
                          std::to_string(points.front().size()) + " works");
    band.push_back({.estimate = Ratio(works)});
    errors.push_back(StandardError(works));
  }
  if (points.empty() || points.front().size() < kMinBootstrapWorks) return band;
  std::vector<WorkTotals> buffer(points.front().size());
  std::vector<size_t> drawn(buffer.size());
  std::vector<double> maxima;
  for (int r = 0; r < num_resamples; ++r) {
    Draw(seed, r, &drawn);
    double largest = 0;
    for (size_t k = 0; k < points.size(); ++k) {
      if (!(errors[k] > 0)) continue;
      const double t = std::abs(
          StudentisedMean(points[k], drawn, band[k].estimate, &buffer));
      largest = t > largest ? t : largest;  // a NaN is passed over
    }
    maxima.push_back(largest);
  }
  const double c = Quantile(maxima, 0.95);
  for (size_t k = 0; k < points.size(); ++k) {
    if (!(errors[k] > 0) || !std::isfinite(band[k].estimate)) continue;
    band[k].low = band[k].estimate - c * errors[k];
    band[k].high = band[k].estimate + c * errors[k];
  }
  return band;
}

}  // namespace plastometer::stats
