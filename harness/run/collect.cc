#include "harness/run/collect.h"

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>

#include "base/allocator.h"
#include "base/counters.h"
#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "harness/pins/pins.h"
#include "harness/results/window_losses.h"
#include "harness/run/planned_record.h"
#include "model/cost/cost.h"

namespace plastometer {
namespace {

bool SameLosses(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

void CheckUnit(const RunPlan& plan, const UnitId& id, const JournalUnit& unit,
               const std::string& source) {
  const RunRecord& r = plan.groups[id.group_idx].record;
  const int64_t expected = r.windows[id.window_idx].num_tokens - 1;
  if (unit.loss_bytes != plan.groups[id.group_idx].loss_bytes)
    throw InvalidError(source + ": " + UnitName(plan, id) + " has losses of " +
                       std::to_string(unit.loss_bytes) + " bytes; expected " +
                       std::to_string(plan.groups[id.group_idx].loss_bytes));
  if (static_cast<int64_t>(unit.nll.size()) != expected ||
      static_cast<size_t>(unit.batch_idx) >= r.profiles.front().times.size())
    throw InvalidError(source + ": " + UnitName(plan, id) + " has " +
                       std::to_string(unit.nll.size()) + " losses in batch " +
                       std::to_string(unit.batch_idx) + "; expected " +
                       std::to_string(expected));
  if (unit.correct.size() != (r.accuracy ? unit.nll.size() : 0))
    throw InvalidError(
        source + ": " + UnitName(plan, id) + " says of " +
        std::to_string(unit.correct.size()) +
        " tokens whether they were the most probable; expected " +
        (r.accuracy ? std::to_string(expected) : "none"));
}

// Counters are a matter of case and length: by the formulas where the plan's
// code is this program's and the case's name says what it is, else those of the
// first such unit.
class CounterCheck {
 public:
  explicit CounterCheck(const RunPlan& plan) : plan_(plan) {}

  void Check(const UnitId& id, const JournalUnit& unit,
             const std::string& source) {
    const int64_t num_tokens =
        plan_.groups[id.group_idx].record.windows[id.window_idx].num_tokens;
    const auto [at, is_new] =
        known_.try_emplace({id.group_idx, id.profile_idx, num_tokens});
    if (is_new) at->second = ByFormula(id, num_tokens).value_or(unit.counters);
    if (unit.counters == at->second && unit.counters.tokens == num_tokens)
      return;
    for (const auto& [name, value] : kCounterFields)
      if (unit.counters.*value != at->second.*value)
        throw InvalidError(source + ": " + UnitName(plan_, id) + " has \"" +
                           name + "\" " + std::to_string(unit.counters.*value) +
                           "; expected " + std::to_string(at->second.*value) +
                           " for " + std::to_string(num_tokens) + " tokens");
    throw InvalidError(source + ": " + UnitName(plan_, id) + " counts " +
                       std::to_string(unit.counters.tokens) +
                       " tokens; expected " + std::to_string(num_tokens));
  }

 private:
  std::optional<Counters> ByFormula(const UnitId& id,
                                    int64_t num_tokens) const {
    const PlannedGroup& group = plan_.groups[id.group_idx];
    const CasePins& pins = group.cases[id.profile_idx];
    // A name that is a file's is not opened: somebody sent it.
    if (plan_.code_tree != CodeTree() || pins.profile.starts_with("file:"))
      return std::nullopt;
    try {
      const ModelConfig config = ConfigFromJson(
          ParseJson(group.record.model_config_json, "model_config"),
          "model_config");
      const Profile profile = Profile::Parse(pins.profile, config.num_layers);
      if (CanonicalLambdas(profile, "") != pins.profile_lambdas)
        return std::nullopt;
      return CountersByFormula(config, profile, 1, num_tokens);
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  const RunPlan& plan_;
  std::map<std::tuple<size_t, size_t, int64_t>, Counters> known_;
};

// Every unit and trace of the journals, by place.
struct Pieces {
  std::map<UnitId, JournalUnit*> units;
  std::map<UnitId, const JournalTrace*> traces;
};

void CheckHeaders(const RunPlan& plan, const NamedJournals& journals) {
  const std::string plan_sha256 = plan.sha256();
  std::map<int64_t, std::string> shards;
  for (const auto& [source, journal] : journals) {
    const JournalHeader& h = journal.header;
    if (h.plan_sha256 != plan_sha256)
      throw InvalidError(source + " is of plan " + h.plan_sha256.substr(0, 16) +
                         ", expected plan " + plan_sha256.substr(0, 16));
    const int64_t num_shards = journals[0].second.header.num_shards;
    if (h.num_shards != num_shards)
      throw InvalidError(source + " is one of " + std::to_string(h.num_shards) +
                         " shards, " + journals[0].first + " one of " +
                         std::to_string(num_shards));
    const auto [at, is_new] = shards.emplace(h.shard_idx, source);
    if (!is_new)
      throw InvalidError(source + " and " + at->second + " are both shard " +
                         std::to_string(h.shard_idx) + " of " +
                         std::to_string(h.num_shards));
  }
}

Pieces Sort(const RunPlan& plan, NamedJournals& journals) {
  Pieces pieces;
  CounterCheck counters(plan);
  for (auto& [source, journal] : journals) {
    for (JournalUnit& unit : journal.units) {
      const UnitId id = CheckedId(plan, unit, source);
      CheckUnit(plan, id, unit, source);
      counters.Check(id, unit, source);
      const auto [known, fresh] = pieces.units.emplace(id, &unit);
      if (!fresh && (!SameLosses(known->second->nll, unit.nll) ||
                     known->second->correct != unit.correct))
        throw InvalidError(source + ": " + UnitName(plan, id) +
                           " is there twice with different losses");
    }
    for (const JournalTrace& trace : journal.traces) {
      const UnitId id = CheckedId(plan, trace, source);
      if (trace.trace.windows.size() != 1)
        throw InvalidError(source + ": the trace of " + UnitName(plan, id) +
                           " has " +
                           std::to_string(trace.trace.windows.size()) +
                           " windows; expected 1");
      pieces.traces.emplace(id, &trace);
    }
  }
  return pieces;
}

// In the portable class the traced pass, in half mini-batches, has the losses
// of the whole pass: both are kept, and a difference is named.
void AddTraced(const RunPlan& plan, const UnitId& id,
               const std::vector<double>& nll, const WindowTrace& traced,
               Collected& collected, WindowTrace& window) {
  const bool portable =
      plan.groups[id.group_idx].numeric_class == kPortableClass;
  if (portable && window.block_digests != traced.block_digests)
    collected.inconsistent.push_back(UnitName(plan, id));
  window.nll = portable ? traced.nll : nll;
  window.row_digests = traced.row_digests;
  window.state_digests = traced.state_digests;
  window.probe = traced.probe;
}

Trace CollectCase(const RunPlan& plan, const Pieces& pieces, size_t g, size_t p,
                  Collected& collected, RunRecord& record) {
  const PlannedGroup& group = plan.groups[g];
  Trace trace{group.num_layers, group.num_heads, group.loss_bytes, {}};
  for (size_t w = 0; w < record.windows.size(); ++w) {
    const UnitId id{g, p, w};
    JournalUnit& u = *pieces.units.at(id);
    const UnitResult result{p,
                            w,
                            static_cast<size_t>(u.batch_idx),
                            u.batch_windows,
                            u.batch_seconds,
                            u.working_bytes,
                            u.counters,
                            std::move(u.nll),
                            std::move(u.correct)};
    AddUnit(result, record);
    WindowTrace window = SummariseLosses(result.nll, group.loss_bytes);
    if (IsTraced(plan, id))
      AddTraced(plan, id, result.nll, pieces.traces.at(id)->trace.windows.at(0),
                collected, window);
    trace.windows.push_back(std::move(window));
  }
  return trace;
}

std::vector<std::string> MissingUnits(const RunPlan& plan,
                                      const Pieces& pieces) {
  std::vector<std::string> missing;
  for (size_t g = 0; g < plan.groups.size(); ++g)
    for (size_t p = 0; p < plan.groups[g].cases.size(); ++p)
      for (size_t w = 0; w < plan.groups[g].record.windows.size(); ++w) {
        const UnitId id{g, p, w};
        if (!pieces.units.contains(id) ||
            (IsTraced(plan, id) && !pieces.traces.contains(id)))
          missing.push_back(UnitName(plan, id));
      }
  return missing;
}

}  // namespace

std::string UnitName(const RunPlan& plan, const UnitId& id) {
  return plan.groups[id.group_idx].cases[id.profile_idx].name + " window " +
         std::to_string(id.window_idx);
}

bool IsTraced(const RunPlan& plan, const UnitId& id) {
  const PlannedGroup& group = plan.groups[id.group_idx];
  return plan.traced && group.record.profiles[id.profile_idx].asked &&
         static_cast<int64_t>(id.window_idx) <
             group.cases[id.profile_idx].traced_windows;
}

UnitId CheckedId(const RunPlan& plan, int64_t group, int64_t profile,
                 int64_t window, const std::string& key,
                 const std::string& source) {
  const UnitId id{static_cast<size_t>(group), static_cast<size_t>(profile),
                  static_cast<size_t>(window)};
  const bool known =
      id.group_idx < plan.groups.size() &&
      id.profile_idx < plan.groups[id.group_idx].cases.size() &&
      id.window_idx < plan.groups[id.group_idx].record.windows.size();
  if (!known ||
      key != UnitKey(plan, id.group_idx, id.profile_idx, id.window_idx))
    throw InvalidError(
        source + ": the record of group " + std::to_string(group) +
        ", profile " + std::to_string(profile) + ", window " +
        std::to_string(window) + " has key " + key.substr(0, 16) +
        "; it is not of this plan (pins, class or code "
        "differ)");
  return id;
}

void CheckAllShards(const NamedJournals& journals) {
  constexpr int kNamed = 10;
  const auto& [first, journal] = journals.front();
  const int64_t num_shards = journal.header.num_shards;
  const int64_t num_missing = num_shards - std::ssize(journals);
  if (num_missing == 0) return;
  std::set<int64_t> there;
  for (const auto& [source, j] : journals) there.insert(j.header.shard_idx);
  std::string list;
  int named = 0;
  for (int64_t i = 0; i < num_shards && named < kNamed; ++i) {
    if (there.contains(i)) continue;
    list += (named++ == 0 ? " " : ", ") + std::to_string(i) + "/" +
            std::to_string(num_shards);
  }
  if (num_missing > named)
    list += " and " + std::to_string(num_missing - named) + " more";
  throw InvalidError(std::string("merge: shard") +
                     (num_missing == 1 ? list + " is" : "s" + list + " are") +
                     " missing (" + first + " is one of " +
                     std::to_string(num_shards) + ")");
}

Collected Collect(const RunPlan& plan, NamedJournals& journals) {
  CheckHeaders(plan, journals);
  const Pieces pieces = Sort(plan, journals);
  Collected collected;
  // Before there is room for losses: a plan may speak of any number.
  collected.missing = MissingUnits(plan, pieces);
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    RunRecord record = plan.groups[g].record;
    if (!collected.missing.empty()) {
      collected.records.push_back(std::move(record));
      continue;
    }
    const WindowRecord& last = record.windows.back();
    collected.traces.emplace_back();
    for (size_t p = 0; p < plan.groups[g].cases.size(); ++p) {
      ProfileRecord& profile = record.profiles[p];
      profile.nll.resize(
          static_cast<size_t>(last.loss_begin + last.num_tokens - 1));
      if (record.accuracy) profile.correct.resize(profile.nll.size());
      collected.traces.back().push_back(
          CollectCase(plan, pieces, g, p, collected, record));
      ReturnFreedMemory();
    }
    collected.records.push_back(std::move(record));
  }
  return collected;
}

std::vector<UnitId> AskedCases(const RunPlan& plan) {
  std::vector<UnitId> cases;
  for (size_t g = 0; g < plan.groups.size(); ++g)
    for (size_t p = 0; p < plan.groups[g].cases.size(); ++p)
      if (plan.groups[g].record.profiles[p].asked) cases.push_back({g, p, 0});
  return cases;
}

Golden MakeCandidate(const RunPlan& plan, const Collected& collected,
                     size_t group_idx, size_t profile_idx) {
  const PlannedGroup& group = plan.groups[group_idx];
  const RunRecord& record = collected.records[group_idx];
  const ProfileRecord& profile = record.profiles[profile_idx];
  Golden golden;
  golden.pins = group.cases[profile_idx];
  golden.trace = collected.traces[group_idx][profile_idx];
  CaseMetrics& m = golden.metrics;
  m.numeric_class = group.numeric_class;
  m.lane = record.lane;
  m.code_tree = plan.code_tree;
  m.environment = group.environment;
  Counters counters;
  int64_t scored_bytes = 0, scored = 0;
  double nll_sum = 0;
  std::string losses;
  for (size_t w = 0; w < record.windows.size(); ++w) {
    counters += profile.counters[w];
    scored_bytes += record.windows[w].scored_bytes;
    nll_sum += record.windows[w].scored.empty()
                   ? golden.trace.windows[w].nll_sum
                   : WindowSum(profile, record.windows[w]);
    scored += record.windows[w].num_scored();
    for (const uint64_t digest : golden.trace.windows[w].block_digests)
      losses.append(reinterpret_cast<const char*>(&digest), sizeof digest);
  }
  m.counts = {{"windows", static_cast<int64_t>(record.windows.size())},
              {"scored_tokens", scored},
              {"scored_bytes", scored_bytes}};
  for (const auto& [name, value] : kCounterFields)
    m.counts[name] = counters.*value;
  m.values = {{"nll_sum_nats", nll_sum},
              {"nll_nats", nll_sum / static_cast<double>(scored)}};
  m.hashes = {{"block_digests_sha256", Sha256Hex(losses)}};
  return golden;
}

}  // namespace plastometer
