// Matrix products with the portable order: register tiles of rows x columns,
// each element one fma chain in a segment of 256, segments added in order.
// Rows, columns, tiles and threads never enter a result.
#if defined(PLASTOMETER_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PLASTOMETER_GEMM_INL_H_
#undef PLASTOMETER_GEMM_INL_H_
#else
#define PLASTOMETER_GEMM_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "model/ops/portable/cpu/kernels.h"
#include "model/ops/portable/cpu/scratch.h"
#include "model/ops/portable/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace plastometer::portable::HWY_NAMESPACE {

// Rows x vectors of a register tile: all but a few of the 32 (AVX-512) or 16
// (AVX2) registers are accumulators.
#if HWY_TARGET == HWY_SCALAR
constexpr int kTileRows = 2, kTileVectors = 4;
#elif HWY_TARGET == HWY_AVX2
constexpr int kTileRows = 6, kTileVectors = 2;
#else
constexpr int kTileRows = 14, kTileVectors = 2;
#endif
constexpr int kTileColumns =
    kTileVectors * static_cast<int>(Arithmetic::kLanes);
static_assert(kPanelColumns % kTileColumns == 0);
// Rows of x are copied here a segment at a time: rows of the model's widths
// are often a multiple of 4 KiB apart and would fight for the same cache sets.
constexpr int64_t kCopyStride = kSegment + 16;
constexpr int64_t kStreamAhead = 1024;  // floats; few rows are bound by memory
constexpr int64_t kBlockRows = 448;  // x's copy: 487 KB of a second-level cache

// c [R, vectors] (+)= sum_k a[r][k] b[k]; columns beyond `num_columns` are not
// stored. b has `kPanelColumns` floats between rows.
template <int R, int V, bool kStream>
static HWY_ATTR HWY_INLINE void Tile(const float* HWY_RESTRICT a,
                                     const float* HWY_RESTRICT b,
                                     int64_t num_products, bool first,
                                     float* HWY_RESTRICT c, int64_t c_stride,
                                     int64_t num_columns) {
  using A = Arithmetic;
  Float sums[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sums[r][v] = A::Set(0.0f);
  }
  if (!first) {  // what the sums are added to, from the second level or worse
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      __builtin_prefetch(c + r * c_stride, 0, 2);
      if (V * A::kLanes > 16) __builtin_prefetch(c + r * c_stride + 16, 0, 2);
    }
  }
  for (int64_t k = 0; k < num_products; ++k) {
    Float columns[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v)
      columns[v] = A::Load(b + k * kPanelColumns + v * A::kLanes);
    if (kStream) {
      __builtin_prefetch(b + k * kPanelColumns + kStreamAhead);
      if (V * A::kLanes > 16)
        __builtin_prefetch(b + k * kPanelColumns + kStreamAhead + 16);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Float x = A::Set(a[r * kCopyStride + k]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v)
        sums[r][v] = A::Fma(x, columns[v], sums[r][v]);
    }
  }
  if (num_columns >= V * A::kLanes) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        float* out = c + r * c_stride + v * A::kLanes;
        A::Store(first ? sums[r][v] : A::Add(A::Load(out), sums[r][v]), out);
      }
    }
    return;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      float* out = c + r * c_stride + v * A::kLanes;
      const int64_t n =
          std::clamp<int64_t>(num_columns - v * A::kLanes, 0, A::kLanes);
      A::StoreFirst(
          first ? sums[r][v] : A::Add(A::LoadFirst(out, n), sums[r][v]), out,
          n);
    }
  }
}

// One panel's columns for R rows.
template <int R, bool kStream>
static HWY_ATTR HWY_INLINE void PanelTile(const float* a, const float* b,
                                          int64_t num_products, bool first,
                                          float* c, int64_t c_stride,
                                          int64_t num_columns) {
#pragma GCC unroll 8
  for (int64_t n = 0; n < kPanelColumns; n += kTileColumns) {
    if (n >= num_columns) break;
    Tile<R, kTileVectors, kStream>(a, b + n, num_products, first, c + n,
                                   c_stride, num_columns - n);
  }
}

using PanelTileFunction = void (*)(const float* a, const float* b,
                                   int64_t num_products, bool first, float* c,
                                   int64_t c_stride, int64_t num_columns);
template <int R, bool kStream>
static HWY_ATTR HWY_NOINLINE void PanelTileCall(const float* a, const float* b,
                                                int64_t num_products,
                                                bool first, float* c,
                                                int64_t c_stride,
                                                int64_t num_columns) {
  PanelTile<R, kStream>(a, b, num_products, first, c, c_stride, num_columns);
}
template <bool kStream, int... R>
static constexpr std::array<PanelTileFunction, sizeof...(R)> PanelTiles(
    std::integer_sequence<int, R...>) {
  return {PanelTileCall<R + 1, kStream>...};
}
static constexpr auto kPanelTiles =
    PanelTiles<false>(std::make_integer_sequence<int, kTileRows>());
