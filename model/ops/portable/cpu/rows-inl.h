// Kernels over rows: norms, the convolution, the loss, and functions by
// element. A vector holds neighbouring elements of one row.
#if defined(PLASTOMETER_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PLASTOMETER_ROWS_INL_H_
#undef PLASTOMETER_ROWS_INL_H_
#else
#define PLASTOMETER_ROWS_INL_H_
#endif

#include <cmath>
#include <cstdint>

#include "model/ops/portable/cpu/row_sums-inl.h"
#include "model/ops/portable/cpu/simd-inl.h"
#include "model/ops/portable/functions.h"

HWY_BEFORE_NAMESPACE();
namespace plastometer::portable::HWY_NAMESPACE {

// y[i] = f(x[i]...) for i < n. y may be one of x.
template <class Function, class... X>
static HWY_ATTR HWY_INLINE void Map(Function f, float* y, int64_t n,
                                    const X*... x) {
  using A = Arithmetic;
  int64_t i = 0;
  for (; i + A::kLanes <= n; i += A::kLanes)
    A::Store(f(A::Load(x + i)...), y + i);
  if (i < n) A::StoreFirst(f(A::LoadFirst(x + i, n - i)...), y + i, n - i);
}

// 1 / sqrt(x)
static HWY_ATTR HWY_INLINE float InverseRoot(float x) {
#if HWY_TARGET == HWY_SCALAR
  return 1.0f / std::sqrt(x);
#else
  // The instruction alone: std::sqrt may call libm for errno.
  return 1.0f / hn::GetLane(hn::Sqrt(hn::Set(hn::CappedTag<float, 1>(), x)));
#endif
}

static HWY_ATTR void RmsNorm(const float* x, const float* weight, float eps,
                             float* y, int64_t num_rows, int64_t width) {
  using A = Arithmetic;
  const auto n = static_cast<float>(width);
  for (int64_t row = 0; row < num_rows; ++row, x += width, y += width) {
    const Float r = A::Set(InverseRoot(RowDot(x, x, width) / n + eps));
    Map([r](Float value, Float w)
            HWY_ATTR { return A::Mul(A::Mul(value, r), w); },
        y, width, x, weight);
  }
}

// rowsq(x - mean)
static HWY_ATTR HWY_INLINE float CenteredSquares(const float* x, Float mean,
                                                 int64_t n) {
  using A = Arithmetic;
  return ReduceTree(AccumulateRow(
      n, A::Set(0.0f), [x](int64_t i) HWY_ATTR { return A::Load(x + i); },
      [x](int64_t i, int64_t count)
          HWY_ATTR { return A::LoadFirst(x + i, count); },
      [mean](Float sum, Float value) HWY_ATTR {
        const Float c = A::Sub(value, mean);
        return A::Fma(c, c, sum);
      }));
}

static HWY_ATTR void GatedNorm(const float* gate, const float* o,
                               const float* weight, const float* bias,
                               float eps, float* y, int64_t num_rows,
                               int64_t width) {
  using A = Arithmetic;
  const auto n = static_cast<float>(width);
  for (int64_t row = 0; row < num_rows; ++row, o += width, y += width) {
    const Float mean = A::Set(RowSum(o, width) / n);
    const Float r =
        A::Set(InverseRoot(CenteredSquares(o, mean, width) / n + eps));
    const auto norm = [mean, r](Float x, Float w, Float b) HWY_ATTR {
      return A::Fma(A::Mul(A::Sub(x, mean), r), w, b);
    };
    if (gate == nullptr) {
      Map(norm, y, width, o, weight, bias);
      continue;
    }
    Map([norm](Float g, Float x, Float w, Float b)
            HWY_ATTR { return A::Mul(Gelu<A>(g), norm(x, w, b)); },
        y, width, gate + row * width, o, weight, bias);
  }
}

// R rows of y from x[-3] .. x[R - 1], a pointer to each row.
template <int R>
static HWY_ATTR HWY_INLINE void ConvRows(const float* const* x,
                                         const float* kernel, const float* bias,
                                         float* y, int64_t width) {
  using A = Arithmetic;
  const auto rows = [&](int64_t c, auto load, auto store) HWY_ATTR {
    Float k[4], values[R + 3];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) k[j] = load(kernel + j * width + c);
#pragma GCC unroll 16
    for (int t = 0; t < R + 3; ++t) values[t] = load(x[t - 3] + c);
    const Float b = load(bias + c);
#pragma GCC unroll 16
    for (int t = 0; t < R; ++t) {
      Float a = b;
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) a = A::Fma(values[t + j], k[j], a);
      store(a, y + t * width + c);
    }
  };
  int64_t c = 0;
  for (; c + A::kLanes <= width; c += A::kLanes) {
    rows(
        c, [](const float* p) HWY_ATTR { return A::Load(p); },
        [](Float v, float* p) HWY_ATTR { A::Store(v, p); });
  }
  const int64_t left = width - c;
  if (left == 0) return;
  rows(
      c, [left](const float* p) HWY_ATTR { return A::LoadFirst(p, left); },
      [left](Float v, float* p) HWY_ATTR { A::StoreFirst(v, p, left); });
}

