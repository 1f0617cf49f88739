// The inner norm over up to 16 rows at once: layer norm, and its gradient.
// Row sums follow the 32-lane rule; the last 16 lanes of all rows are folded
// together, one result a lane.
#if defined(PLASTOMETER_INNER_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PLASTOMETER_INNER_NORM_INL_H_
#undef PLASTOMETER_INNER_NORM_INL_H_
#else
#define PLASTOMETER_INNER_NORM_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "model/ops/portable/cpu/row_sums-inl.h"
#include "model/ops/portable/cpu/simd-inl.h"
#include "model/ops/portable/cpu/small_products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace plastometer::portable::HWY_NAMESPACE {

constexpr float kInnerEps = 1e-6f;

// Row sums of 16 rows, before the lanes of one vector are folded.
struct RowPartials {
#if HWY_TARGET == HWY_SCALAR
  float sums[16];
#else
  HWY_ALIGN float lanes[16][kLanes];
#endif
};

static HWY_ATTR HWY_INLINE void KeepRow(const RowLanes& sums, int64_t row,
                                        RowPartials& partials) {
#if HWY_TARGET == HWY_SCALAR
  partials.sums[row] = ReduceTree(sums);
#elif HWY_TARGET == HWY_AVX2
  const Float low = Arithmetic::Add(sums.vectors[0], sums.vectors[2]),
              high = Arithmetic::Add(sums.vectors[1], sums.vectors[3]);
  Arithmetic::Store(Arithmetic::Add(low, high), partials.lanes[row]);
#else
  Arithmetic::Store(Arithmetic::Add(sums.vectors[0], sums.vectors[1]),
                    partials.lanes[row]);
#endif
}

#if HWY_TARGET == HWY_AVX3
// One level of the tree for two vectors of partial sums.
static HWY_ATTR HWY_INLINE Float Fold8(Float a, Float b) {
  return Arithmetic::Add(Float{_mm512_shuffle_f32x4(a.raw, b.raw, 0x44)},
                         Float{_mm512_shuffle_f32x4(a.raw, b.raw, 0xEE)});
}
static HWY_ATTR HWY_INLINE Float Fold4(Float a, Float b) {
  return Arithmetic::Add(Float{_mm512_shuffle_f32x4(a.raw, b.raw, 0x88)},
                         Float{_mm512_shuffle_f32x4(a.raw, b.raw, 0xDD)});
}
static HWY_ATTR HWY_INLINE Float Fold2(Float a, Float b) {
  return Arithmetic::Add(Float{_mm512_shuffle_ps(a.raw, b.raw, 0x44)},
                         Float{_mm512_shuffle_ps(a.raw, b.raw, 0xEE)});
}
static HWY_ATTR HWY_INLINE Float Fold1(Float a, Float b) {
  return Arithmetic::Add(Float{_mm512_shuffle_ps(a.raw, b.raw, 0x88)},
                         Float{_mm512_shuffle_ps(a.raw, b.raw, 0xDD)});
}
static HWY_ATTR HWY_INLINE Float FoldQuad(const RowPartials& p, int i) {
  const auto row = [&p](int r)
                       HWY_ATTR { return Arithmetic::Load(p.lanes[r]); };
  return Fold4(Fold8(row(i), row(i + 4)), Fold8(row(i + 8), row(i + 12)));
}
// sums[r] = the row sum of row r, for 16 rows.
static HWY_ATTR HWY_INLINE void FoldRows(const RowPartials& p, float* sums) {
  const Float low = Fold2(FoldQuad(p, 0), FoldQuad(p, 1)),
              high = Fold2(FoldQuad(p, 2), FoldQuad(p, 3));
  Arithmetic::Store(Fold1(low, high), sums);
}
#elif HWY_TARGET == HWY_AVX2
static HWY_ATTR HWY_INLINE Float Fold4(Float a, Float b) {
  return Arithmetic::Add(Float{_mm256_permute2f128_ps(a.raw, b.raw, 0x20)},
                         Float{_mm256_permute2f128_ps(a.raw, b.raw, 0x31)});
}
static HWY_ATTR HWY_INLINE Float Fold2(Float a, Float b) {
  return Arithmetic::Add(Float{_mm256_shuffle_ps(a.raw, b.raw, 0x44)},
                         Float{_mm256_shuffle_ps(a.raw, b.raw, 0xEE)});
}
static HWY_ATTR HWY_INLINE Float Fold1(Float a, Float b) {
  return Arithmetic::Add(Float{_mm256_shuffle_ps(a.raw, b.raw, 0x88)},
                         Float{_mm256_shuffle_ps(a.raw, b.raw, 0xDD)});
}
static HWY_ATTR HWY_INLINE void FoldRows(const RowPartials& p, float* sums) {
  for (int r = 0; r < 16; r += 8) {
    const auto pair = [&p, r](int i) HWY_ATTR {
      return Fold4(Arithmetic::Load(p.lanes[r + i]),
                   Arithmetic::Load(p.lanes[r + i + 4]));
    };
    const Float low = Fold2(pair(0), pair(1)), high = Fold2(pair(2), pair(3));
    Arithmetic::Store(Fold1(low, high), sums + r);
  }
}
#else
static void FoldRows(const RowPartials& p, float* sums) {
  std::copy(p.sums, p.sums + 16, sums);
}
#endif

