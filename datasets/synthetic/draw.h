// Exact draws over integers: what decides an id uses nothing else.
#pragma once
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "base/philox.h"

namespace plastometer::synthetic {

// A rational number, so that thresholds are integers.
struct Fraction {
  uint64_t num = 0;
  uint64_t den = 1;
  double value() const {
    return static_cast<double>(num) / static_cast<double>(den);
  }
};

// Uniform in [0, n), n >= 1, without bias: the 2^64 mod n lowest draws are
// thrown away.
inline uint64_t DrawBelow(uint64_t n, PhiloxStream* stream) {
  const uint64_t reject = (0 - n) % n;
  for (;;) {
    const uint64_t high = stream->Next32();
    const uint64_t draw = high << 32 | stream->Next32();
    if (draw >= reject) return draw % n;
  }
}

inline bool DrawEvent(Fraction p, PhiloxStream* stream) {
  return DrawBelow(p.den, stream) < p.num;
}

// An index with probability weights[i] / total; total is their sum, >= 1.
inline size_t DrawWeighted(std::span<const uint64_t> weights, uint64_t total,
                           PhiloxStream* stream) {
  uint64_t left = DrawBelow(total, stream);
  size_t i = 0;
  while (left >= weights[i]) left -= weights[i++];
  return i;
}

// `count` different ones of first, ..., first + size - 1, in the order drawn.
inline std::vector<int32_t> DrawDistinct(int32_t first, int32_t size,
                                         int32_t count, PhiloxStream* stream) {
  std::vector<int32_t> all(static_cast<size_t>(size));
  std::iota(all.begin(), all.end(), first);
  for (int32_t i = 0; i < count; ++i) {
    const auto j = i + static_cast<int32_t>(
                           DrawBelow(static_cast<uint64_t>(size - i), stream));
    std::swap(all[static_cast<size_t>(i)], all[static_cast<size_t>(j)]);
  }
  all.resize(static_cast<size_t>(count));
  return all;
}

// Polya's urn: alpha.num balls of each colour, alpha.den more of the colour
// drawn. Its draws have exactly the law of draws from a row that is itself
// ~ Dirichlet(alpha, ..., alpha), and need no gamma variate (Blackwell and
// MacQueen 1973).
class Urn {
 public:
  Urn(int colours, Fraction alpha)
      : weights_(static_cast<size_t>(colours), alpha.num),
        total_(static_cast<uint64_t>(colours) * alpha.num),
        step_(alpha.den) {}

  int32_t Draw(PhiloxStream* stream) {
    const size_t i = DrawWeighted(weights_, total_, stream);
    Add(i);
    return static_cast<int32_t>(i);
  }
  void Add(size_t i) {
    weights_[i] += step_;
    total_ += step_;
  }
  double Probability(size_t i) const {
    return static_cast<double>(weights_[i]) / static_cast<double>(total_);
  }
  std::span<const uint64_t> weights() const { return weights_; }
  uint64_t total() const { return total_; }

 private:
  std::vector<uint64_t> weights_;
  uint64_t total_;
  uint64_t step_;
};

}  // namespace plastometer::synthetic
