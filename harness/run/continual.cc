#include "harness/run/continual.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "base/philox.h"
#include "datasets/synthetic/synthetic.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

using stats::WorkTotals;
using synthetic::SyntheticDocument;
using synthetic::SyntheticTask;

// Losses by document and token; documents in the order of the resampling.
using Losses = std::vector<std::vector<double>>;

struct Segments {
  int64_t away = 0, back = 0, num_tokens = 0;
};

double SumOf(const std::vector<double>& losses, int64_t begin, int64_t end) {
  return std::accumulate(losses.begin() + begin, losses.begin() + end, 0.0);
}

std::optional<Segments> SegmentsOf(const RunRecord& record,
                                   const SyntheticTask& task) {
  Segments s;
  s.away = task.parameters().at("first").get<int64_t>();
  s.back = s.away + task.parameters().at("second").get<int64_t>();
  s.num_tokens = record.windows.front().num_tokens;
  const bool same = std::ranges::all_of(
      record.windows,
      [&](const WindowRecord& w) { return w.num_tokens == s.num_tokens; });
  // Token 0 has no loss.
  if (!same || s.away <= kContinualSpan || s.back - s.away < kContinualSpan ||
      s.num_tokens - s.back < kContinualSpan)
    return std::nullopt;
  return s;
}

// What both agents pay for the window's document. False: it is not the document
// that was measured.
bool AddAgents(const SyntheticTask& task, const WindowRecord& window,
               Losses& remembering, Losses& resetting) {
  uint64_t index = 0;
  const std::string& name = window.document;
  const auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), index);
  if (error != std::errc() || end != name.data() + name.size()) return false;
  const SyntheticDocument document =
      task.Document(synthetic::kHeldOutDocuments + index,
                    static_cast<size_t>(window.num_tokens));
  remembering.push_back(document.floor_nats);
  const auto agent = task.NewForgettingAgent();
  resetting.emplace_back();
  for (const int32_t id : document.ids)
    resetting.back().push_back(agent->Observe(id));
  const double floor = SumOf(remembering.back(), 1, window.num_tokens);
  return std::fabs(floor - window.floor.exact_nats) <= 1e-9 * floor;
}

// Windows in the order of WorkPlaces.
std::vector<size_t> Ordered(const RunRecord& record) {
  std::vector<size_t> windows = AllWindows(record);
  std::ranges::stable_sort(
      windows, {}, [&](size_t w) { return WorkKey(record.windows[w]); });
  return windows;
}

// One value a document.
template <class Of>
Measured MeanByDocument(const Losses& losses, double weight, uint64_t seed,
                        const Of& of) {
  std::vector<WorkTotals> works;
  for (size_t d = 0; d < losses.size(); ++d) works.push_back({of(d), weight});
  return MeanOf(works, seed);
}

class Measures {
 public:
  Measures(const Segments& segments, const Losses& remembering,
           const Losses& resetting, uint64_t seed)
      : s_(segments),
        remembering_(remembering),
        resetting_(resetting),
        seed_(seed) {}

  ContinualRow Row(const std::string& name, const Losses& losses) const {
    const auto length = static_cast<double>(s_.num_tokens - s_.back);
    const auto in_third = [&](const std::vector<double>& of) {
      return SumOf(of, s_.back, s_.num_tokens);
    };
    ContinualRow row;
    row.name = name;
    row.loss = MeanByDocument(losses, length, seed_,
                              [&](size_t d) { return in_third(losses[d]); });
    const auto above = [&](const Losses& agent) {
      if (&agent == &losses) return Measured{0.0, {}, {}, ""};
      return MeanByDocument(losses, length, seed_, [&](size_t d) {
        return in_third(losses[d]) - in_third(agent[d]);
      });
    };
    row.above_remembering = above(remembering_);
    row.above_resetting = above(resetting_);
    row.transfer = MeanByDocument(losses, kContinualSpan, seed_, [&](size_t d) {
      return SumOf(losses[d], s_.away - kContinualSpan, s_.away) -
             SumOf(losses[d], s_.back, s_.back + kContinualSpan);
    });
    row.recovery = Recovery(losses);
    return row;
  }

 private:
  int64_t num_bins() const {
    return (s_.num_tokens - s_.back) / kContinualSpan;
  }

