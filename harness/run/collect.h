// Journals -> records, traces and golden candidates: one journal of a whole
// run, or those of its shards in any order; the result is the same to the bit.
#pragma once
#include <compare>
#include <string>
#include <utility>
#include <vector>

#include "harness/run/journal.h"
#include "harness/run/run_plan.h"

namespace plastometer {

struct UnitId {
  size_t group_idx = 0, profile_idx = 0, window_idx = 0;
  auto operator<=>(const UnitId&) const = default;
};
std::string UnitName(const RunPlan& plan, const UnitId& id);
bool IsTraced(const RunPlan& plan, const UnitId& id);

// Throws kInvalid naming `source` unless the plan has that unit and its key is
// this.
UnitId CheckedId(const RunPlan& plan, int64_t group, int64_t profile,
                 int64_t window, const std::string& key,
                 const std::string& source);
template <class Record>  // JournalUnit or JournalTrace
UnitId CheckedId(const RunPlan& plan, const Record& record,
                 const std::string& source) {
  return CheckedId(plan, record.group_idx, record.profile_idx,
                   record.window_idx, record.key, source);
}

using NamedJournals = std::vector<std::pair<std::string, Journal>>;

struct Collected {
  std::vector<RunRecord> records;          // one a group
  std::vector<std::vector<Trace>> traces;  // [group][profile]
  // "text.uniform window 3"; none: complete. Else there are no losses and no
  // traces.
  std::vector<std::string> missing;
  // Portable units that have other losses in pieces than in one pass.
  std::vector<std::string> inconsistent;
};
// Takes the losses out of `journals`: large runs are not held twice. Throws
// kInvalid naming the journal: of another plan, a shard twice, a unit twice
// with different losses.
Collected Collect(const RunPlan& plan, NamedJournals& journals);

// Throws kInvalid that names the first of the shards that are not there, of
// `journals` that Collect took together. How many there are is their word: any
// number.
void CheckAllShards(const NamedJournals& journals);

// The cases that were asked for, group by group; window_idx is 0.
std::vector<UnitId> AskedCases(const RunPlan& plan);

// Case `profile_idx` of a group as a golden would hold it.
Golden MakeCandidate(const RunPlan& plan, const Collected& collected,
                     size_t group_idx, size_t profile_idx);

}  // namespace plastometer
