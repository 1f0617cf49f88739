#include "harness/results/drift_results.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/error.h"
#include "harness/results/works.h"
#include "harness/stats/bootstrap.h"

namespace plastometer {
namespace {

using stats::WorkTotals;
using Value = std::function<double(const DriftPoint&)>;

constexpr char kNotFinite[] = "a value is not finite";

// Works by name: neither their order nor that of windows decides a draw.
std::vector<WorkTotals> TotalsByWork(const DriftRecord& record,
                                     std::span<const DriftPoint> points,
                                     const Value& value, double weight,
                                     const std::string& domain = "all") {
  std::map<std::string, WorkTotals> works;
  for (size_t c = 0; c < points.size(); ++c) {
    if (domain != "all" && record.contexts[c].domain != domain) continue;
    WorkTotals& work = works[WorkKey(record.contexts[c])];
    work.sum += value(points[c]);
    work.weight += weight;
  }
  std::vector<WorkTotals> totals;
  for (const auto& [key, work] : works) totals.push_back(work);
  return totals;
}

double Kl(const DriftPoint& point) { return point.kl; }

double MeanDistance(const DriftPoint& point) {
  double sum = 0;
  for (const double d : point.weight_distance) sum += d;
  return sum / static_cast<double>(point.weight_distance.size());
}

std::vector<double> ByLayer(const DriftRecord& record,
                            std::span<const DriftPoint> points) {
  std::vector<double> mean(static_cast<size_t>(record.num_layers), 0);
  const auto heads = static_cast<size_t>(record.num_heads);
  for (const DriftPoint& point : points)
    for (size_t i = 0; i < point.weight_distance.size(); ++i)
      mean[i / heads] += point.weight_distance[i];
  for (double& m : mean) m /= static_cast<double>(points.size() * heads);
  return mean;
}

DriftRow Summarise(const DriftRecord& record, size_t profile, size_t position) {
  const auto points = record.At(profile, position);
  const auto predictions = static_cast<double>(record.probe_predictions);
  const auto seed = static_cast<uint64_t>(record.seed);
  const auto mean = [&](const Value& value, double weight) {
    return MeanOf(TotalsByWork(record, points, value, weight), seed,
                  kNotFinite);
  };
  DriftRow row;
  row.kl = mean(Kl, predictions);
  row.js = mean([](const DriftPoint& p) { return p.js; }, predictions);
  row.nll_change =
      mean([](const DriftPoint& p) { return p.nll_change; }, predictions);
  row.flips =
      mean([](const DriftPoint& p) { return static_cast<double>(p.flips); },
           predictions);
  row.weight_distance = mean(MeanDistance, 1);
  row.kl_against_first =
      MeanOf(KlDifferences(record, profile, 0, position), seed, kNotFinite);
  row.layer_distance = ByLayer(record, points);
  return row;
}

}  // namespace

std::optional<size_t> FindProfile(const DriftRecord& record,
                                  std::string_view name) {
  for (size_t p = 0; p < record.profiles.size(); ++p) {
    const DriftProfile& profile = record.profiles[p];
    if (profile.name == name ||
        std::ranges::find(profile.same_as, name) != profile.same_as.end())
      return p;
  }
  return std::nullopt;
}

std::vector<WorkTotals> KlDifferences(const DriftRecord& record, size_t a,
                                      size_t b, size_t position,
                                      const std::string& domain) {
  const auto predictions = static_cast<double>(record.probe_predictions);
  return stats::Differences(
      TotalsByWork(record, record.At(a, position), Kl, predictions, domain),
      TotalsByWork(record, record.At(b, position), Kl, predictions, domain));
}

int64_t DriftRecord::num_works() const {
  std::map<std::string, int> works;
  for (const DriftContext& c : contexts) works[WorkKey(c)];
  return static_cast<int64_t>(works.size());
}

std::vector<std::vector<DriftRow>> SummariseDrift(const DriftRecord& record) {
  if (record.contexts.empty() ||
      record.points.size() != record.profiles.size() * record.positions.size() *
                                  record.contexts.size())
    throw InternalError("a drift record without all of its points");
  std::vector<std::vector<DriftRow>> rows(record.profiles.size());
  for (size_t p = 0; p < rows.size(); ++p)
    for (size_t n = 0; n < record.positions.size(); ++n)
      rows[p].push_back(Summarise(record, p, n));
  return rows;
}

}  // namespace plastometer
