// Philox4x32-10, a counter-based generator: J. K. Salmon, M. A. Moraes, R. O.
// Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// Draw k of stream s under a seed is a pure function of (seed, s, k): the same
// on every machine, compiler and number of threads, which the standard
// library's distributions do not promise.
#pragma once
#include <array>
#include <cstdint>

namespace plastometer {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

inline PhiloxCounter Philox4x32(PhiloxCounter c, PhiloxKey k) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * c[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0],
         static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1],
         static_cast<uint32_t>(p0)};
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c;
}

// One stream of draws. Streams of one seed do not overlap before 2^64 blocks.
class PhiloxStream {
 public:
  PhiloxStream(uint64_t seed, uint64_t stream)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
        stream_{static_cast<uint32_t>(stream),
                static_cast<uint32_t>(stream >> 32)} {}

  uint32_t Next32() {
    if (used_ == 4) Refill();
    return block_[used_++];
  }

  // In [0, n), n >= 1. Multiply and shift without rejection: the bias is below
  // n / 2^32, 1e-6 of a probability at 4,000.
  uint32_t NextBelow(uint32_t n) {
    return static_cast<uint32_t>((uint64_t{Next32()} * n) >> 32);
  }

  // In (0, 1), never an end: 53 bits, shifted by half a step.
  double NextUniform() {
    const uint64_t high = Next32() >> 5;
    const uint64_t low = Next32() >> 6;
    return (static_cast<double>((high << 26) | low) + 0.5) * 0x1p-53;
  }

 private:
  void Refill() {
    block_ = Philox4x32(
        {static_cast<uint32_t>(num_blocks_),
         static_cast<uint32_t>(num_blocks_ >> 32), stream_[0], stream_[1]},
        key_);
    ++num_blocks_;
    used_ = 0;
  }

  PhiloxKey key_;
  std::array<uint32_t, 2> stream_;
  uint64_t num_blocks_ = 0;
  PhiloxCounter block_{};
  int used_ = 4;
};

}  // namespace plastometer
