// What the tests of the kernel tables share: data from a fixed seed, and a
// comparison of bits that says where.
#pragma once
#include <cstdint>
#include <random>
#include <string>

#include "model/ops/portable/cpu/kernels.h"
#include "tests/model/ops/portable/judge.h"

namespace plastometer::portable {

// Sanitizers make these loops a hundred times slower: every `kStep`th case.
#if defined(__SANITIZE_ADDRESS__)
constexpr int64_t kStep = 29;
#else
constexpr int64_t kStep = 1;
#endif

enum class Kind {
  kOrdinary,    // (-1, 1)
  kSubnormal,   // around and below the smallest normal number
  kHuge,        // up to 1e9, mixed with ordinary ones
  kWide,        // any finite bits
  kCancelling,  // pairs x, -x, some one ulp apart
  kZeros,       // +0 and -0, few ordinary ones
  kConstant,    // one value: no variance
};
constexpr int kNumKinds = 7;

class Random {
 public:
  explicit Random(uint64_t seed) : bits_(seed) {}
  // [low, high]
  int64_t Integer(int64_t low, int64_t high);
  // [low, high)
  float Uniform(float low, float high);
  Kind AnyKind() { return static_cast<Kind>(Integer(0, kNumKinds - 1)); }
  judge::Values Array(Kind kind, int64_t n);
  judge::Values Uniforms(float low, float high, int64_t n);
  judge::Matrix MatrixOf(Kind kind, int64_t num_rows, int64_t num_columns);

 private:
  float Value(Kind kind);
  std::mt19937_64 bits_;  // its numbers are fixed by the standard
};

// A value that no kernel computes: marks what must stay untouched.
constexpr float kUntouched = -12345.678F;

// False, and a failed expectation with the first difference, unless all bits
// are equal; two values that are not finite are equal.
bool SameBits(judge::View expected, judge::View actual,
              const std::string& what);

std::string KindName(Kind kind);
// "gemm avx2 M=3 K=257": the op, the table, and name=value for each number.
std::string Describe(
    const std::string& op, const Kernels& table,
    std::initializer_list<std::pair<const char*, int64_t>> shape);

}  // namespace plastometer::portable
