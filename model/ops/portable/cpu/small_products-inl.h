// The inner loop's products: at most 16 rows of tokens, or the rows of a state,
// all in the first-level cache; and transposes between them. Widths are
// multiples of 16.
#if defined(PLASTOMETER_SMALL_PRODUCTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PLASTOMETER_SMALL_PRODUCTS_INL_H_
#undef PLASTOMETER_SMALL_PRODUCTS_INL_H_
#else
#define PLASTOMETER_SMALL_PRODUCTS_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "model/ops/portable/cpu/kernels.h"
#include "model/ops/portable/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace plastometer::portable::HWY_NAMESPACE {

constexpr int64_t kLanes = Arithmetic::kLanes;
#if HWY_TARGET == HWY_AVX3
constexpr int kRowsAtOnce = 8;
#elif HWY_TARGET == HWY_AVX2
constexpr int kRowsAtOnce = 4;
#else
constexpr int kRowsAtOnce = 2;
#endif

// What happens to a finished sum of row r, columns n...: sums are complete
// segmented dot products.
struct StoreSums {
  float* out;
  int64_t stride;
  HWY_ATTR HWY_INLINE void operator()(Float sum, int64_t r, int64_t n) const {
    Arithmetic::Store(sum, out + r * stride + n);
  }
};
struct StorePlusBias {
  const float* bias;
  float* out;
  int64_t stride;
  HWY_ATTR HWY_INLINE void operator()(Float sum, int64_t r, int64_t n) const {
    Arithmetic::Store(Arithmetic::Add(sum, Arithmetic::Load(bias + n)),
                      out + r * stride + n);
  }
};
struct StorePlusOne {
  float* out;
  int64_t stride;
  HWY_ATTR HWY_INLINE void operator()(Float sum, int64_t r, int64_t n) const {
    Arithmetic::Store(Arithmetic::Add(sum, Arithmetic::Set(1.0f)),
                      out + r * stride + n);
  }
};
struct Operand {
  const float* values;
  int64_t stride;  // floats between rows
};

// sums = one segment's chains: x [R rows], y [num_products rows].
template <int R, int V>
static HWY_ATTR HWY_INLINE void SegmentSums(
    const float* HWY_RESTRICT x, int64_t x_stride, const float* HWY_RESTRICT y,
    int64_t y_stride, int64_t num_products, Float (&sums)[R][V]) {
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sums[r][v] = Arithmetic::Set(0.0f);
  }
  for (int64_t k = 0; k < num_products; ++k, y += y_stride, ++x) {
    Float columns[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) columns[v] = Arithmetic::Load(y + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Float xr = Arithmetic::Set(x[r * x_stride]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v)
        sums[r][v] = Arithmetic::Fma(xr, columns[v], sums[r][v]);
    }
  }
}

template <int R, int V, class Finish>
static HWY_ATTR HWY_INLINE void ProductTile(Operand a, Operand b,
                                            int64_t num_products, int64_t row,
                                            int64_t column,
                                            const Finish& shared_finish) {
  // A copy: vector stores may alias anything that has an address.
  const Finish finish = shared_finish;
  const float *x = a.values + row * a.stride, *y = b.values + column;
  Float total[R][V];
  SegmentSums<R, V>(x, a.stride, y, b.stride, std::min(kSegment, num_products),
                    total);
  for (int64_t k = kSegment; k < num_products; k += kSegment) {
    Float sums[R][V];
    SegmentSums<R, V>(x + k, a.stride, y + k * b.stride, b.stride,
                      std::min(kSegment, num_products - k), sums);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v)
        total[r][v] = Arithmetic::Add(total[r][v], sums[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v)
      finish(total[r][v], row + r, column + v * kLanes);
  }
}

template <int R, class Finish>
static HWY_ATTR HWY_INLINE void ProductRows(Operand a, Operand b,
                                            int64_t num_products, int64_t row,
                                            int64_t num_columns,
                                            const Finish& finish) {
  int64_t n = 0;
  if (R == 1) {  // one row needs more columns to keep the FMA units busy
    for (; n + 4 * kLanes <= num_columns; n += 4 * kLanes)
      ProductTile<R, 4>(a, b, num_products, row, n, finish);
  }
  for (; n + 2 * kLanes <= num_columns; n += 2 * kLanes)
    ProductTile<R, 2>(a, b, num_products, row, n, finish);
  if (n < num_columns) ProductTile<R, 1>(a, b, num_products, row, n, finish);
}

