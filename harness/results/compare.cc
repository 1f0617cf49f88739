#include "harness/results/compare.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "base/error.h"
#include "base/text.h"
#include "harness/results/works.h"
#include "harness/stats/ratio.h"

namespace plastometer {
namespace {

using Windows = std::vector<size_t>;

std::optional<double> Exp(const std::optional<double>& nats) {
  return nats ? std::optional(std::exp(*nats)) : std::nullopt;
}

std::string Both(const std::string& a, const std::string& b) {
  return "A has " + (a.empty() ? "none" : a) + ", B has " +
         (b.empty() ? "none" : b);
}

auto Place(const WindowRecord& w) {
  return std::tie(w.source, w.domain, w.work, w.document, w.condition,
                  w.first_token);
}

// By text, so that the order in a run decides nothing.
Windows Ordered(const RunRecord& record) {
  Windows windows = AllWindows(record);
  std::ranges::stable_sort(windows, [&](size_t x, size_t y) {
    return Place(record.windows[x]) < Place(record.windows[y]);
  });
  return windows;
}

std::string ScoredText(const WindowRecord& w) {
  return std::to_string(w.num_scored()) + " scored of " +
         std::to_string(w.num_tokens) + " tokens" +
         (w.scored.empty()
              ? ""
              : " in " + std::to_string(w.scored.size()) + " ranges");
}

std::string DataText(const RunRecord& r) {
  return r.data_name + " (sha256 of the windows " +
         r.data_sha256.substr(0, 12) + ", " + std::to_string(r.windows.size()) +
         " windows, context " + std::to_string(r.context_tokens) +
         ", tokenizer " + r.tokenizer_name + " " +
         r.tokenizer_sha256.substr(0, 12) + ")";
}

void CheckSameData(const RunRecord& a, const RunRecord& b) {
  if (a.data_sha256 == b.data_sha256 && a.windows.size() == b.windows.size())
    return;
  std::string why =
      "compare: the runs read other windows, which have no partners: " +
      Both(DataText(a), DataText(b));
  if (a.tokenizer_sha256 != b.tokenizer_sha256)
    why +=
        "; with two tokenizers windows end at other words, and losses are of "
        "other pieces of text: bits per byte of each run stand in its "
        "results.json";
  throw RefusedError(why + "; expected the same --data, --slice or --task");
}

void CheckSameTokens(const RunRecord& a, const Windows& in_a,
                     const RunRecord& b, const Windows& in_b) {
  for (size_t i = 0; i < in_a.size(); ++i) {
    const WindowRecord &x = a.windows[in_a[i]], &y = b.windows[in_b[i]];
    const std::string where = "document " + x.document + ", token " +
                              std::to_string(x.first_token) + " on";
    if (Place(x) != Place(y))
      throw RefusedError("compare: window " + std::to_string(i) +
                         " is of other text: A has " + where +
                         ", B has document " + y.document + ", token " +
                         std::to_string(y.first_token) + " on");
    if (x.num_tokens != y.num_tokens || x.scored != y.scored)
      throw RefusedError("compare: other tokens of the window of " + where +
                         " are scored: " + Both(ScoredText(x), ScoredText(y)));
  }
}

std::vector<ComparedSetting> SettingsOf(const ComparedRun& a,
                                        const ComparedRun& b) {
  const RunRecord &x = a.record, &y = b.record;
  const auto number = [](int64_t n) { return std::to_string(n); };
  return {{"model", x.model_name, y.model_name},
          {"weights", x.model_sha256, y.model_sha256},
          {"code id", a.code_tree, b.code_tree},
          {"version", x.version, y.version},
          {"suite", a.suite, b.suite},
          {"group", a.group, b.group},
          {"lane", x.lane, y.lane},
          {"numeric class", a.numeric_class, b.numeric_class},
          {"batch", number(x.batch_size), number(y.batch_size)},
          {"threads", number(x.num_threads), number(y.num_threads)}};
}

// A profile's places in A and in B.
struct Pair {
  size_t a, b;
};

std::optional<size_t> Partner(const ProfileRecord& p, const RunRecord& in) {
  std::optional<size_t> found = FindProfile(in, p.name);
  for (size_t i = 0; !found && i < p.same_as.size(); ++i)
    found = FindProfile(in, p.same_as[i]);
  return found;
}

std::vector<Pair> AskedPairs(const RunRecord& a, const RunRecord& b,
                             const std::vector<std::string>& profiles) {
  std::vector<Pair> pairs;
  const auto find = [](const RunRecord& r, const std::string& name,
                       const char* run) {
    if (const auto at = FindProfile(r, name)) return *at;
    throw UsageError(
        "compare: run " + std::string(run) + " has no profile '" + name +
        "'; it has " +
        JoinEach(r.profiles, [](const ProfileRecord& p) { return p.name; }));
  };
  for (const std::string& name : profiles)
    pairs.push_back({find(a, name, "A"), find(b, name, "B")});
  return pairs;
}

// All that both have; those of one run alone are named.
std::vector<Pair> CommonPairs(const RunRecord& a, const RunRecord& b,
                              std::vector<std::string>& notes) {
  std::vector<Pair> pairs;
  std::vector<std::string> only_a, only_b;
  for (size_t p = 0; p < a.profiles.size(); ++p) {
    if (const auto at = Partner(a.profiles[p], b))
      pairs.push_back({p, *at});
    else
      only_a.push_back(a.profiles[p].name);
  }
  for (const ProfileRecord& p : b.profiles)
    if (!Partner(p, a)) only_b.push_back(p.name);
  if (!only_a.empty())
    notes.push_back("profiles of A alone, left out: " + Join(only_a));
  if (!only_b.empty())
    notes.push_back("profiles of B alone, left out: " + Join(only_b));
  return pairs;
}

void NoteOtherMultipliers(const ComparedRun& a, const ComparedRun& b,
                          const std::vector<Pair>& pairs,
                          std::vector<std::string>& notes) {
  if (a.multipliers.empty() || b.multipliers.empty()) return;
  for (const auto& [p, q] : pairs)
    if (a.multipliers[p] != b.multipliers[q])
      notes.push_back(a.record.profiles[p].name +
                      " is not the same in both: A " + a.multipliers[p] +
                      ", B " + b.multipliers[q]);
}

Measured Missing(const std::string& reason) {
  Measured m;
  m.reason = reason;
  return m;
}

// One slice's losses of one run, by work.
struct Side {
  const RunRecord& record;
  const Windows& windows;
  WorkSums works;
  Measured gap;
  uint64_t seed() const { return static_cast<uint64_t>(record.seed); }
};

Side SideOf(const RunRecord& record, const Windows& windows) {
  Side side{record, windows, SumByWork(record, windows), {}};
  side.gap = MeanOf(stats::Differences(Totals(side.works, record.frozen_idx),
                                       Totals(side.works, record.uniform_idx)),
                    side.seed());
  return side;
}

std::string Bounds(const Measured& m) {
  if (!m.value) return m.reason;
  if (!m.low) return "no interval: " + m.reason;
  return "[" + std::to_string(*m.low) + ", " + std::to_string(*m.high) +
         "] nats";
}

// Why there is no retention; "" where there is.
std::string NoRetention(const Measured& gap, const char* run) {
  std::string why = GapReason(gap);
  if (why.empty() && !gap.low) why = gap.reason;
  return why.empty() ? "" : std::string(run) + ": " + why + ": " + Bounds(gap);
}

Measured RetentionChange(const Side& a, const Side& b, const Pair& p) {
  const auto kept = [](const Side& s, size_t profile) {
    return Minus(s.works.nll[s.record.frozen_idx], s.works.nll[profile]);
  };
  const std::vector<double> kept_a = kept(a, p.a), kept_b = kept(b, p.b),
                            gap_a = kept(a, a.record.uniform_idx),
                            gap_b = kept(b, b.record.uniform_idx);
  return ToMeasured(
      stats::RatioDifference({kept_b, gap_b}, {kept_a, gap_a}, a.works.tokens),
      "a loss is not finite, or one work holds nearly all tokens");
}

void AddRetention(const Side& a, const Side& b, const Pair& p,
                  ComparedRow& row) {
  const std::string no_a = NoRetention(a.gap, "A"),
                    no_b = NoRetention(b.gap, "B");
  const auto of = [](const Side& s, size_t profile) {
    return Retention(s.works, profile, s.record.uniform_idx,
                     s.record.frozen_idx, static_cast<uint64_t>(s.record.seed));
  };
  row.retention_a = no_a.empty() ? of(a, p.a) : Missing(no_a);
  row.retention_b = no_b.empty() ? of(b, p.b) : Missing(no_b);
  if (!no_a.empty() || !no_b.empty())
    row.retention_change =
        Missing(no_a + (no_a.empty() || no_b.empty() ? "" : "; ") + no_b);
  else if (row.retention_a.by_definition() && row.retention_b.by_definition())
    row.retention_change.value =
        *row.retention_b.value - *row.retention_a.value;
  else
    row.retention_change = RetentionChange(a, b, p);
}

bool EqualLosses(const Side& a, const Side& b, const Pair& p) {
  for (size_t i = 0; i < a.windows.size(); ++i) {
    const WindowRecord &x = a.record.windows[a.windows[i]],
                       &y = b.record.windows[b.windows[i]];
    bool equal = true;
    ForEachScored(x, [&](int64_t t) {
      equal &= a.record.profiles[p.a].nll[x.loss_begin + t - 1] ==
               b.record.profiles[p.b].nll[y.loss_begin + t - 1];
    });
    if (!equal) return false;
  }
  return true;
}

void AddTimes(const Side& a, const Side& b, const Pair& p, ComparedRow& row) {
  row.ms_a = TimePerThousandTokens(a.record.profiles[p.a].times);
  row.ms_b = TimePerThousandTokens(b.record.profiles[p.b].times);
  if (row.ms_a.value && row.ms_b.value)
    row.ms_ratio = *row.ms_b.value / *row.ms_a.value;
}

std::optional<double> MeanLoss(const Side& side, size_t profile) {
  double nats = 0, tokens = 0;
  for (const stats::WorkTotals& work : Totals(side.works, profile)) {
    nats += work.sum;
    tokens += work.weight;
  }
  return std::isfinite(nats) ? std::optional(nats / tokens) : std::nullopt;
}

ComparedRow RowOf(const Side& a, const Side& b, const Pair& p, bool timed) {
  ComparedRow row;
  row.profile = a.record.profiles[p.a].name;
  row.nll_a = MeanLoss(a, p.a);
  row.nll_b = MeanLoss(b, p.b);
  row.change = MeanOf(
      stats::Differences(Totals(b.works, p.b), Totals(a.works, p.a)), a.seed());
  AddRetention(a, b, p, row);
  row.ms_a.reason = row.ms_b.reason = "batches mix domains";
  if (timed) AddTimes(a, b, p, row);
  row.equal = EqualLosses(a, b, p);
  return row;
}

ComparedSlice SliceOf(const std::string& name, const Side& a, const Side& b,
                      const std::vector<Pair>& pairs) {
  ComparedSlice slice;
  slice.name = name;
  slice.num_windows = static_cast<int64_t>(a.windows.size());
  slice.num_works = static_cast<int64_t>(a.works.num_works());
  for (const size_t w : a.windows)
    slice.scored_tokens += a.record.windows[w].num_scored();
  slice.gap_a = a.gap;
  slice.gap_b = b.gap;
  const bool whole = a.windows.size() == a.record.windows.size();
  for (const Pair& pair : pairs) slice.rows.push_back(RowOf(a, b, pair, whole));
  return slice;
}

std::map<std::string, Windows> ByDomain(const RunRecord& r,
                                        const Windows& windows) {
  std::map<std::string, Windows> domains;
  for (const size_t w : windows) domains[r.windows[w].domain].push_back(w);
  return domains;
}

RunComparison CompareGroup(const ComparedRun& a, const ComparedRun& b,
                           const std::vector<std::string>& profiles) {
  const RunRecord &x = a.record, &y = b.record;
  CheckSameData(x, y);
  const Windows in_a = Ordered(x), in_b = Ordered(y);
  CheckSameTokens(x, in_a, y, in_b);
  RunComparison c{a.name,
                  b.name,
                  a.group,
                  x.data_name,
                  x.data_sha256,
                  x.started_utc,
                  y.started_utc,
                  SettingsOf(a, b),
                  {},
                  {}};
  const std::vector<Pair> pairs = profiles.empty() ? CommonPairs(x, y, c.notes)
                                                   : AskedPairs(x, y, profiles);
  NoteOtherMultipliers(a, b, pairs, c.notes);
  c.slices.push_back(SliceOf("all", SideOf(x, in_a), SideOf(y, in_b), pairs));
  const auto domains_a = ByDomain(x, in_a), domains_b = ByDomain(y, in_b);
  if (domains_a.size() < 2) return c;
  for (const auto& [domain, windows] : domains_a)
    c.slices.push_back(SliceOf(domain, SideOf(x, windows),
                               SideOf(y, domains_b.at(domain)), pairs));
  return c;
}

std::string GroupNames(const std::vector<ComparedRun>& run) {
  return JoinEach(run, [](const ComparedRun& g) { return g.group; });
}

}  // namespace

std::optional<double> ComparedRow::perplexity_a() const { return Exp(nll_a); }
std::optional<double> ComparedRow::perplexity_b() const { return Exp(nll_b); }

std::vector<RunComparison> CompareRuns(
    const std::vector<ComparedRun>& a, const std::vector<ComparedRun>& b,
    const std::vector<std::string>& profiles) {
  if (a.size() == 1 && b.size() == 1)
    return {CompareGroup(a[0], b[0], profiles)};
  std::vector<RunComparison> comparisons;
  std::vector<std::string> alone;
  for (const ComparedRun& group : a) {
    const auto partner = std::ranges::find(b, group.group, &ComparedRun::group);
    if (partner == b.end())
      alone.push_back("A's " + group.group);
    else
      comparisons.push_back(CompareGroup(group, *partner, profiles));
  }
  if (comparisons.empty())
    throw RefusedError("compare: no group of the one run is in the other: " +
                       Both(GroupNames(a), GroupNames(b)));
  for (const ComparedRun& group : b)
    if (std::ranges::find(a, group.group, &ComparedRun::group) == a.end())
      alone.push_back("B's " + group.group);
  if (!alone.empty())
    comparisons.back().notes.push_back("groups without a partner, left out: " +
                                       Join(alone));
  return comparisons;
}

}  // namespace plastometer