static constexpr auto kStreamTiles =
    PanelTiles<true>(std::make_integer_sequence<int, kTileRows>());

// The next panel's share of this row tile, on its way to the second level.
static HWY_ATTR HWY_INLINE void PrefetchShare(const float* panel,
                                              int64_t num_floats, int64_t part,
                                              int64_t num_parts) {
  const int64_t begin = num_floats * part / num_parts & ~int64_t{15},
                end = num_floats * (part + 1) / num_parts;
  for (int64_t i = begin; i < end; i += 16) __builtin_prefetch(panel + i, 0, 2);
}

static HWY_ATTR void CopySegment(const float* x, int64_t x_stride,
                                 int64_t num_rows, int64_t num_products,
                                 float* copy) {
  for (int64_t r = 0; r < num_rows; ++r)
    std::memcpy(copy + r * kCopyStride, x + r * x_stride,
                static_cast<size_t>(num_products) * sizeof(float));
}

// Up to kTileRows rows: the matrix is read once, as it lies in memory.
static HWY_ATTR void GemmFewRows(const GemmArguments& g, int64_t row_begin,
                                 int64_t num_rows, int64_t panel_begin,
                                 int64_t panel_end) {
  const int64_t K = g.matrix.num_in, N = g.matrix.num_out;
  const int64_t num_segments =
      std::max<int64_t>(1, (K + kSegment - 1) / kSegment);
  float* copy = Scratch(num_segments * kTileRows * kCopyStride);
  for (int64_t s = 0; s < num_segments; ++s)
    CopySegment(g.x + row_begin * g.x_stride + s * kSegment, g.x_stride,
                num_rows, std::min(kSegment, K - s * kSegment),
                copy + s * kTileRows * kCopyStride);
  float* y = g.y + row_begin * g.y_stride;
  for (int64_t p = panel_begin; p < panel_end; ++p) {
    const float* panel = g.matrix.values + p * K * kPanelColumns;
    for (int64_t s = 0; s < num_segments; ++s)
      kStreamTiles[num_rows - 1](copy + s * kTileRows * kCopyStride,
                                 panel + s * kSegment * kPanelColumns,
                                 std::min(kSegment, K - s * kSegment), s == 0,
                                 y + p * kPanelColumns, g.y_stride,
                                 N - p * kPanelColumns);
  }
}

static HWY_ATTR void GemmBlock(const GemmArguments& g, int64_t row_begin,
                               int64_t num_rows, int64_t panel_begin,
                               int64_t panel_end) {
  const int64_t K = g.matrix.num_in, N = g.matrix.num_out;
  float* copy = Scratch(kBlockRows * kCopyStride);
  const int64_t num_tiles = (num_rows + kTileRows - 1) / kTileRows;
  for (int64_t k = 0; k < std::max<int64_t>(K, 1); k += kSegment) {
    const int64_t n = std::min(kSegment, K - k);
    CopySegment(g.x + row_begin * g.x_stride + k, g.x_stride, num_rows, n,
                copy);
    for (int64_t p = panel_begin; p < panel_end; ++p) {
      const float* panel = g.matrix.values + (p * K + k) * kPanelColumns;
      for (int64_t t = 0; t < num_tiles; ++t) {
        const int64_t r = t * kTileRows,
                      rows = std::min<int64_t>(kTileRows, num_rows - r);
        if (p + 1 < panel_end)
          PrefetchShare(panel + K * kPanelColumns, n * kPanelColumns, t,
                        num_tiles);
        kPanelTiles[rows - 1](
            copy + r * kCopyStride, panel, n, k == 0,
            g.y + (row_begin + r) * g.y_stride + p * kPanelColumns, g.y_stride,
            N - p * kPanelColumns);
      }
    }
  }
}

static HWY_ATTR void Gemm(const GemmArguments& arguments, int64_t row_begin,
                          int64_t row_end, int64_t panel_begin,
                          int64_t panel_end) {
  for (int64_t r = row_begin; r < row_end; r += kBlockRows) {
    const int64_t rows = std::min(kBlockRows, row_end - r);
    if (rows <= kTileRows)
      GemmFewRows(arguments, r, rows, panel_begin, panel_end);
    else
      GemmBlock(arguments, r, rows, panel_begin, panel_end);
  }
}

}  // namespace plastometer::portable::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