static HWY_ATTR void CausalConv(const float* x, const float* history,
                                const float* kernel, const float* bias,
                                float* y, int64_t begin, int64_t end,
                                int64_t width) {
  constexpr int kRows = 4;
  for (int64_t t = begin; t < end;) {
    const float* rows[kRows + 3];
    const int64_t count = end - t >= kRows ? kRows : 1;
    for (int64_t i = 0; i < count + 3; ++i) {
      const int64_t source = t + i - 3;
      rows[i] =
          source < 0 ? history + (source + 3) * width : x + source * width;
    }
    if (count == kRows) {
      ConvRows<kRows>(rows + 3, kernel, bias, y + t * width, width);
    } else {
      ConvRows<1>(rows + 3, kernel, bias, y + t * width, width);
    }
    t += count;
  }
}

static HWY_ATTR void AddRows(const float* a, const float* b, float* y,
                             int64_t n) {
  Map([](Float u, Float v) HWY_ATTR { return Arithmetic::Add(u, v); }, y, n, a,
      b);
}

static HWY_ATTR void SwiGlu(const float* a, const float* b, float* y,
                            int64_t n) {
  using A = Arithmetic;
  Map([](Float u, Float v) HWY_ATTR { return A::Mul(Silu<A>(u), v); }, y, n, a,
      b);
}

static HWY_ATTR void SigmoidBias(const float* x, const float* bias, float* y,
                                 int64_t num_rows, int64_t width) {
  using A = Arithmetic;
  for (int64_t row = 0; row < num_rows; ++row, x += width, y += width) {
    Map([](Float u, Float v) HWY_ATTR { return Sigmoid<A>(A::Add(u, v)); }, y,
        width, x, bias);
  }
}

static HWY_ATTR HWY_INLINE float RowMax(const float* x, int64_t n) {
  using A = Arithmetic;
  const RowLanes lanes = AccumulateRow(
      n, A::Set(x[0]), [x](int64_t i) HWY_ATTR { return A::Load(x + i); },
      [x](int64_t i, int64_t count)
          HWY_ATTR { return A::LoadFirst(x + i, count); },
      [](Float most, Float value) HWY_ATTR { return A::Max(most, value); });
  Float most = lanes.vectors[0];
#pragma GCC unroll 32
  for (int v = 1; v < kRowVectors; ++v) most = A::Max(most, lanes.vectors[v]);
#if HWY_TARGET == HWY_SCALAR
  return most;
#else
  return hn::GetLane(hn::MaxOfLanes(A::Tag(), most));
#endif
}

static HWY_ATTR void TokenLoss(const float* logits, int64_t stride,
                               const int64_t* targets, float* nll,
                               int64_t num_rows, int64_t vocab) {
  using A = Arithmetic;
  for (int64_t row = 0; row < num_rows; ++row, logits += stride) {
    const float* x = logits;
    const float max = RowMax(x, vocab);
    const Float m = A::Set(max);
    const float sum = ReduceTree(AccumulateRow(
        vocab, A::Set(0.0f), [x](int64_t i) HWY_ATTR { return A::Load(x + i); },
        [x](int64_t i, int64_t count)
            HWY_ATTR { return A::LoadFirst(x + i, count); },
        [m](Float s, Float value)
            HWY_ATTR { return A::Add(s, Exp<A>(A::Sub(value, m))); }));
    const Float loss =
        A::Add(Log<A>(A::Set(sum)), A::Set(max - x[targets[row]]));
    A::StoreFirst(loss, nll + row, 1);
  }
}

static HWY_ATTR void ExpArray(const float* x, float* y, int64_t n) {
  Map([](Float v) HWY_ATTR { return Exp<Arithmetic>(v); }, y, n, x);
}
static HWY_ATTR void LogArray(const float* x, float* y, int64_t n) {
  Map([](Float v) HWY_ATTR { return Log<Arithmetic>(v); }, y, n, x);
}
static HWY_ATTR void SigmoidArray(const float* x, float* y, int64_t n) {
  Map([](Float v) HWY_ATTR { return Sigmoid<Arithmetic>(v); }, y, n, x);
}
static HWY_ATTR void SiluArray(const float* x, float* y, int64_t n) {
  Map([](Float v) HWY_ATTR { return Silu<Arithmetic>(v); }, y, n, x);
}
// Not inlined: its constants stay in registers.
static HWY_ATTR HWY_NOINLINE void GeluArray(const float* x, float* y,
                                            int64_t n) {
  Map([](Float v) HWY_ATTR { return Gelu<Arithmetic>(v); }, y, n, x);
}
static HWY_ATTR void GeluDerivativeArray(const float* x, float* y, int64_t n) {
  Map([](Float v) HWY_ATTR { return GeluDerivative<Arithmetic>(v); }, y, n, x);
}

}  // namespace plastometer::portable::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
