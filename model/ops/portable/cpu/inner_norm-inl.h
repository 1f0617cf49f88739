// The inner norm over up to 16 rows at once: layer norm, and its gradient.
// Row sums follow the 32-lane rule; the last 16 lanes of all rows are folded
// together, one result a lane.
#if defined(PLASTOMETER_INNER_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PLASTOMETER_INNER_NORM_INL_H_
#undef PLASTOMETER_INNER_NORM_INL_H_
#else
#define PLASTOMETER_INNER_NORM_INL_H_
#endif

#include <cstdint>

#include "model/ops/portable/cpu/simd-inl.h"
#include "model/ops/portable/cpu/small_products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace plastometer::portable::HWY_NAMESPACE {

constexpr float kInnerEps = 1e-6f;
constexpr int kGroups = 32 / static_cast<int>(kLanes);

// The 32 lanes of one row: group g holds lanes [g kLanes, (g + 1) kLanes).
struct LaneSums {
  Float groups[kGroups];
};

// Partial sums of 16 rows, folded to the lanes of one vector each.
struct RowPartials {
#if HWY_TARGET == HWY_SCALAR
  float lanes[16][32];
#else
  HWY_ALIGN float lanes[16][kLanes];
#endif
};

static HWY_ATTR HWY_INLINE void KeepRow(const LaneSums& sums, int64_t row,
                                        RowPartials& partials) {
#if HWY_TARGET == HWY_SCALAR
  for (int l = 0; l < 32; ++l) partials.lanes[row][l] = sums.groups[l];
#elif HWY_TARGET == HWY_AVX2
  const Float low = Arithmetic::Add(sums.groups[0], sums.groups[2]),
              high = Arithmetic::Add(sums.groups[1], sums.groups[3]);
  Arithmetic::Store(Arithmetic::Add(low, high), partials.lanes[row]);
#else
  Arithmetic::Store(Arithmetic::Add(sums.groups[0], sums.groups[1]),
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
  for (int r = 0; r < 16; ++r) {
    float lanes[32];
    for (int l = 0; l < 32; ++l) lanes[l] = p.lanes[r][l];
    for (int h = 16; h >= 1; h /= 2) {
      for (int l = 0; l < h; ++l) lanes[l] = lanes[l] + lanes[l + h];
    }
    sums[r] = lanes[0];
  }
}
#endif

// What the passes below leave for the rows [begin, end): centred rows in z,
// 1 / std in `inverse_std`.
static HWY_ATTR HWY_NOINLINE void CenterRows(float* z, int64_t width,
                                             int64_t begin, int64_t end,
                                             float* inverse_std) {
  using A = Arithmetic;
  RowPartials partials;
  HWY_ALIGN float sums[16];
  for (int64_t r = begin; r < end; ++r) {
    const float* row = z + r * width;
    LaneSums lanes;
#pragma GCC unroll 32
    for (int g = 0; g < kGroups; ++g) lanes.groups[g] = A::Set(0.0f);
    for (int64_t n = 0; n < width; n += 32) {
#pragma GCC unroll 32
      for (int g = 0; g < kGroups; ++g) {
        if (n + g * kLanes >= width) break;
        lanes.groups[g] =
            A::Add(lanes.groups[g], A::Load(row + n + g * kLanes));
      }
    }
    KeepRow(lanes, r, partials);
  }
  FoldRows(partials, sums);
  const Float d = A::Set(static_cast<float>(width));
  for (int64_t r = 0; r < 16; r += kLanes)
    A::Store(A::Div(A::Load(sums + r), d), sums + r);
  for (int64_t r = begin; r < end; ++r) {
    float* row = z + r * width;
    const Float mean = A::Set(sums[r]);
    LaneSums lanes;
#pragma GCC unroll 32
    for (int g = 0; g < kGroups; ++g) lanes.groups[g] = A::Set(0.0f);
    for (int64_t n = 0; n < width; n += 32) {
#pragma GCC unroll 32
      for (int g = 0; g < kGroups; ++g) {
        if (n + g * kLanes >= width) break;
        const Float c = A::Sub(A::Load(row + n + g * kLanes), mean);
        A::Store(c, row + n + g * kLanes);
        lanes.groups[g] = A::Fma(c, c, lanes.groups[g]);
      }
    }
    KeepRow(lanes, r, partials);
  }
  FoldRows(partials, sums);
  const Float eps = A::Set(kInnerEps), one = A::Set(1.0f);
  for (int64_t r = 0; r < 16; r += kLanes) {
    const Float variance = A::Div(A::Load(sums + r), d);
    A::Store(A::Div(one, A::Sqrt(A::Add(variance, eps))), inverse_std + r);
  }
}

// out[r] = q[r] + LN(z[r]); z is overwritten.
static HWY_ATTR HWY_NOINLINE void NormPlusResidual(
    float* z, int64_t width, int64_t begin, int64_t end, const float* weight,
    const float* bias, Operand q, float* out, int64_t out_stride) {
  using A = Arithmetic;
  HWY_ALIGN float inverse_std[16];
  CenterRows(z, width, begin, end, inverse_std);
  for (int64_t n = 0; n < width; n += kLanes) {
    const Float w = A::Load(weight + n), b = A::Load(bias + n);
    for (int64_t r = begin; r < end; ++r) {
      const Float xhat =
          A::Mul(A::Load(z + r * width + n), A::Set(inverse_std[r]));
      A::Store(A::Add(A::Load(q.values + r * q.stride + n), A::Fma(xhat, w, b)),
               out + (r - begin) * out_stride + n);
    }
  }
}

struct NormGradientRows {
  const float* target;  // [16, width]
  const float *weight, *bias;
  const float* rate;  // f_t, [16]
  float* h;           // [16, width]: G f
  float* g;           // [16, width] or null
  float* losses;      // [16] 1/2 rowsq(LN(z) - T), or null
};

// G of rows [begin, end) from z, which is overwritten.
static HWY_ATTR HWY_NOINLINE void NormGradient(float* z, int64_t width,
                                               int64_t begin, int64_t end,
                                               const NormGradientRows& rows) {
  using A = Arithmetic;
  HWY_ALIGN float inverse_std[16];
  HWY_ALIGN float mean_ghat[16];
  HWY_ALIGN float mean_ghat_xhat[16];
  HWY_ALIGN float ghat[16 * 256];
  CenterRows(z, width, begin, end, inverse_std);
  RowPartials ghat_partials, product_partials, loss_partials;
  for (int64_t r = begin; r < end; ++r) {
    const Float scale = A::Set(inverse_std[r]);
    float *row = z + r * width, *ghat_row = ghat + r * width;
    const float* target = rows.target + r * width;
    LaneSums sum, product, loss;
#pragma GCC unroll 32
    for (int g = 0; g < kGroups; ++g)
      sum.groups[g] = product.groups[g] = loss.groups[g] = A::Set(0.0f);
    for (int64_t n = 0; n < width; n += 32) {
#pragma GCC unroll 32
      for (int g = 0; g < kGroups; ++g) {
        const int64_t c = n + g * kLanes;
        if (c >= width) break;
        const Float w = A::Load(rows.weight + c);
        const Float xhat = A::Mul(A::Load(row + c), scale);
        const Float error = A::Sub(A::Fma(xhat, w, A::Load(rows.bias + c)),
                                   A::Load(target + c));
        const Float value = A::Mul(error, w);
        A::Store(xhat, row + c);
        A::Store(value, ghat_row + c);
        sum.groups[g] = A::Add(sum.groups[g], value);
        product.groups[g] = A::Fma(value, xhat, product.groups[g]);
        if (rows.losses != nullptr)
          loss.groups[g] = A::Fma(error, error, loss.groups[g]);
      }
    }
    KeepRow(sum, r, ghat_partials);
    KeepRow(product, r, product_partials);
    if (rows.losses != nullptr) KeepRow(loss, r, loss_partials);
  }
  FoldRows(ghat_partials, mean_ghat);
  FoldRows(product_partials, mean_ghat_xhat);
  const Float d = A::Set(static_cast<float>(width));
  for (int64_t r = 0; r < 16; r += kLanes) {
    A::Store(A::Div(A::Load(mean_ghat + r), d), mean_ghat + r);
    A::Store(A::Div(A::Load(mean_ghat_xhat + r), d), mean_ghat_xhat + r);
  }
  if (rows.losses != nullptr) {
    HWY_ALIGN float squares[16];
    FoldRows(loss_partials, squares);
    for (int64_t r = begin; r < end; ++r) rows.losses[r] = 0.5f * squares[r];
  }
  for (int64_t r = begin; r < end; ++r) {
    const Float m1 = A::Set(mean_ghat[r]), m2 = A::Set(mean_ghat_xhat[r]),
                scale = A::Set(inverse_std[r]), rate = A::Set(rows.rate[r]);
    for (int64_t n = 0; n < width; n += kLanes) {
      const int64_t i = r * width + n;
      const Float gradient = A::Mul(
          A::Fnma(A::Load(z + i), m2, A::Sub(A::Load(ghat + i), m1)), scale);
      if (rows.g != nullptr) A::Store(gradient, rows.g + i);
      A::Store(A::Mul(gradient, rate), rows.h + i);
    }
  }
}

}  // namespace plastometer::portable::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
