#include "harness/run/conditions.h"

#include <algorithm>
#include <string>

#include "harness/base/error.h"
#include "harness/run/works.h"

namespace plastometer {
namespace {

struct Group {
  std::string name;
  std::vector<size_t> windows;
  WorkSums sums;
};

std::vector<Group> GroupByCondition(const RunRecord& record) {
  std::vector<Group> groups;
  for (size_t w = 0; w < record.windows.size(); ++w) {
    const std::string& name = record.windows[w].condition;
    if (name.empty()) continue;
    auto at = std::find_if(groups.begin(), groups.end(),
                           [&](const Group& g) { return g.name == name; });
    if (at == groups.end()) at = groups.insert(at, {name, {}, {}});
    at->windows.push_back(w);
  }
  return groups;
}

// Row 0: sum of the rows named first, row 1: of those named second.
Measured Difference(const WorkSums& shape,
                    const std::vector<const std::vector<double>*>& plus,
                    const std::vector<const std::vector<double>*>& minus,
                    uint64_t seed) {
  WorkSums two;
  two.tokens = shape.tokens;
  for (const auto& rows : {plus, minus}) {
    two.nll.emplace_back(shape.tokens.size(), 0.0);
    for (const std::vector<double>* row : rows)
      for (size_t i = 0; i < row->size(); ++i) two.nll.back()[i] += (*row)[i];
  }
  return LostAgainst(two, 0, 1, seed);
}

// Bins of the scored text, counted from its first token.
std::vector<PositionBin> Positions(const RunRecord& record,
                                   const Group& group) {
  std::vector<PositionBin> bins;
  for (const size_t w : group.windows) {
    const WindowRecord& window = record.windows[w];
    int64_t place = 0;
    ForEachScored(window, [&](int64_t t) {
      size_t bin = 0;
      while (place >= int64_t{16} << bin) ++bin;
      while (bins.size() <= bin) {
        const int64_t from = bins.empty() ? 0 : bins.back().to;
        bins.push_back({from, int64_t{16} << bins.size(), 0,
                        std::vector<double>(record.profiles.size(), 0)});
      }
      ++bins[bin].scored_tokens;
      for (size_t p = 0; p < record.profiles.size(); ++p)
        bins[bin].nll_nats[p] +=
            record.profiles[p].nll[window.loss_begin + t - 1];
      ++place;
    });
  }
  for (PositionBin& bin : bins)
    for (double& nats : bin.nll_nats)
      nats /= static_cast<double>(bin.scored_tokens);
  return bins;
}

}  // namespace

std::vector<ConditionResult> SummariseConditions(const RunRecord& record) {
  std::vector<Group> groups = GroupByCondition(record);
  std::vector<ConditionResult> results;
  const auto seed = static_cast<uint64_t>(record.seed);
  for (Group& group : groups) group.sums = SumByWork(record, group.windows);
  for (const Group& group : groups) {
    const WorkSums &sums = group.sums, &first = groups[0].sums;
    if (sums.tokens != first.tokens)
      throw InvalidError("conditions '" + groups[0].name + "' and '" +
                         group.name +
                         "' do not score the same tokens of the same works");
    ConditionResult result;
    result.name = group.name;
    result.num_windows = static_cast<int64_t>(group.windows.size());
    result.num_works = static_cast<int64_t>(sums.num_works());
    for (const double tokens : sums.tokens)
      result.scored_tokens += static_cast<int64_t>(tokens);
    const size_t frozen = record.frozen_idx;
    for (size_t p = 0; p < record.profiles.size(); ++p)
      result.rows.push_back(
          {MeanOverWorks(sums, p, seed),
           Difference(sums, {&sums.nll[p]}, {&first.nll[p]}, seed),
           Difference(sums, {&sums.nll[p], &first.nll[frozen]},
                      {&first.nll[p], &sums.nll[frozen]}, seed)});
    result.positions = Positions(record, group);
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace plastometer
