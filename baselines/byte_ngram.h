// An interpolated byte n-gram: what a table of counts makes of the same
// training text.
#pragma once
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace plastometer {

// Order n is n bytes of context, at most 5. Witten-Bell interpolation down to
// order 0 and a uniform floor: p_n(s|c) = (C(c, s) + T(c) p_{n-1}(s|c')) /
// (C(c)
// + T(c)), T(c) the number of distinct bytes seen after c. (Witten and Bell
// 1991, method C; Bell, Cleary and Witten 1990 section 6.)
class ByteNgram {
 public:
  explicit ByteNgram(int max_order) : max_order_(max_order) {}
  // Counts one text; contexts do not reach across texts.
  void Train(std::string_view text);
  // Bits of text[begin..], each byte given up to `order` (at most the largest)
  // before it.
  double Bits(std::string_view text, int order, size_t begin = 0) const;

 private:
  // Counts by key, 0 where a key is not there; open addressing, key 0 is empty.
  class Table {
   public:
    uint32_t& At(uint64_t key);
    uint32_t Find(uint64_t key) const { return slots_[SlotOf(key)].second; }

   private:
    size_t SlotOf(uint64_t key) const;
    void Grow();
    std::vector<std::pair<uint64_t, uint32_t>> slots_ =
        std::vector<std::pair<uint64_t, uint32_t>>(size_t{1} << 20);
    size_t used_ = 0;
  };

  double Probability(uint64_t history, int order, uint8_t symbol) const;

  int max_order_;
  Table counts_;             // of context and byte
  Table totals_, distinct_;  // of context
};

}  // namespace plastometer