  // Excess over the remembering agent: at the end of A, then in each bin of A'.
  std::vector<std::vector<double>> Excesses(const Losses& losses) const {
    std::vector<std::vector<double>> excesses;
    for (size_t d = 0; d < losses.size(); ++d) {
      std::vector<double> of;
      for (int64_t bin = -1; bin < num_bins(); ++bin) {
        const int64_t begin =
            bin < 0 ? s_.away - kContinualSpan : s_.back + bin * kContinualSpan;
        const int64_t end = begin + kContinualSpan;
        of.push_back((SumOf(losses[d], begin, end) -
                      SumOf(remembering_[d], begin, end)) /
                     kContinualSpan);
      }
      excesses.push_back(std::move(of));
    }
    return excesses;
  }

  // Bins of A' before the first that is near enough; num_bins(): none.
  template <class DocumentOf>
  int64_t BinsBefore(const std::vector<std::vector<double>>& excesses,
                     const DocumentOf& document_of) const {
    std::vector<double> sums(static_cast<size_t>(num_bins()) + 1, 0);
    const size_t n = excesses.size();
    for (size_t i = 0; i < n; ++i) {
      const std::vector<double>& of = excesses[document_of(i)];
      for (size_t b = 0; b < sums.size(); ++b) sums[b] += of[b];
    }
    const double limit = sums[0] + kRecoveryMargin * static_cast<double>(n);
    for (int64_t b = 0; b < num_bins(); ++b)
      if (sums[static_cast<size_t>(b) + 1] <= limit) return b;
    return num_bins();
  }

  // Percentile interval over resampled documents.
  Measured Recovery(const Losses& losses) const {
    const auto excesses = Excesses(losses);
    const auto tokens = [&](int64_t bins) -> std::optional<double> {
      if (bins == num_bins()) return std::nullopt;
      return static_cast<double>(bins * kContinualSpan);
    };
    const std::string late =
        "not within " + std::to_string(num_bins() * kContinualSpan) + " tokens";
    Measured m;
    m.value = tokens(BinsBefore(excesses, [](size_t i) { return i; }));
    if (!m.value) m.reason = late;
    if (static_cast<int64_t>(losses.size()) < kMinWorks) {
      if (m.value) m.reason = "too few documents for an interval";
      return m;
    }
    std::vector<int64_t> drawn;
    for (int r = 0; r < stats::kNumResamples; ++r) {
      PhiloxStream stream(seed_, static_cast<uint64_t>(r));
      drawn.push_back(BinsBefore(excesses, [&](size_t) {
        return stream.NextBelow(static_cast<uint32_t>(losses.size()));
      }));
    }
    std::ranges::sort(drawn);
    constexpr size_t kTail = stats::kNumResamples / 40;  // 2.5 %
    m.low = tokens(drawn[kTail - 1]);
    m.high = tokens(drawn[drawn.size() - kTail]);
    if (!m.high && m.value) m.reason = "upper bound " + late;
    return m;
  }

  const Segments s_;
  const Losses &remembering_, &resetting_;
  const uint64_t seed_;
};

Losses LossesOf(const RunRecord& record, const ProfileRecord& profile) {
  Losses losses;
  for (const size_t w : Ordered(record)) {
    const WindowRecord& window = record.windows[w];
    const auto begin = profile.nll.begin() + window.loss_begin;
    losses.emplace_back(1, std::nan(""));
    losses.back().insert(losses.back().end(), begin,
                         begin + window.num_tokens - 1);
  }
  return losses;
}

}  // namespace

std::optional<ContinualResult> SummariseContinual(const RunRecord& record) {
  if (record.task.name != "forgetting" || record.windows.empty())
    return std::nullopt;
  const auto task = synthetic::MakeSyntheticTask(
      record.task.name, nlohmann::json::parse(record.task.parameters_json),
      static_cast<uint64_t>(record.task.seed));
  const std::optional<Segments> segments = SegmentsOf(record, *task);
  if (!segments) return std::nullopt;
  Losses remembering, resetting;
  for (const size_t w : Ordered(record))
    if (!AddAgents(*task, record.windows[w], remembering, resetting))
      return std::nullopt;
  const Measures measures(*segments, remembering, resetting,
                          static_cast<uint64_t>(record.seed));
  ContinualResult result{segments->away,
                         segments->back,
                         segments->num_tokens,
                         NumWorks(record),
                         {}};
  result.rows.push_back(measures.Row("remembers A (exact)", remembering));
  result.rows.push_back(measures.Row("begins anew (exact)", resetting));
  for (const ProfileRecord& profile : record.profiles)
    result.rows.push_back(
        measures.Row(profile.name, LossesOf(record, profile)));
  return result;
}

Results ResultsOf(RunRecord record) {
  Results results = Summarise(std::move(record));
  results.continual = SummariseContinual(results.record);
  return results;
}

}  // namespace plastometer
