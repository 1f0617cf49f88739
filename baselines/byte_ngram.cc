#include "baselines/byte_ngram.h"

#include <algorithm>
#include <cmath>

namespace plastometer {
namespace {

constexpr size_t kInitialSlots = size_t{1} << 20;
constexpr double kUniform = 1.0 / 256;

uint32_t ContextOf(uint32_t history, int order) {
  return order == 0 ? 0 : history & ((uint32_t{1} << (8 * order)) - 1);
}

// Never 0: the order is stored plus one.
uint64_t KeyOf(uint32_t context, int order, uint8_t symbol) {
  return (static_cast<uint64_t>(order + 1) << 40) |
         (static_cast<uint64_t>(context) << 8) | symbol;
}

size_t SlotOf(uint64_t key, size_t num_slots) {
  return ((key * 0x9e3779b97f4a7c15u) >> 20) & (num_slots - 1);
}

}  // namespace

ByteNgram::ByteNgram() : counts_(kInitialSlots) {
  for (int order = 0; order <= kOrder; ++order)
    contexts_[order].resize(size_t{1} << (8 * order));
}

void ByteNgram::Grow() {
  std::vector<std::pair<uint64_t, uint32_t>> old(counts_.size() * 2);
  old.swap(counts_);
  for (const auto& [key, count] : old) {
    if (key == 0) continue;
    size_t slot = SlotOf(key, counts_.size());
    while (counts_[slot].first != 0) slot = (slot + 1) & (counts_.size() - 1);
    counts_[slot] = {key, count};
  }
}

uint32_t& ByteNgram::Count(uint64_t key) {
  if (2 * used_ >= counts_.size()) Grow();
  size_t slot = SlotOf(key, counts_.size());
  while (counts_[slot].first != 0 && counts_[slot].first != key)
    slot = (slot + 1) & (counts_.size() - 1);
  if (counts_[slot].first == 0) {
    counts_[slot].first = key;
    ++used_;
  }
  return counts_[slot].second;
}

uint32_t ByteNgram::Find(uint64_t key) const {
  size_t slot = SlotOf(key, counts_.size());
  while (counts_[slot].first != 0 && counts_[slot].first != key)
    slot = (slot + 1) & (counts_.size() - 1);
  return counts_[slot].second;
}

void ByteNgram::Train(std::string_view text) {
  uint32_t history = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto symbol = static_cast<uint8_t>(text[i]);
    const int longest = static_cast<int>(std::min<size_t>(i, kOrder));
    for (int order = 0; order <= longest; ++order) {
      const uint32_t context = ContextOf(history, order);
      uint32_t& count = Count(KeyOf(context, order, symbol));
      Context& row = contexts_[order][context];
      row.distinct += count == 0 ? 1 : 0;
      ++count;
      ++row.total;
    }
    history = (history << 8) | symbol;
  }
}

double ByteNgram::Probability(uint32_t history, int order,
                              uint8_t symbol) const {
  double p = kUniform;
  for (int n = 0; n <= order; ++n) {
    const uint32_t context = ContextOf(history, n);
    const Context& row = contexts_[n][context];
    if (row.total == 0) break;  // a longer context was not seen either
    p = (Find(KeyOf(context, n, symbol)) + row.distinct * p) /
        (static_cast<double>(row.total) + row.distinct);
  }
  return p;
}

double ByteNgram::Bits(std::string_view text, size_t begin) const {
  double bits = 0;
  uint32_t history = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto symbol = static_cast<uint8_t>(text[i]);
    if (i >= begin)
      bits -= std::log2(Probability(
          history, static_cast<int>(std::min<size_t>(i, kOrder)), symbol));
    history = (history << 8) | symbol;
  }
  return bits;
}

}  // namespace plastometer
