// Sixteen floats as one value, whatever the registers' width, and small helpers
// on it. Included only by the files that are compiled once for each instruction
// set: everything is static, so the linker can never pick the wrong copy.
#pragma once
#include <cstdint>

#if defined(__AVX512F__)
#define PLASTOMETER_NATIVE_LANES 16
#elif defined(__AVX__)
#define PLASTOMETER_NATIVE_LANES 8
#else
#define PLASTOMETER_NATIVE_LANES 4
#endif
#define PLASTOMETER_INLINE static inline __attribute__((always_inline))

namespace {

constexpr int kLanes = 16;
constexpr int kNative = PLASTOMETER_NATIVE_LANES;
constexpr int kParts = kLanes / kNative;
// Accumulators (of 16 lanes) that fit the registers of a product loop.
constexpr int kBlock = kNative == 16 ? 16 : kNative == 8 ? 4 : 2;

typedef float Native __attribute__((vector_size(kNative * 4)));
typedef float NativeUnaligned
    __attribute__((vector_size(kNative * 4), aligned(4)));
typedef float Four __attribute__((vector_size(16)));
typedef float FourUnaligned __attribute__((vector_size(16), aligned(4)));
typedef int FourInts __attribute__((vector_size(16)));

struct V {
  Native p[kParts];
};

PLASTOMETER_INLINE V Load(const float* x) {
  V r;
#pragma GCC unroll 4
  for (int i = 0; i < kParts; ++i)
    r.p[i] = *reinterpret_cast<const NativeUnaligned*>(x + i * kNative);
  return r;
}
PLASTOMETER_INLINE void Store(float* x, V v) {
#pragma GCC unroll 4
  for (int i = 0; i < kParts; ++i)
    *reinterpret_cast<NativeUnaligned*>(x + i * kNative) = v.p[i];
}
PLASTOMETER_INLINE V Splat(float x) {
  V r;
#pragma GCC unroll 4
  for (int i = 0; i < kParts; ++i) r.p[i] = x - Native{};
  return r;
}
#define PLASTOMETER_BINARY(op)                                        \
  PLASTOMETER_INLINE V operator op(V a, V b) {                        \
    V r;                                                              \
    _Pragma("GCC unroll 4") for (int i = 0; i < kParts; ++i) r.p[i] = \
        a.p[i] op b.p[i];                                             \
    return r;                                                         \
  }                                                                   \
  PLASTOMETER_INLINE V operator op(V a, float b) {                    \
    V r;                                                              \
    _Pragma("GCC unroll 4") for (int i = 0; i < kParts; ++i) r.p[i] = \
        a.p[i] op b;                                                  \
    return r;                                                         \
  }
PLASTOMETER_BINARY(+)
PLASTOMETER_BINARY(-)
PLASTOMETER_BINARY(*)
#undef PLASTOMETER_BINARY

PLASTOMETER_INLINE float Sqrt(float x) { return __builtin_sqrtf(x); }
PLASTOMETER_INLINE V InverseSqrt(V x) {
  alignas(64) float a[kLanes];
  Store(a, x);
  for (int i = 0; i < kLanes; ++i) a[i] = 1.0f / Sqrt(a[i]);
  return Load(a);
}
PLASTOMETER_INLINE float SumLanes(V x) {
  alignas(64) float a[kLanes];
  Store(a, x);
  float s = 0;
  for (int i = 0; i < kLanes; ++i) s += a[i];
  return s;
}

// dst[c * 16 + t] = src[t * stride + c] for 16 rows of kChannels.
template <int kChannels>
PLASTOMETER_INLINE void Transpose4x4Blocks(const float* src, int64_t src_stride,
                                           float* dst, int64_t dst_stride,
                                           int rows) {
  for (int t = 0; t < rows; t += 4) {
    for (int c = 0; c < kChannels; c += 4) {
      Four a = *reinterpret_cast<const FourUnaligned*>(
          src + (t + 0) * src_stride + c);
      Four b = *reinterpret_cast<const FourUnaligned*>(
          src + (t + 1) * src_stride + c);
      Four e = *reinterpret_cast<const FourUnaligned*>(
          src + (t + 2) * src_stride + c);
      Four f = *reinterpret_cast<const FourUnaligned*>(
          src + (t + 3) * src_stride + c);
      Four ab_lo = __builtin_shuffle(a, b, FourInts{0, 4, 1, 5}),
           ab_hi = __builtin_shuffle(a, b, FourInts{2, 6, 3, 7});
      Four ef_lo = __builtin_shuffle(e, f, FourInts{0, 4, 1, 5}),
           ef_hi = __builtin_shuffle(e, f, FourInts{2, 6, 3, 7});
      *reinterpret_cast<FourUnaligned*>(dst + (c + 0) * dst_stride + t) =
          __builtin_shuffle(ab_lo, ef_lo, FourInts{0, 1, 4, 5});
      *reinterpret_cast<FourUnaligned*>(dst + (c + 1) * dst_stride + t) =
          __builtin_shuffle(ab_lo, ef_lo, FourInts{2, 3, 6, 7});
      *reinterpret_cast<FourUnaligned*>(dst + (c + 2) * dst_stride + t) =
          __builtin_shuffle(ab_hi, ef_hi, FourInts{0, 1, 4, 5});
      *reinterpret_cast<FourUnaligned*>(dst + (c + 3) * dst_stride + t) =
          __builtin_shuffle(ab_hi, ef_hi, FourInts{2, 3, 6, 7});
    }
  }
}

// The one small product. For j < kOut, 16 lanes each:
//   out[j * out_stride] = start[j * start_stride]
//       +/- sum over i < kIn of
//           matrix[i * kStrideIn + j * kStrideOut] * x[i * x_stride]
// `start` null: zero.
template <int kIn, int kOut, int kStrideIn, int kStrideOut, bool kSubtract>
PLASTOMETER_INLINE void Product(const float* matrix, const float* x,
                                int64_t x_stride, const float* start,
                                int64_t start_stride, float* out,
                                int64_t out_stride) {
  static_assert(kOut % kBlock == 0);
  for (int j = 0; j < kOut; j += kBlock) {
    V acc[kBlock];
#pragma GCC unroll 16
    for (int r = 0; r < kBlock; ++r)
      acc[r] = start ? Load(start + (j + r) * start_stride) : Splat(0.0f);
#pragma GCC unroll 2
    for (int i = 0; i < kIn; ++i) {
      const V xi = Load(x + i * x_stride);
      const float* m = matrix + i * kStrideIn + j * kStrideOut;
#pragma GCC unroll 16
      for (int r = 0; r < kBlock; ++r) {
        acc[r] = kSubtract ? acc[r] - xi * m[r * kStrideOut]
                           : acc[r] + xi * m[r * kStrideOut];
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kBlock; ++r) Store(out + (j + r) * out_stride, acc[r]);
  }
}

}  // namespace
