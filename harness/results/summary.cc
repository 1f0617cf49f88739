#include "harness/results/summary.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/error.h"
#include "harness/results/conditions.h"
#include "harness/results/time_ratio.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

// Index of `key` in order of first appearance.
class KeyIndex {
 public:
  size_t operator()(const std::string& key) {
    return index_.try_emplace(key, index_.size()).first->second;
  }
  size_t size() const { return index_.size(); }

 private:
  std::map<std::string, size_t> index_;
};

std::string DocumentKey(const WindowRecord& w) {
  return WorkKey(w) + '\n' + w.document;
}

// One slice's windows with their place among its documents.
struct Slice {
  std::vector<size_t> windows;
  std::vector<size_t> document_of;  // by position in `windows`
  size_t num_documents = 0, num_works = 0;
};

Slice MakeSlice(const RunRecord& record, std::vector<size_t> windows) {
  Slice slice;
  KeyIndex documents, works;
  for (size_t w : windows) {
    slice.document_of.push_back(documents(DocumentKey(record.windows[w])));
    works(WorkKey(record.windows[w]));
  }
  slice.windows = std::move(windows);
  slice.num_documents = documents.size();
  slice.num_works = works.size();
  return slice;
}

// The floor as one more row of `works`, after the profiles'. False: not all
// scored tokens have one.
bool AddFloor(SliceResult& result, WorkSums& works) {
  double total = 0;
  for (const double nats : works.floor) total += nats;
  if (std::isnan(total)) return false;
  works.nll.push_back(works.floor);
  result.floor_nats = total / static_cast<double>(result.scored_tokens);
  return true;
}

// Per document, then over documents.
double SumOverDocuments(const Slice& slice, const RunRecord& record,
                        const ProfileRecord& profile) {
  std::vector<double> documents(slice.num_documents, 0);
  for (size_t i = 0; i < slice.windows.size(); ++i) {
    documents[slice.document_of[i]] +=
        WindowSum(profile, record.windows[slice.windows[i]]);
  }
  double sum = 0;
  for (double d : documents) sum += d;
  return sum;
}

// A batch's time per token, and its tokens: ragged batches of one row are many
// and small, and must not decide.
struct WeightedTime {
  double ms, tokens;
  bool operator<(const WeightedTime& other) const { return ms < other.ms; }
};

// Linear between neighbours, as the usual quantile when all weights are equal.
double Quantile(const std::vector<WeightedTime>& sorted, double q) {
  double total = 0;
  for (const WeightedTime& t : sorted) total += t.tokens;
  const double last = sorted.back().tokens;
  if (sorted.size() == 1) return sorted.back().ms;
  const double target = q * (total - last);
  double begin = 0;
  for (size_t i = 0; i + 1 < sorted.size(); ++i) {
    const double end = begin + sorted[i].tokens;
    if (target <= end) {
      const double share = (target - begin) / sorted[i].tokens;
      return sorted[i].ms + share * (sorted[i + 1].ms - sorted[i].ms);
    }
    begin = end;
  }
  return sorted.back().ms;
}

std::optional<double> Saved(int64_t cost, int64_t uniform) {
  if (uniform == 0) return std::nullopt;
  return 1.0 - static_cast<double>(cost) / static_cast<double>(uniform);
}

void AddCosts(const RunRecord& record, const Slice& slice,
              const ProfileRecord& profile, CaseResult& row) {
  Counters uniform;
  for (size_t w : slice.windows) {
    row.counters += profile.counters[w];
    uniform += record.profiles[record.uniform_idx].counters[w];
    row.seconds += profile.window_seconds[w];
  }
  row.updates_saved = Saved(row.counters.inner_updates, uniform.inner_updates);
  row.flops_saved = Saved(row.counters.flops, uniform.flops);
  row.flops_per_token = static_cast<double>(row.counters.flops) /
                        static_cast<double>(row.counters.tokens);
}

// A share: an interval reaches no further than shares do.
Measured Accuracy(const RunRecord& record, const std::vector<size_t>& windows,
                  size_t p) {
  Measured m = MeanOf(CorrectTotals(record, windows, p),
                      static_cast<uint64_t>(record.seed));
  if (m.low) m.low = std::max(*m.low, 0.0);
  if (m.high) m.high = std::min(*m.high, 1.0);
  return m;
}

