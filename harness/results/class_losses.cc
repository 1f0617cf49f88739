#include "harness/results/class_losses.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

// Of a loss of 0 or more; the model's losses are.
size_t EqualLossBin(double loss) {
  size_t bin = 0;
  while (bin + 1 < kNumEqualLossBins && loss >= kEqualLossEdges[bin + 1]) ++bin;
  return bin;
}

// Mean of a less mean of b where both have tokens.
void AddContrast(const stats::WorkTotals& a, const stats::WorkTotals& b,
                 stats::WorkTotals& to) {
  if (a.weight > 0 && b.weight > 0)
    AddTo(to, a.sum / a.weight - b.sum / b.weight,
          std::min(a.weight, b.weight));
}

}  // namespace

ClassGroup FunctionWords() {
  return {"function words", {WordClass::kFunction}};
}
ClassGroup ContentWords() {
  return {"content words", {WordClass::kSeenContent, WordClass::kNewContent}};
}
ClassGroup Keywords() { return {"keywords", {WordClass::kKeyword}}; }
ClassGroup Identifiers() {
  return {"identifiers",
          {WordClass::kSeenIdentifier, WordClass::kNewIdentifier}};
}
ClassGroup OneClass(WordClass word_class) {
  return {WordClassName(word_class), {word_class}};
}

ClassLosses::ClassLosses(const RunRecord& record)
    : uniform_(record.uniform_idx) {
  const auto places = WorkPlaces(record, AllWindows(record));
  domain_of_work_.resize(places.size());
  for (const WindowRecord& w : record.windows) {
    work_of_window_.push_back(places.at(WorkKey(w)));
    domain_of_work_[work_of_window_.back()] = w.domain;
  }
  tokens_.assign(Cell(num_works(), 0, 0), 0);
  nll_.assign(record.profiles.size(), tokens_);
}

void ClassLosses::Add(const RunRecord& record, size_t window,
                      std::span<const uint8_t> word_class) {
  const WindowRecord& w = record.windows[window];
  if (static_cast<int64_t>(word_class.size()) != w.num_tokens)
    throw InternalError("ClassLosses: " + std::to_string(word_class.size()) +
                        " word classes of a window of " +
                        std::to_string(w.num_tokens) + " tokens");
  const auto& profiles = record.profiles;
  ForEachScored(w, [&](int64_t t) {
    const auto at = static_cast<size_t>(w.loss_begin + t - 1);
    const size_t c = word_class[static_cast<size_t>(t)];
    if (c >= kNumWordClasses ||
        !std::ranges::all_of(profiles, [&](const ProfileRecord& p) {
          return std::isfinite(p.nll[at]);
        }))
      return;
    const size_t cell = Cell(work_of_window_[window], c,
                             EqualLossBin(profiles[uniform_].nll[at]));
    tokens_[cell] += 1;
    for (size_t p = 0; p < profiles.size(); ++p)
      nll_[p][cell] += profiles[p].nll[at];
  });
}

// value(cell) in nats over the group's cells in the bins [first, last).
template <class Value>
ByWork ClassLosses::Sum(const ClassGroup& group, size_t first_bin,
                        size_t last_bin, const Value& value) const {
  ByWork works(num_works());
  for (size_t w = 0; w < works.size(); ++w)
    for (const WordClass c : group.classes)
      for (size_t bin = first_bin; bin < last_bin; ++bin) {
        const size_t cell = Cell(w, static_cast<size_t>(c), bin);
        works[w].sum += value(cell);
        works[w].weight += tokens_[cell];
      }
  return works;
}

int64_t ClassLosses::Tokens(const ClassGroup& group) const {
  double tokens = 0;
  for (const stats::WorkTotals& work : Loss(uniform_, group))
    tokens += work.weight;
  return static_cast<int64_t>(tokens);
}

ByWork ClassLosses::Loss(size_t profile, const ClassGroup& group) const {
  return Sum(group, 0, kNumEqualLossBins,
             [&](size_t cell) { return nll_[profile][cell]; });
}

ByWork ClassLosses::Difference(size_t p, size_t q,
                               const ClassGroup& group) const {
  return Sum(group, 0, kNumEqualLossBins,
             [&](size_t cell) { return nll_[p][cell] - nll_[q][cell]; });
}

ByWork ClassLosses::DifferenceInBin(size_t bin, size_t p, size_t q,
                                    const ClassGroup& group) const {
  return Sum(group, bin, bin + 1,
             [&](size_t cell) { return nll_[p][cell] - nll_[q][cell]; });
}

ByWork ClassLosses::Contrast(size_t p, size_t q, const ClassGroup& a,
                             const ClassGroup& b) const {
  const ByWork of_a = Difference(p, q, a), of_b = Difference(p, q, b);
  ByWork works(num_works());
  for (size_t w = 0; w < works.size(); ++w)
    AddContrast(of_a[w], of_b[w], works[w]);
  return works;
}

ByWork ClassLosses::ContrastAtEqualLoss(size_t p, size_t q, const ClassGroup& a,
                                        const ClassGroup& b) const {
  ByWork works(num_works());
  for (size_t bin = 0; bin < kNumEqualLossBins; ++bin) {
    const ByWork of_a = DifferenceInBin(bin, p, q, a),
                 of_b = DifferenceInBin(bin, p, q, b);
    for (size_t w = 0; w < works.size(); ++w)
      AddContrast(of_a[w], of_b[w], works[w]);
  }
  return works;
}

}  // namespace plastometer
