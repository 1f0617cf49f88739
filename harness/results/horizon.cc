#include "harness/results/horizon.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "harness/results/works.h"

namespace plastometer {
namespace {

constexpr std::string_view kReset = ";reset-every=";

// 0: has other controls, or none.
int64_t ResetOf(const ProfileRecord& profile) {
  if (!profile.controls.starts_with(kReset)) return 0;
  const std::string number = profile.controls.substr(kReset.size());
  if (number.empty() ||
      number.find_first_not_of("0123456789") != std::string::npos ||
      number.size() > 12)
    return 0;
  return std::stoll(number);
}

// The name without the option.
std::string BaseOf(std::string name) {
  const size_t begin = name.find(kReset);
  if (begin == std::string::npos) return "";
  const size_t end = std::min(name.find(';', begin + 1), name.size());
  return name.erase(begin, end - begin);
}

}  // namespace

std::vector<HorizonCurve> HorizonCurves(const RunRecord& record,
                                        std::span<const size_t> windows) {
  const auto seed = static_cast<uint64_t>(record.seed);
  const WorkSums works = SumByWork(record, windows);
  const auto share = [&](size_t p) {
    return Retention(works, p, record.uniform_idx, record.frozen_idx, seed);
  };
  std::map<size_t, HorizonCurve> curves;
  for (size_t p = 0; p < record.profiles.size(); ++p) {
    const int64_t tokens = ResetOf(record.profiles[p]);
    const auto base = FindProfile(record, BaseOf(record.profiles[p].name));
    if (tokens == 0 || !base) continue;
    HorizonCurve& curve = curves[*base];
    curve.points.push_back(
        {tokens, p, share(p), LostAgainst(works, p, *base, seed)});
  }
  std::vector<HorizonCurve> ordered;
  for (auto& [base, curve] : curves) {
    curve.base = base;
    curve.base_share = share(base);
    std::ranges::stable_sort(curve.points, {}, &HorizonPoint::reset_every);
    ordered.push_back(std::move(curve));
  }
  std::ranges::stable_sort(ordered, [&](const auto& a, const auto& b) {
    return (a.base == record.uniform_idx) > (b.base == record.uniform_idx);
  });
  return ordered;
}

std::optional<HorizonSplit> SplitOfGain(const Results& results) {
  const RunRecord& record = results.record;
  const std::vector<size_t> windows = AllWindows(record);
  const auto curves = HorizonCurves(record, windows);
  if (curves.empty() || curves[0].base != record.uniform_idx)
    return std::nullopt;
  const HorizonPoint* rung = nullptr;
  for (const HorizonPoint& point : curves[0].points)
    if (point.reset_every <= kShortRangeTokens) rung = &point;
  if (rung == nullptr) return std::nullopt;
  const auto seed = static_cast<uint64_t>(record.seed);
  const WorkSums works = SumByWork(record, windows);
  return HorizonSplit{
      rung->reset_every,
      LostAgainst(works, record.frozen_idx, rung->profile, seed), rung->lost};
}

std::optional<Measured> OwnDocument(const Results& results) {
  if (results.conditions.empty() ||
      results.conditions.front().name != kOwnDocument)
    return std::nullopt;
  for (const ConditionResult& c : results.conditions)
    if (c.name == kOtherDocument)
      return c.rows[results.record.uniform_idx].change_beyond_frozen;
  return std::nullopt;
}

}  // namespace plastometer