// A row's width, as a constant where it is a common one: its loops unroll.
template <int64_t kConstant>
struct Width {
  static constexpr int64_t value() { return kConstant; }
};
struct AnyWidth {
  int64_t width;
  int64_t value() const { return width; }
};

// sums[v] = step(sums[v], channel) over the row's vectors.
template <class W, class Step>
static HWY_ATTR HWY_INLINE RowLanes SumRow(W width, Step step) {
  RowLanes sums;
#pragma GCC unroll 32
  for (int g = 0; g < kRowVectors; ++g) sums.vectors[g] = Arithmetic::Set(0.0f);
  for (int64_t n = 0; n < width.value(); n += 32) {
#pragma GCC unroll 32
    for (int g = 0; g < kRowVectors; ++g) {
      if (n + g * kLanes >= width.value()) break;
      sums.vectors[g] = step(sums.vectors[g], n + g * kLanes);
    }
  }
  return sums;
}

static HWY_ATTR HWY_INLINE void DivideSums(float* sums, Float n) {
#pragma GCC unroll 16
  for (int64_t r = 0; r < 16; r += kLanes)
    Arithmetic::Store(Arithmetic::Div(Arithmetic::Load(sums + r), n), sums + r);
}

// Centres the rows [begin, end) of z; 1 / std of each.
template <class W>
static HWY_ATTR HWY_INLINE void CenterRows(float* z, W width, int64_t begin,
                                           int64_t end, float* inverse_std) {
  using A = Arithmetic;
  RowPartials partials;
  HWY_ALIGN float sums[16];
  for (int64_t r = begin; r < end; ++r) {
    const float* row = z + r * width.value();
    KeepRow(
        SumRow(width, [row](Float sum, int64_t n)
                          HWY_ATTR { return A::Add(sum, A::Load(row + n)); }),
        r, partials);
  }
  FoldRows(partials, sums);
  const Float d = A::Set(static_cast<float>(width.value()));
  DivideSums(sums, d);
  for (int64_t r = begin; r < end; ++r) {
    float* row = z + r * width.value();
    const Float mean = A::Set(sums[r]);
    KeepRow(SumRow(width,
                   [row, mean](Float sum, int64_t n) HWY_ATTR {
                     const Float c = A::Sub(A::Load(row + n), mean);
                     A::Store(c, row + n);
                     return A::Fma(c, c, sum);
                   }),
            r, partials);
  }
  FoldRows(partials, sums);
  DivideSums(sums, d);
  const Float eps = A::Set(kInnerEps), one = A::Set(1.0f);
#pragma GCC unroll 16
  for (int64_t r = 0; r < 16; r += kLanes)
    A::Store(A::Div(one, A::Sqrt(A::Add(A::Load(sums + r), eps))),
             inverse_std + r);
}

// out[r] = q[r] + LN(z[r]); z is overwritten.
struct ResidualRows {
  const float *weight, *bias;
  Operand q;   // row 0 first
  float* out;  // row `begin` first
  int64_t out_stride;
};
template <class W>
static HWY_ATTR HWY_NOINLINE void NormPlusResidualOf(float* z, W width,
                                                     int64_t begin, int64_t end,
                                                     ResidualRows rows) {
  using A = Arithmetic;
  HWY_ALIGN float inverse_std[16];
  CenterRows(z, width, begin, end, inverse_std);
  for (int64_t r = begin; r < end; ++r) {
    const Float scale = A::Set(inverse_std[r]);
    const float *row = z + r * width.value(),
                *q_row = rows.q.values + r * rows.q.stride;
    float* out_row = rows.out + (r - begin) * rows.out_stride;
    for (int64_t n = 0; n < width.value(); n += kLanes) {
      const Float xhat = A::Mul(A::Load(row + n), scale);
      const Float y =
          A::Fma(xhat, A::Load(rows.weight + n), A::Load(rows.bias + n));
      A::Store(A::Add(A::Load(q_row + n), y), out_row + n);
    }
  }
}
static HWY_ATTR void NormPlusResidual(float* z, int64_t width, int64_t begin,
                                      int64_t end, const ResidualRows& rows) {
  if (width == 64)
    NormPlusResidualOf(z, Width<64>(), begin, end, rows);
  else if (width == 96)
    NormPlusResidualOf(z, Width<96>(), begin, end, rows);
  else
    NormPlusResidualOf(z, AnyWidth{width}, begin, end, rows);
}

