// Sums over a row by the 32-lane rule (docs/portable-arithmetic.md section 3).
#if defined(PLASTOMETER_ROW_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PLASTOMETER_ROW_SUMS_INL_H_
#undef PLASTOMETER_ROW_SUMS_INL_H_
#else
#define PLASTOMETER_ROW_SUMS_INL_H_
#endif

#include <cstdint>

#include "model/ops/portable/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace plastometer::portable::HWY_NAMESPACE {

constexpr int kRowVectors = 32 / static_cast<int>(Arithmetic::kLanes);

// Vector v holds the lanes from v * kLanes on.
struct RowLanes {
  Float vectors[kRowVectors];
};

// The tree over the 32 lanes.
static HWY_ATTR HWY_INLINE float ReduceTree(RowLanes lanes) {
#pragma GCC unroll 16
  for (int half = kRowVectors / 2; half > 0; half /= 2) {
#pragma GCC unroll 16
    for (int v = 0; v < half; ++v)
      lanes.vectors[v] =
          Arithmetic::Add(lanes.vectors[v], lanes.vectors[v + half]);
  }
#if HWY_TARGET == HWY_SCALAR
  return lanes.vectors[0];
#else
  const hn::Full128<float> quarter;
#if HWY_TARGET == HWY_AVX2
  const auto eight = lanes.vectors[0];
#else
  const hn::Half<Arithmetic::Tag> half;
  const auto eight = hn::Add(hn::LowerHalf(half, lanes.vectors[0]),
                             hn::UpperHalf(half, lanes.vectors[0]));
#endif
  const auto four =
      hn::Add(hn::LowerHalf(quarter, eight), hn::UpperHalf(quarter, eight));
  const auto two = hn::Add(four, hn::Shuffle1032(four));
  return hn::GetLane(hn::Add(two, hn::Shuffle2301(two)));
#endif
}

// The first n lanes of `yes`, the others of `no`.
static HWY_ATTR HWY_INLINE Float SelectFirst(int64_t n, Float yes, Float no) {
#if HWY_TARGET == HWY_SCALAR
  return n > 0 ? yes : no;
#else
  return hn::IfThenElse(hn::FirstN(Arithmetic::Tag(), static_cast<size_t>(n)),
                        yes, no);
#endif
}

// Lanes that take step(lane, values) from `start` on, for the values of i = 0
// .. n-1 in order; load(i) reads a whole vector, load_first(i, count) the first
// lanes of one. Lanes without a value are left as they are: +0 filled in would
// turn a -0 (of an underflow) into +0.
template <class Load, class LoadFirst, class Step>
static HWY_ATTR HWY_INLINE RowLanes AccumulateRow(int64_t n, Float start,
                                                  Load load,
                                                  LoadFirst load_first,
                                                  Step step) {
  constexpr int64_t kLanes = Arithmetic::kLanes;
  RowLanes lanes;
#pragma GCC unroll 32
  for (int v = 0; v < kRowVectors; ++v) lanes.vectors[v] = start;
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
#pragma GCC unroll 32
    for (int v = 0; v < kRowVectors; ++v)
      lanes.vectors[v] = step(lanes.vectors[v], load(i + v * kLanes));
  }
#pragma GCC unroll 32
  for (int v = 0; v < kRowVectors; ++v) {
    const int64_t left = n - i - v * kLanes;
    if (left <= 0) break;
    Float& lane = lanes.vectors[v];
    lane = left >= kLanes
               ? step(lane, load(i + v * kLanes))
               : SelectFirst(left, step(lane, load_first(i + v * kLanes, left)),
                             lane);
  }
  return lanes;
}

// rowsum(x, n)
static HWY_ATTR HWY_INLINE float RowSum(const float* x, int64_t n) {
  using A = Arithmetic;
  return ReduceTree(AccumulateRow(
      n, A::Set(0.0f), [x](int64_t i) HWY_ATTR { return A::Load(x + i); },
      [x](int64_t i, int64_t count)
          HWY_ATTR { return A::LoadFirst(x + i, count); },
      [](Float sum, Float value) HWY_ATTR { return A::Add(sum, value); }));
}

// rowdot(x, y, n)
static HWY_ATTR HWY_INLINE float RowDot(const float* x, const float* y,
                                        int64_t n) {
  using A = Arithmetic;
  struct Pair {
    Float x, y;
  };
  return ReduceTree(AccumulateRow(
      n, A::Set(0.0f),
      [x, y](int64_t i) HWY_ATTR {
        return Pair{A::Load(x + i), A::Load(y + i)};
      },
      [x, y](int64_t i, int64_t count) HWY_ATTR {
        return Pair{A::LoadFirst(x + i, count), A::LoadFirst(y + i, count)};
      },
      [](Float sum, Pair p) HWY_ATTR { return A::Fma(p.x, p.y, sum); }));
}

}  // namespace plastometer::portable::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
