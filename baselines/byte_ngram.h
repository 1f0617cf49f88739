// An interpolated byte n-gram: what a table of counts makes of the same
// training text.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace plastometer {

// Order 3 (three bytes of context), Witten-Bell interpolation down to order 0
// and a uniform floor: p_n(s|c) = (C(c, s) + T(c) p_{n-1}(s|c')) / (C(c) +
// T(c)), T(c) the number of distinct bytes seen after c. (Witten and Bell 1991,
// method C; Bell, Cleary and Witten 1990 section 6.)
class ByteNgram {
 public:
  ByteNgram();
  // Counts one text; contexts do not reach across texts.
  void Train(std::string_view text);
  // Bits of text[begin..], each byte given up to three before it.
  double Bits(std::string_view text, size_t begin = 0) const;

 private:
  static constexpr int kOrder = 3;
  struct Context {
    uint32_t total = 0;
    uint16_t distinct = 0;
  };
  double Probability(uint32_t history, int order, uint8_t symbol) const;
  uint32_t& Count(uint64_t key);
  uint32_t Find(uint64_t key) const;
  void Grow();

  std::array<std::vector<Context>, kOrder + 1>
      contexts_;  // by the last n bytes
  std::vector<std::pair<uint64_t, uint32_t>>
      counts_;  // open addressing; key 0 is empty
  size_t used_ = 0;
};

}  // namespace plastometer