CaseResult MakeCase(const RunRecord& record, const Slice& slice,
                    const SliceResult& totals, const WorkSums& works,
                    size_t p) {
  const ProfileRecord& profile = record.profiles[p];
  const auto seed = static_cast<uint64_t>(record.seed);
  CaseResult row;
  row.profile = profile.name;
  row.same_as = profile.same_as;
  row.asked = profile.asked;
  row.is_control = profile.is_control();
  row.plastic_layers = profile.plastic_layers;
  row.nll_sum = SumOverDocuments(slice, record, profile);
  row.nll_nats = row.nll_sum / static_cast<double>(totals.scored_tokens);
  row.perplexity = std::exp(row.nll_nats);
  if (totals.scored_bytes > 0) {
    row.bits_per_byte =
        row.nll_sum /
        (std::numbers::ln2 * static_cast<double>(totals.scored_bytes));
  }
  row.nll = MeanOverWorks(works, p, seed);
  row.lost = LostAgainst(works, p, record.uniform_idx, seed);
  row.retention =
      Retention(works, p, record.uniform_idx, record.frozen_idx, seed);
  if (record.accuracy)
    row.accuracy = Accuracy(record, slice.windows, p);
  else
    row.accuracy.reason = "not measured";
  AddCosts(record, slice, profile, row);
  return row;
}

Measured PerToken(const CaseResult& row, int64_t total) {
  return {static_cast<double>(total) / static_cast<double>(row.counters.tokens),
          {},
          {},
          ""};
}

// Controls neither have a mark nor take another's.
void AddParetoMarks(const WorkSums& works, uint64_t seed,
                    std::vector<CaseResult>& cases) {
  for (const ParetoCost& cost : kParetoCosts) {
    std::vector<std::optional<double>> exact;
    std::vector<Measured> ranged;
    bool scatters = false;
    for (const CaseResult& row : cases) {
      ranged.push_back(row.is_control ? Measured{} : cost.of(row));
      exact.push_back(ranged.back().value);
      scatters = scatters || ranged.back().kind == Range::kQuartiles;
    }
    const auto marks = scatters ? RangedParetoMarks(works, ranged, seed)
                                : ParetoMarks(works, exact, seed);
    for (size_t p = 0; p < cases.size(); ++p)
      cases[p].pareto[cost.id] = marks[p];
  }
}

SliceResult SizesOf(const RunRecord& record, const Slice& slice,
                    const std::string& name) {
  SliceResult result;
  result.name = name;
  result.num_windows = static_cast<int64_t>(slice.windows.size());
  result.num_documents = static_cast<int64_t>(slice.num_documents);
  result.num_works = static_cast<int64_t>(slice.num_works);
  bool bytes_known = true;
  for (size_t w : slice.windows) {
    const WindowRecord& window = record.windows[w];
    result.tokens += window.num_tokens;
    result.scored_tokens += window.num_scored();
    bytes_known = bytes_known && window.scored_bytes >= 0;
    result.scored_bytes += window.scored_bytes;
  }
  if (!bytes_known) result.scored_bytes = -1;
  return result;
}

SliceResult MakeSliceResult(const RunRecord& record, const std::string& name,
                            std::vector<size_t> windows, bool timed) {
  const Slice slice = MakeSlice(record, std::move(windows));
  const auto seed = static_cast<uint64_t>(record.seed);
  SliceResult result = SizesOf(record, slice, name);
  WorkSums works = SumByWork(record, slice.windows);
  const bool has_floor = AddFloor(result, works);
  for (size_t p = 0; p < record.profiles.size(); ++p) {
    CaseResult& row =
        result.cases.emplace_back(MakeCase(record, slice, result, works, p));
    if (has_floor)
      row.above_floor = LostAgainst(works, p, record.profiles.size(), seed);
    else
      row.above_floor.reason = "the data has no exact law";
    if (timed) {
      const std::vector<BatchTime>& times = record.profiles[p].times;
      row.ms_per_1k_tokens = TimePerThousandTokens(times);
      row.time_ratio = TimeRatio(record, p);
      for (const BatchTime& batch : times)
        row.working_bytes = std::max(row.working_bytes, batch.working_bytes);
    } else {
      row.ms_per_1k_tokens.reason = row.time_ratio.reason =
          "batches mix domains";
    }
  }
  if (has_floor) works.nll.pop_back();
  AddParetoMarks(works, seed, result.cases);
  return result;
}

std::vector<PositionBin> EmptyBins(int64_t num_tokens, size_t num_profiles) {
  std::vector<PositionBin> bins;
  for (int64_t from = 1, to = 16; from < num_tokens; from = to, to *= 2) {
    // The published protocol's windows have 2^n + 1 tokens: no bin of one.
    if (to + 1 == num_tokens) to = num_tokens;
    bins.push_back({from, std::min(to, num_tokens), 0,
                    std::vector<double>(num_profiles, 0.0)});
  }
  return bins;
}