struct NormGradientRows {
  float* target;  // [16, width], overwritten
  const float *weight, *bias;
  const float* rate;  // f_t, [16]
  float* h;           // [16, width]: G f
  float* g;           // [16, width] or null; may be target
  float* losses;      // [16] 1/2 rowsq(LN(z) - T), or null
};

// What NormGradient needs of all rows.
struct GradientSums {
  RowPartials ghat, product, loss;
};

template <bool kLosses, class W>
static HWY_ATTR HWY_INLINE void GradientRow(const float* row, W width,
                                            Float scale,
                                            const NormGradientRows& rows,
                                            int64_t r, GradientSums& sums) {
  using A = Arithmetic;
  const float *weight = rows.weight, *bias = rows.bias;
  float* target = rows.target + r * width.value();
  RowLanes product, loss;
#pragma GCC unroll 32
  for (int g = 0; g < kRowVectors; ++g)
    product.vectors[g] = loss.vectors[g] = A::Set(0.0f);
  const RowLanes ghat = SumRow(width, [&](Float sum, int64_t n) HWY_ATTR {
    const int64_t g = n % 32 / kLanes;
    const Float w = A::Load(weight + n);
    const Float xhat = A::Mul(A::Load(row + n), scale);
    const Float error =
        A::Sub(A::Fma(xhat, w, A::Load(bias + n)), A::Load(target + n));
    const Float value = A::Mul(error, w);
    A::Store(value, target + n);
    product.vectors[g] = A::Fma(value, xhat, product.vectors[g]);
    if (kLosses) loss.vectors[g] = A::Fma(error, error, loss.vectors[g]);
    return A::Add(sum, value);
  });
  KeepRow(ghat, r, sums.ghat);
  KeepRow(product, r, sums.product);
  if (kLosses) KeepRow(loss, r, sums.loss);
}

// G of rows [begin, end) from z, which is overwritten.
template <class W>
static HWY_ATTR HWY_NOINLINE void NormGradientOf(float* z, W width,
                                                 int64_t begin, int64_t end,
                                                 NormGradientRows rows) {
  using A = Arithmetic;
  HWY_ALIGN float inverse_std[16];
  HWY_ALIGN float mean_ghat[16];
  HWY_ALIGN float mean_product[16];
  CenterRows(z, width, begin, end, inverse_std);
  GradientSums sums;
  if (rows.losses == nullptr) {
    for (int64_t r = begin; r < end; ++r)
      GradientRow<false>(z + r * width.value(), width, A::Set(inverse_std[r]),
                         rows, r, sums);
  } else {
    for (int64_t r = begin; r < end; ++r)
      GradientRow<true>(z + r * width.value(), width, A::Set(inverse_std[r]),
                        rows, r, sums);
    HWY_ALIGN float squares[16];
    FoldRows(sums.loss, squares);
    for (int64_t r = begin; r < end; ++r) rows.losses[r] = 0.5f * squares[r];
  }
  FoldRows(sums.ghat, mean_ghat);
  FoldRows(sums.product, mean_product);
  const Float d = A::Set(static_cast<float>(width.value()));
  DivideSums(mean_ghat, d);
  DivideSums(mean_product, d);
  for (int64_t r = begin; r < end; ++r) {
    const Float m1 = A::Set(mean_ghat[r]), m2 = A::Set(mean_product[r]),
                scale = A::Set(inverse_std[r]), rate = A::Set(rows.rate[r]);
    const int64_t first = r * width.value();
    const float *row = z + first, *ghat = rows.target + first;
    float *h = rows.h + first,
          *g = rows.g != nullptr ? rows.g + first : nullptr;
    for (int64_t n = 0; n < width.value(); n += kLanes) {
      const Float xhat = A::Mul(A::Load(row + n), scale);
      const Float gradient =
          A::Mul(A::Fnma(xhat, m2, A::Sub(A::Load(ghat + n), m1)), scale);
      if (g != nullptr) A::Store(gradient, g + n);
      A::Store(A::Mul(gradient, rate), h + n);
    }
  }
}
static HWY_ATTR void NormGradient(float* z, int64_t width, int64_t begin,
                                  int64_t end, const NormGradientRows& rows) {
  if (width == 64)
    NormGradientOf(z, Width<64>(), begin, end, rows);
  else if (width == 96)
    NormGradientOf(z, Width<96>(), begin, end, rows);
  else
    NormGradientOf(z, AnyWidth{width}, begin, end, rows);
}

}  // namespace plastometer::portable::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