// Rows [begin, end) of dot(a[row], b[:, n]), n < num_columns (a multiple of
// the lanes).
template <class Finish>
static HWY_ATTR HWY_NOINLINE void Product(Operand a, Operand b,
                                          int64_t num_products, int64_t begin,
                                          int64_t end, int64_t num_columns,
                                          const Finish& finish) {
  int64_t r = begin;
  for (; r + kRowsAtOnce <= end; r += kRowsAtOnce)
    ProductRows<kRowsAtOnce>(a, b, num_products, r, num_columns, finish);
  if (kRowsAtOnce > 4) {
    for (; r + 4 <= end; r += 4)
      ProductRows<4>(a, b, num_products, r, num_columns, finish);
  }
  for (; r < end; ++r)
    ProductRows<1>(a, b, num_products, r, num_columns, finish);
}

// state[r] = fnma(rate, chain_i(xt[r][i], h[i]), state[r]) over 16 tokens i:
// xt [num_rows, 16], h [16, num_columns]. Short chains: wide tiles of few rows,
// unrolled.
template <int R, int V>
static HWY_ATTR HWY_INLINE void StepTile(const float* HWY_RESTRICT xt,
                                         const float* HWY_RESTRICT h,
                                         int64_t h_stride, Float rate,
                                         float* state, int64_t stride) {
  Float sums[R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sums[r][v] = Arithmetic::Set(0.0f);
  }
#pragma GCC unroll 16
  for (int64_t i = 0; i < kBatchTokens; ++i) {
    Float columns[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v)
      columns[v] = Arithmetic::Load(h + i * h_stride + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Float x = Arithmetic::Set(xt[r * kBatchTokens + i]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v)
        sums[r][v] = Arithmetic::Fma(x, columns[v], sums[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      float* p = state + r * stride + v * kLanes;
      Arithmetic::Store(Arithmetic::Fnma(rate, sums[r][v], Arithmetic::Load(p)),
                        p);
    }
  }
}

#if HWY_TARGET == HWY_AVX3
constexpr int kStepVectors = 4;
#else
constexpr int kStepVectors = 2;
#endif
// between() runs after each tile.
template <class Between>
static HWY_ATTR HWY_NOINLINE void StepState(const float* xt, const float* h,
                                            int64_t num_rows,
                                            int64_t num_columns, float rate,
                                            float* state, Between between) {
  const Float step = Arithmetic::Set(rate);
  int64_t n = 0;
  const int64_t wide = kStepVectors * kLanes;
  for (; n + wide <= num_columns; n += wide) {
    for (int64_t r = 0; r < num_rows; r += 4) {
      StepTile<4, kStepVectors>(xt + r * kBatchTokens, h + n, num_columns, step,
                                state + r * num_columns + n, num_columns);
      between();
    }
  }
  for (; n < num_columns; n += kLanes) {
    for (int64_t r = 0; r < num_rows; r += 4) {
      StepTile<4, 1>(xt + r * kBatchTokens, h + n, num_columns, step,
                     state + r * num_columns + n, num_columns);
      between();
    }
  }
}

// z[t] = fnma(rate[t], chain_{i<=t}(a[t][i], h[i]), z[t]) for rows t, t+1, ..
template <int R, int V>
static HWY_ATTR HWY_INLINE void CorrectTile(Operand a, Operand h,
                                            const float* rate, int64_t t,
                                            int64_t column, float* z,
                                            int64_t z_stride) {
  using A = Arithmetic;
  Float sums[R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sums[r][v] = A::Set(0.0f);
  }
  const float* weights = a.values + t * a.stride;
  for (int64_t i = 0; i <= t; ++i) {
    Float row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v)
      row[v] = A::Load(h.values + i * h.stride + column + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Float w = A::Set(weights[r * a.stride + i]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[r][v] = A::Fma(w, row[v], sums[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int i = 1; i < R; ++i) {  // row t + i: rows r >= i see it
    Float row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v)
      row[v] = A::Load(h.values + (t + i) * h.stride + column + v * kLanes);
#pragma GCC unroll 8
    for (int r = i; r < R; ++r) {
      const Float w = A::Set(weights[r * a.stride + t + i]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[r][v] = A::Fma(w, row[v], sums[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    const Float tok = A::Set(rate[t + r]);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      float* p = z + (t + r) * z_stride + column + v * kLanes;
      A::Store(A::Fnma(tok, sums[r][v], A::Load(p)), p);
    }
  }
}

template <int R>
static HWY_ATTR HWY_INLINE void CorrectRows(Operand a, Operand h,
                                            const float* rate, int64_t t,
                                            int64_t num_columns, float* z,
                                            int64_t z_stride) {
  int64_t n = 0;
  for (; n + 2 * kLanes <= num_columns; n += 2 * kLanes)
    CorrectTile<R, 2>(a, h, rate, t, n, z, z_stride);
  for (; n < num_columns; n += kLanes)
    CorrectTile<R, 1>(a, h, rate, t, n, z, z_stride);
}

static HWY_ATTR HWY_NOINLINE void Correct(Operand a, Operand h,
                                          const float* rate, int64_t begin,
                                          int64_t end, int64_t num_columns,
                                          float* z, int64_t z_stride) {
  int64_t t = begin;
  for (; t + 4 <= end; t += 4)
    CorrectRows<4>(a, h, rate, t, num_columns, z, z_stride);
  for (; t < end; ++t) CorrectRows<1>(a, h, rate, t, num_columns, z, z_stride);
}

#if HWY_TARGET == HWY_SCALAR
static void Transpose(Operand from, int64_t num_rows, int64_t num_columns,
                      float* to, int64_t to_stride) {
  for (int64_t r = 0; r < num_rows; ++r) {
    for (int64_t c = 0; c < num_columns; ++c)
      to[c * to_stride + r] = from.values[r * from.stride + c];
  }
}
#else
#if HWY_TARGET == HWY_AVX2
// Four channels of rows 0 and 4.
static HWY_ATTR HWY_INLINE Float LoadBlocks(const float* p, int64_t stride) {
  return Float{_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)),
                                    _mm_loadu_ps(p + 4 * stride), 1)};
}
#else
// Four channels of rows 0, 4, 8 and 12.
static HWY_ATTR HWY_INLINE Float LoadBlocks(const float* p, int64_t stride) {
  __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(p));
  v = _mm512_mask_broadcast_f32x4(v, 0x00F0, _mm_loadu_ps(p + 4 * stride));
  v = _mm512_mask_broadcast_f32x4(v, 0x0F00, _mm_loadu_ps(p + 8 * stride));
  return Float{
      _mm512_mask_broadcast_f32x4(v, 0xF000, _mm_loadu_ps(p + 12 * stride))};
}
#endif
// to[c][r] = from[r][c]; rows a multiple of the lanes, columns of 4.
static HWY_ATTR HWY_NOINLINE void Transpose(Operand from, int64_t num_rows,
                                            int64_t num_columns, float* to,
                                            int64_t to_stride) {
  const hn::ScalableTag<float> tag;
  const hn::ScalableTag<double> pairs;
  for (int64_t r = 0; r < num_rows; r += kLanes) {
    for (int64_t c = 0; c < num_columns; c += 4) {
      const float* p = from.values + r * from.stride + c;
      const Float a0 = LoadBlocks(p, from.stride),
                  a1 = LoadBlocks(p + from.stride, from.stride),
                  a2 = LoadBlocks(p + 2 * from.stride, from.stride),
                  a3 = LoadBlocks(p + 3 * from.stride, from.stride);
      const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(tag, a0, a1)),
                 low23 = hn::BitCast(pairs, hn::InterleaveLower(tag, a2, a3)),
                 high01 = hn::BitCast(pairs, hn::InterleaveUpper(tag, a0, a1)),
                 high23 = hn::BitCast(pairs, hn::InterleaveUpper(tag, a2, a3));
      float* q = to + c * to_stride + r;
      Arithmetic::Store(
          hn::BitCast(tag, hn::InterleaveLower(pairs, low01, low23)), q);
      Arithmetic::Store(
          hn::BitCast(tag, hn::InterleaveUpper(pairs, low01, low23)),
          q + to_stride);
      Arithmetic::Store(
          hn::BitCast(tag, hn::InterleaveLower(pairs, high01, high23)),
          q + 2 * to_stride);
      Arithmetic::Store(
          hn::BitCast(tag, hn::InterleaveUpper(pairs, high01, high23)),
          q + 3 * to_stride);
    }
  }
}
#endif

}  // namespace plastometer::portable::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
