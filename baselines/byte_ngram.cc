#include "baselines/byte_ngram.h"

#include <algorithm>
#include <cmath>

namespace plastometer {
namespace {

constexpr double kUniform = 1.0 / 256;

// The last `order` bytes and the order itself; never 0.
uint64_t ContextKey(uint64_t history, int order) {
  const uint64_t context = history & ((uint64_t{1} << (8 * order)) - 1);
  return (static_cast<uint64_t>(order + 1) << 48) | (context << 8);
}

}  // namespace

size_t ByteNgram::Table::SlotOf(uint64_t key) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = ((key * 0x9e3779b97f4a7c15u) >> 20) & mask;
  while (slots_[slot].first != 0 && slots_[slot].first != key)
    slot = (slot + 1) & mask;
  return slot;
}

void ByteNgram::Table::Grow() {
  std::vector<std::pair<uint64_t, uint32_t>> old(slots_.size() * 2);
  old.swap(slots_);
  for (const auto& entry : old)
    if (entry.first != 0) slots_[SlotOf(entry.first)] = entry;
}

uint32_t& ByteNgram::Table::At(uint64_t key) {
  if (2 * used_ >= slots_.size()) Grow();
  auto& [known, count] = slots_[SlotOf(key)];
  if (known == 0) {
    known = key;
    ++used_;
  }
  return count;
}

void ByteNgram::Train(std::string_view text) {
  uint64_t history = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto symbol = static_cast<uint8_t>(text[i]);
    const int longest =
        static_cast<int>(std::min<size_t>(i, static_cast<size_t>(max_order_)));
    for (int order = 0; order <= longest; ++order) {
      const uint64_t context = ContextKey(history, order);
      if (counts_.At(context | symbol)++ == 0) ++distinct_.At(context);
      ++totals_.At(context);
    }
    history = (history << 8) | symbol;
  }
}

double ByteNgram::Probability(uint64_t history, int order,
                              uint8_t symbol) const {
  double p = kUniform;
  for (int n = 0; n <= order; ++n) {
    const uint64_t context = ContextKey(history, n);
    const uint32_t total = totals_.Find(context);
    if (total == 0) break;  // a longer context was not seen either
    const uint32_t distinct = distinct_.Find(context);
    p = (counts_.Find(context | symbol) + distinct * p) /
        (static_cast<double>(total) + distinct);
  }
  return p;
}

double ByteNgram::Bits(std::string_view text, int order, size_t begin) const {
  double bits = 0;
  uint64_t history = 0;
  const auto longest = static_cast<size_t>(std::min(order, max_order_));
  for (size_t i = 0; i < text.size(); ++i) {
    const auto symbol = static_cast<uint8_t>(text[i]);
    if (i >= begin)
      bits -= std::log2(
          Probability(history, static_cast<int>(std::min(i, longest)), symbol));
    history = (history << 8) | symbol;
  }
  return bits;
}

}  // namespace plastometer
