// The trainer's own random numbers: the same everywhere, whatever the C++
// library or LibTorch does.
#pragma once
#include <cmath>
#include <cstdint>
#include <numbers>
#include <utility>
#include <vector>

namespace plastometer::train {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {  // splitmix64, https://prng.di.unimi.it/splitmix64.c
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // In (0, 1).
  double Uniform() {
    return (static_cast<double>(Next() >> 11) + 0.5) * 0x1.0p-53;
  }
  double Normal() {
    return std::sqrt(-2.0 * std::log(Uniform())) *
           std::cos(2.0 * std::numbers::pi * Uniform());
  }
  // Fisher-Yates; the modulo's bias is below 2^-40 for any list that fits in
  // memory.
  template <typename T>
  void Shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i)
      std::swap(values[i - 1], values[Next() % i]);
  }

 private:
  uint64_t state_;
};

}  // namespace plastometer::train
