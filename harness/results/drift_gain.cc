#include "harness/results/drift_gain.h"

#include <cmath>
#include <map>
#include <utility>

#include "harness/results/works.h"
#include "harness/stats/contrast.h"

namespace plastometer {
namespace {

enum Quantity { kKl, kPredictions, kGain, kTokens, kNumQuantities };

double Ratio(std::span<const double> s) {
  return s[kKl] / s[kPredictions] / (s[kGain] / s[kTokens]);
}

}  // namespace

DriftGain::DriftGain(const DriftRecord& drift, const RunRecord& run,
                     const std::string& domain)
    : drift_(drift), run_(run) {
  std::map<std::string, Work> works;
  for (size_t c = 0; c < drift.contexts.size(); ++c)
    if (domain == "all" || drift.contexts[c].domain == domain)
      works[WorkKey(drift.contexts[c])].contexts.push_back(c);
  for (size_t w = 0; w < run.windows.size(); ++w)
    if (const auto at = works.find(WorkKey(run.windows[w])); at != works.end())
      at->second.windows.push_back(w);
  for (auto& [key, work] : works)
    if (!work.windows.empty()) works_.push_back(std::move(work));
}

std::vector<std::vector<double>> DriftGain::Sums(
    const ProfileNames& profiles) const {
  std::vector<std::vector<double>> sums(kNumQuantities,
                                        std::vector<double>(works_.size(), 0));
  for (const std::string& name : profiles) {
    const auto points =
        drift_.At(*FindProfile(drift_, name), drift_.positions.size() - 1);
    const ProfileRecord &profile = run_.profiles[*FindProfile(run_, name)],
                        &frozen = run_.profiles[run_.frozen_idx];
    for (size_t i = 0; i < works_.size(); ++i) {
      for (const size_t c : works_[i].contexts) {
        sums[kKl][i] += points[c].kl;
        sums[kPredictions][i] += static_cast<double>(drift_.probe_predictions);
      }
      for (const size_t w : works_[i].windows) {
        sums[kGain][i] += WindowSum(frozen, run_.windows[w]) -
                          WindowSum(profile, run_.windows[w]);
        sums[kTokens][i] += static_cast<double>(run_.windows[w].num_scored());
      }
    }
  }
  return sums;
}

std::string DriftGain::Missing(const ProfileNames& profiles) const {
  if (profiles.empty()) return "no such profile was measured";
  for (const std::string& name : profiles) {
    if (!FindProfile(drift_, name)) return name + " is not in the drift folder";
    if (!FindProfile(run_, name)) return name + " is not in the run";
  }
  if (works_.empty()) return "run and drift folder have no work in common";
  const auto sums = Sums(profiles);
  std::vector<stats::WorkTotals> gain;
  for (size_t i = 0; i < works_.size(); ++i)
    gain.push_back({sums[kGain][i], sums[kTokens][i]});
  const Measured mean = MeanOf(gain, static_cast<uint64_t>(run_.seed));
  if (!mean.value) return mean.reason;
  if (mean.low.value_or(*mean.value) > 0) return "";
  return profiles.front() + (profiles.size() > 1 ? " and others" : "") +
         (mean.high.value_or(*mean.value) < 0 ? " lose against frozen"
                                              : " gain nothing that is shown");
}

Measured DriftGain::PerNat(const ProfileNames& profiles) const {
  Measured m;
  m.reason = Missing(profiles);
  if (!m.reason.empty()) return m;
  m = MeanOf(stats::PseudoValues(Sums(profiles), Ratio),
             static_cast<uint64_t>(run_.seed), "a value is not finite");
  return m;
}

std::vector<stats::WorkTotals> DriftGain::Difference(
    const ProfileNames& a, const ProfileNames& b) const {
  std::vector<std::vector<double>> sums = Sums(a);
  for (auto& row : Sums(b)) sums.push_back(std::move(row));
  return stats::PseudoValues(sums, [](std::span<const double> s) {
    return Ratio(s) - Ratio(s.subspan(kNumQuantities));
  });
}

}  // namespace plastometer