void AddPositions(Results& results) {
  const RunRecord& record = results.record;
  int64_t longest = 0;
  for (const WindowRecord& w : record.windows)
    longest = std::max(longest, w.num_tokens);
  results.positions = EmptyBins(longest, record.profiles.size());
  for (const WindowRecord& w : record.windows) {
    if (w.num_tokens != longest) continue;
    ++results.num_position_windows;
    for (PositionBin& bin : results.positions) {
      ForEachScored(w, [&](int64_t t) {
        if (t < bin.from || t >= bin.to) return;
        ++bin.scored_tokens;
        for (size_t p = 0; p < record.profiles.size(); ++p)
          bin.nll_nats[p] += record.profiles[p].nll[w.loss_begin + t - 1];
      });
    }
  }
  std::erase_if(results.positions,
                [](const PositionBin& bin) { return bin.scored_tokens == 0; });
  for (PositionBin& bin : results.positions) {
    for (double& sum : bin.nll_nats)
      sum /= static_cast<double>(bin.scored_tokens);
  }
}

// Of a generated task whose answers alone are scored: how far from what is
// asked for they can stand.
void AddAnswersByPlace(Results& results) {
  const RunRecord& record = results.record;
  const auto partly = [](const WindowRecord& w) { return !w.scored.empty(); };
  if (!results.all.floor_nats || !std::ranges::all_of(record.windows, partly))
    return;
  const std::vector<size_t> windows = AllWindows(record);
  for (PositionBin& bin : results.positions) {
    const WorkSums works = SumByWork(record, windows, bin.from, bin.to);
    for (size_t p = 0; p < record.profiles.size(); ++p)
      bin.answers.push_back(
          MeanOverWorks(works, p, static_cast<uint64_t>(record.seed)));
  }
}

}  // namespace

Measured TimePerThousandTokens(const std::vector<BatchTime>& times) {
  std::vector<WeightedTime> ms;
  for (const BatchTime& t : times) {
    const auto tokens = static_cast<double>(t.tokens);
    if (t.tokens > 0 && t.seconds > 0)
      ms.push_back({t.seconds * 1e6 / tokens, tokens});
  }
  Measured result;
  result.kind = Range::kQuartiles;
  if (ms.empty()) {
    result.reason = "not timed";
    return result;
  }
  std::sort(ms.begin(), ms.end());
  result.value = Quantile(ms, 0.5);
  if (ms.size() < 3) {
    result.reason = "fewer than 3 batches: no spread";
  } else {
    result.low = Quantile(ms, 0.25);
    result.high = Quantile(ms, 0.75);
  }
  return result;
}

const std::array<ParetoCost, 4> kParetoCosts = {
    {{"flops",
      [](const CaseResult& row) { return PerToken(row, row.counters.flops); }},
     {"inner_updates",
      [](const CaseResult& row) {
        return PerToken(row, row.counters.inner_updates);
      }},
     {"ms_per_1k_tokens", [](const CaseResult& row) { return row.time_ratio; }},
     {"adaptive_state_bytes", [](const CaseResult& row) {
        return Measured{
            static_cast<double>(row.counters.adaptive_state_bytes), {}, {}, ""};
      }}}};

std::string SchemaNote(int64_t version, const std::string& file) {
  const std::string writes =
      "this program writes " + std::to_string(kResultsSchemaVersion);
  const std::string met = file + ": schema " + std::to_string(version) + "; ";
  if (version < 1 || version > kResultsSchemaVersion)
    throw InvalidError(met + writes + " and reads those from 1 on");
  return version == kResultsSchemaVersion
             ? ""
             : met + writes + " (docs/columns.md says what differs)";
}

Results Summarise(RunRecord record) {
  Results results;
  results.record = std::move(record);
  const RunRecord& r = results.record;
  std::vector<size_t> all;
  KeyIndex index;
  std::vector<std::pair<std::string, std::vector<size_t>>> domains;
  for (size_t w = 0; w < r.windows.size(); ++w) {
    all.push_back(w);
    const size_t d = index(r.windows[w].domain);
    if (d == domains.size())
      domains.emplace_back(r.windows[w].domain, std::vector<size_t>{});
    domains[d].second.push_back(w);
  }
  results.all = MakeSliceResult(r, kAllText, std::move(all), true);
  for (auto& [name, windows] : domains)
    results.domains.push_back(
        MakeSliceResult(r, name, std::move(windows), false));
  AddPositions(results);
  AddAnswersByPlace(results);
  results.conditions = SummariseConditions(r);
  return results;
}

}  // namespace plastometer
