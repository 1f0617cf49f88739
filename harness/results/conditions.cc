#include "harness/results/conditions.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/error.h"
#include "harness/results/works.h"

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

// The profile's gain after a condition, as a share of uniform's after the
// first.
Measured ShareLeft(const RunRecord& record, const WorkSums& first,
                   const WorkSums& sums, size_t profile) {
  const std::vector<double>& frozen = first.nll[record.frozen_idx];
  const std::vector<double> gain =
      Minus(sums.nll[record.frozen_idx], sums.nll[profile]);
  WorkSums three{first.tokens,
                 {Minus(frozen, gain), first.nll[record.uniform_idx], frozen}};
  return Retention(three, 0, 1, 2, static_cast<uint64_t>(record.seed));
}

int64_t PlaceBegin(size_t octave) {
  return octave == 0 ? 0 : int64_t{8} << octave;
}

size_t PlaceOctave(int64_t place) {
  size_t octave = 0;
  while (place >= PlaceBegin(octave + 1)) ++octave;
  return octave;
}

// Sums by work within each octave of places.
std::vector<WorkSums> SumByPlace(const RunRecord& record, const Group& group) {
  const std::map<std::string, size_t> works = WorkPlaces(record, group.windows);
  const std::vector<double> none(works.size(), 0);
  std::vector<WorkSums> octaves;
  for (const size_t w : group.windows) {
    const WindowRecord& window = record.windows[w];
    const size_t work = works.at(WorkKey(window));
    int64_t place = 0;
    ForEachScored(window, [&](int64_t t) {
      const size_t k = PlaceOctave(place++);
      while (octaves.size() <= k)
        octaves.push_back({none, {record.profiles.size(), none}});
      octaves[k].tokens[work] += 1;
      for (size_t p = 0; p < record.profiles.size(); ++p)
        octaves[k].nll[p][work] +=
            record.profiles[p].nll[window.loss_begin + t - 1];
    });
  }
  return octaves;
}

void CheckSameTokens(const Group& first, const Group& group,
                     const std::vector<double>& tokens_of_first,
                     const std::vector<double>& tokens) {
  if (tokens != tokens_of_first)
    throw InvalidError("conditions '" + first.name + "' and '" + group.name +
                       "' do not score the same tokens of the same works");
}

// Bins of the scored text, counted from its first token.
std::vector<PositionBin> Positions(const RunRecord& record,
                                   const Group& group) {
  std::vector<PositionBin> bins;
  for (const size_t w : group.windows) {
    const WindowRecord& window = record.windows[w];
    int64_t place = 0;
    ForEachScored(window, [&](int64_t t) {
      const size_t bin = PlaceOctave(place);
      while (bins.size() <= bin) {
        const size_t next = bins.size();
        bins.push_back({PlaceBegin(next), PlaceBegin(next + 1), 0,
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
    CheckSameTokens(groups[0], group, first.tokens, sums.tokens);
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

std::vector<ConditionChange> ChangesByPlace(const RunRecord& record) {
  const std::vector<Group> groups = GroupByCondition(record);
  std::vector<ConditionChange> changes;
  if (groups.empty()) return changes;
  const std::vector<WorkSums> first = SumByPlace(record, groups[0]);
  for (size_t g = 1; g < groups.size(); ++g) {
    const std::vector<WorkSums> sums = SumByPlace(record, groups[g]);
    ConditionChange change{groups[g].name, {}};
    for (size_t k = 0; k < std::max(first.size(), sums.size()); ++k) {
      static const std::vector<double> kNone;
      CheckSameTokens(groups[0], groups[g],
                      k < first.size() ? first[k].tokens : kNone,
                      k < sums.size() ? sums[k].tokens : kNone);
      PlaceChange place{PlaceBegin(k), PlaceBegin(k + 1), {}};
      for (size_t p = 0; p < record.profiles.size(); ++p) {
        place.change.push_back(
            MeanOf(stats::Differences(Totals(sums[k], p), Totals(first[k], p)),
                   static_cast<uint64_t>(record.seed)));
        place.share.push_back(ShareLeft(record, first[k], sums[k], p));
      }
      change.places.push_back(std::move(place));
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

Recovery RecoveryOf(const ConditionChange& condition, size_t profile) {
  Recovery recovery;
  for (auto place = condition.places.rbegin(); place != condition.places.rend();
       ++place) {
    const Measured& change = place->change[profile];
    if (!change.low) return {};
    recovery.known = true;
    if (*change.low > 0) break;
    recovery.tokens = place->from;
  }
  return recovery;
}

}  // namespace plastometer
