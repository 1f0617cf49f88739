// The inner loop of one head over a run of tokens: docs/portable-arithmetic.md
// section 5. Channels lie across the lanes, tokens are rows, so no sum crosses
// lanes but the norms'.
#if defined(PLASTOMETER_SCAN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PLASTOMETER_SCAN_INL_H_
#undef PLASTOMETER_SCAN_INL_H_
#else
#define PLASTOMETER_SCAN_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "model/ops/portable/cpu/inner_model-inl.h"
#include "model/ops/portable/cpu/inner_norm-inl.h"
#include "model/ops/portable/cpu/kernels.h"
#include "model/ops/portable/cpu/rows-inl.h"
#include "model/ops/portable/cpu/scan_statistics-inl.h"
#include "model/ops/portable/cpu/scratch.h"
#include "model/ops/portable/cpu/simd-inl.h"
#include "model/ops/portable/cpu/small_products-inl.h"
#include "model/ops/portable/functions.h"

HWY_BEFORE_NAMESPACE();
namespace plastometer::portable::HWY_NAMESPACE {

constexpr int64_t kRows = kBatchTokens;
constexpr int64_t kRowsAhead = 4;  // prefetched, while a row is prepared

// kRopeStep channels of one row.
#if HWY_TARGET == HWY_SCALAR
constexpr int64_t kRopeStep = 2;
static void Rotate(const float* x, const float* c, const float* s, float* y) {
  y[0] = std::fma(x[0], c[0], x[1] * s[0]);
  y[1] = std::fma(x[0], c[1], x[1] * s[1]);
}
#else
constexpr int64_t kRopeStep = kLanes;
static HWY_ATTR HWY_INLINE void Rotate(const float* x, const float* c,
                                       const float* s, float* y) {
  const Float v = Arithmetic::Load(x);
  Arithmetic::Store(
      Arithmetic::Fma(hn::DupEven(v), Arithmetic::Load(c),
                      Arithmetic::Mul(hn::DupOdd(v), Arithmetic::Load(s))),
      y);
}
#endif

// One row of q and k after RoPE, and the target v - k.
static HWY_ATTR HWY_NOINLINE void PrepareChannels(
    const float* HWY_RESTRICT q, const float* HWY_RESTRICT k,
    const float* HWY_RESTRICT v, const float* HWY_RESTRICT cosines,
    const float* HWY_RESTRICT sines, int64_t d, float* HWY_RESTRICT q_row,
    float* HWY_RESTRICT k_row, float* HWY_RESTRICT target) {
  for (int64_t n = 0; n < d; n += kRopeStep) {
    Rotate(q + n, cosines + n, sines + n, q_row + n);
    Rotate(k + n, cosines + n, sines + n, k_row + n);
    for (int64_t i = n; i < n + kRopeStep; i += kLanes)
      Arithmetic::Store(
          Arithmetic::Sub(Arithmetic::Load(v + i), Arithmetic::Load(k_row + i)),
          target + i);
  }
}

// gelu and its derivative.
static HWY_ATTR HWY_NOINLINE void GeluRows(const float* x, int64_t n,
                                           float* values, float* slopes) {
  for (int64_t i = 0; i < n; i += kLanes) {
    Float value, slope;
    GeluBoth<Arithmetic>(Arithmetic::Load(x + i), value, slope);
    Arithmetic::Store(value, values + i);
    Arithmetic::Store(slope, slopes + i);
  }
}

// Work space of one head; [rows][width], carved from Scratch().
struct ScanSpace {
  float *q, *target, *z, *zq;  // [16, d]
  float *kt, *g2t;             // [d, 16]
  float* a;                    // [16, 16]
  float *z1, *zb1, *slope;     // [16, J]
  float *xt, *gzt;             // [J, 16]
  float* rate;                 // [16] f_t
};

static ScanSpace CarveScratch(int64_t d, int64_t J) {
  const int64_t row = kRows * d, wide = kRows * J;
  // The gaps keep equal places of two arrays apart in the first-level cache: a
  // load waits for a store 4096 bytes away.
  constexpr int64_t kGap = 80, kNumArrays = 13;
  float* p =
      Scratch(6 * row + 5 * wide + kRows * kRows + kRows + kNumArrays * kGap);
  const auto take = [&p](int64_t n) {
    float* here = p;
    p += n + kGap;
    return here;
  };
  ScanSpace s;
  s.q = take(row);
  s.target = take(row);
  s.z = take(row);
  s.zq = take(row);
  s.kt = take(row);
  s.g2t = take(row);
  s.a = take(kRows * kRows);
  s.z1 = take(wide);
  s.zb1 = take(wide);
  s.slope = take(wide);
  s.xt = take(wide);
  s.gzt = take(wide);
  s.rate = take(kRows);
  return s;
}

// Rows [begin, end) of one mini-batch; row `begin` is the call's `token`.
struct ScanPiece {
  int64_t token, begin, end;
  float sigma;
};
// The piece that starts at a token; no rows after the last token.
static ScanPiece PieceAt(const ScanArguments& a, int64_t token) {
  const int64_t begin = (a.position + token) % kRows,
                n = std::min(kRows - begin, a.num_tokens - token);
  const int64_t m = (a.position + token) / kRows - a.position / kRows;
  return {token, begin, begin + n, n > 0 ? a.sigma[m] : 0.0f};
}

class ScanRows {
 public:
  HWY_ATTR ScanRows(const ScanArguments& arguments, const ScanSpace& space)
      : a_(arguments),
        s_(space),
        d_(arguments.head_dim),
        J_(arguments.hidden) {}

  // One row of q, k after RoPE, and the target; its rate.
  HWY_ATTR void PrepareRow(const ScanPiece& piece, int64_t r) {
    const int64_t d = d_, t = piece.token + r - piece.begin;
    const float *q = a_.q + t * a_.stride, *k = a_.k + t * a_.stride,
                *v = a_.v + t * a_.stride;
    PrepareChannels(q, k, v, a_.rope.of_even + r * d, a_.rope.of_odd + r * d, d,
                    s_.q + r * d, a_.open_k + r * d, s_.target + r * d);
    s_.rate[r] = a_.lr[t * a_.lr_stride] * piece.sigma;
    if (a_.statistics != nullptr) a_.open_rate[r] = s_.rate[r];
  }

  // All rows of the piece are prepared.
  HWY_ATTR void Run(const ScanPiece& piece) {
    begin_ = piece.begin;
    end_ = piece.end;
    // Rows that are not there yet: never used, but finite.
    std::fill(a_.open_k + end_ * d_, a_.open_k + kRows * d_, 0.0f);
    Transpose({a_.open_k, d_}, kRows, d_, s_.kt, kRows);
    if (J_ > 0)
      RunMlp();
    else
      RunLinear();
    NormPlusResidual(s_.zq, d_, begin_, end_,
                     {a_.norm_weight,
                      a_.norm_bias,
                      {s_.q, d_},
                      a_.out + piece.token * a_.out_stride,
                      a_.out_stride});
  }

  // After row 15: the state takes its step. The rows of the next piece are
  // prepared between its tiles: they come from far.
  HWY_ATTR void Update(const ScanPiece& next) {
    const float rate = a_.token_rate[kRows - 1];
    const int64_t width1 = J_ > 0 ? J_ : d_;
    int64_t row = next.begin;
    const auto prepare = [&] HWY_ATTR {
      if (row == next.end) return;
      Prefetch(next.token + row - next.begin + kRowsAhead);
      PrepareRow(next, row++);
    };
    StepState(s_.kt, a_.open_h1, d_, width1, rate, a_.w1, prepare);
    while (row < next.end) prepare();
    StepBias(a_.open_h1, width1, rate, a_.b1);
    if (J_ == 0) return;
    StepState(s_.xt, a_.open_h2, J_, d_, rate, a_.w2, [] {});
    StepBias(a_.open_h2, d_, rate, a_.b2);
  }

 private:
  // Rows of one head are short pieces a whole width apart: hardware
  // prefetchers do not follow. Inlined: GCC drops calls of a function that only
  // prefetches.
  HWY_ATTR HWY_INLINE void Prefetch(int64_t t) const {
    if (t >= a_.num_tokens) return;
    for (int64_t n = 0; n < d_; n += 16) {
      __builtin_prefetch(a_.q + t * a_.stride + n);
      __builtin_prefetch(a_.k + t * a_.stride + n);
      __builtin_prefetch(a_.v + t * a_.stride + n);
    }
  }

  HWY_ATTR NormGradientRows GradientRows(float* h, float* g) const {
    return {s_.target,
            a_.norm_weight,
            a_.norm_bias,
            s_.rate,
            h,
            g,
            a_.statistics != nullptr ? a_.open_loss : nullptr};
  }

  // a = dot(rows, keys) + 1, all 16 columns (those beyond the row are unused).
  HWY_ATTR void Attend(const float* rows, int64_t width,
                       const float* transposed) const {
    Product({rows, width}, {transposed, kRows}, width, begin_, end_, kRows,
            StorePlusOne{s_.a, kRows});
  }

  HWY_ATTR void RunLinear() {
    Product({a_.open_k, d_}, {a_.w1, d_}, d_, begin_, end_, d_,
            StorePlusBias{a_.b1, s_.z, d_});
    Product({s_.q, d_}, {a_.w1, d_}, d_, begin_, end_, d_,
            StorePlusBias{a_.b1, s_.zq, d_});
    Attend(s_.q, d_, s_.kt);
    NormGradient(s_.z, d_, begin_, end_, GradientRows(a_.open_h1, a_.open_g1));
    Correct({s_.a, kRows}, {a_.open_h1, d_}, a_.token_rate, begin_, end_, d_,
            s_.zq, d_);
  }

  HWY_ATTR void RunMlp() {
    Product({a_.open_k, d_}, {a_.w1, J_}, d_, begin_, end_, J_,
            StorePlusBias{a_.b1, s_.z1, J_});
    const int64_t first = begin_ * J_, n = (end_ - begin_) * J_;
    GeluRows(s_.z1 + first, n, a_.open_x + first, s_.slope + first);
    Product({a_.open_x, J_}, {a_.w2, d_}, J_, begin_, end_, d_,
            StorePlusBias{a_.b2, s_.z, d_});
    // G2 itself (not times f) goes back through W2.
    NormGradient(s_.z, d_, begin_, end_, GradientRows(a_.open_h2, s_.target));
    HiddenGradient();
    Attend(s_.q, d_, s_.kt);
    Product({s_.q, d_}, {a_.w1, J_}, d_, begin_, end_, J_,
            StorePlusBias{a_.b1, s_.zb1, J_});
    Correct({s_.a, kRows}, {a_.open_h1, J_}, a_.token_rate, begin_, end_, J_,
            s_.zb1, J_);
    GeluArray(s_.zb1 + first, s_.zb1 + first, n);
    std::fill(a_.open_x + end_ * J_, a_.open_x + kRows * J_, 0.0f);
    Transpose({a_.open_x, J_}, kRows, J_, s_.xt, kRows);
    Attend(s_.zb1, J_, s_.xt);
    Product({s_.zb1, J_}, {a_.w2, d_}, J_, begin_, end_, d_,
            StorePlusBias{a_.b2, s_.zq, d_});
    Correct({s_.a, kRows}, {a_.open_h2, d_}, a_.token_rate, begin_, end_, d_,
            s_.zq, d_);
  }

  // H1 (and G1) of the rows: dot(G2, W2[j, :]) * gelu'(z1[j]), times f. The
  // product runs with tokens across the lanes, where W2 lies as it is.
  HWY_ATTR void HiddenGradient() {
    const float* g2 = s_.target;  // NormGradient is done with the target
    if (a_.statistics != nullptr)
      std::copy(g2 + begin_ * d_, g2 + end_ * d_, a_.open_g2 + begin_ * d_);
    Transpose({g2, d_}, kRows, d_, s_.g2t, kRows);
    Product({a_.w2, d_}, {s_.g2t, kRows}, d_, 0, J_, kRows,
            StoreSums{s_.gzt, kRows});
    Transpose({s_.gzt, kRows}, J_, kRows, s_.z1, J_);
    for (int64_t r = begin_; r < end_; ++r) {
      const Float rate = Arithmetic::Set(s_.rate[r]);
      for (int64_t i = r * J_; i < (r + 1) * J_; i += kLanes) {
        const Float g = Arithmetic::Mul(Arithmetic::Load(s_.z1 + i),
                                        Arithmetic::Load(s_.slope + i));
        if (a_.open_g1 != nullptr) Arithmetic::Store(g, a_.open_g1 + i);
        Arithmetic::Store(Arithmetic::Mul(g, rate), a_.open_h1 + i);
      }
    }
  }

  static HWY_ATTR void StepBias(const float* h, int64_t width, float rate,
                                float* bias) {
    for (int64_t n = 0; n < width; n += kLanes) {
      Float sum = Arithmetic::Set(0.0f);
      for (int64_t i = 0; i < kRows; ++i)
        sum = Arithmetic::Add(sum, Arithmetic::Load(h + i * width + n));
      Arithmetic::Store(Arithmetic::Fnma(Arithmetic::Set(rate), sum,
                                         Arithmetic::Load(bias + n)),
                        bias + n);
    }
  }

  const ScanArguments& a_;
  const ScanSpace& s_;
  const int64_t d_, J_;
  int64_t begin_ = 0, end_ = 0;
};

static HWY_ATTR void InnerScan(const ScanArguments& a) {
  const int64_t d = a.head_dim, J = a.hidden;
  const ScanSpace space = CarveScratch(d, J);
  ScanRows rows(a, space);
  ScanStatistics statistics(a, space.kt, space.xt);
  int64_t closed = 0;
  ScanPiece piece = PieceAt(a, 0);
  for (int64_t r = piece.begin; r < piece.end; ++r) rows.PrepareRow(piece, r);
  while (piece.begin < piece.end) {
    rows.Run(piece);
    if (a.statistics != nullptr)
      statistics.Tokens(piece.token, piece.begin, piece.end);
    const int64_t last = piece.token + piece.end - piece.begin - 1;
    const ScanPiece next = PieceAt(a, last + 1);
    if (piece.end == kRows) {
      if (a.statistics != nullptr) statistics.Before(closed, last);
      rows.Update(next);
      if (a.statistics != nullptr) statistics.After(closed);
      ++closed;
    }
    piece = next;
  }
}

static HWY_ATTR void FrozenInner(const ScanArguments& a) {
  const int64_t d = a.head_dim, J = a.hidden;
  const ScanSpace s = CarveScratch(d, J);
  for (int64_t t = 0; t < a.num_tokens; t += kRows) {
    const int64_t n = std::min(kRows, a.num_tokens - t);
    for (int64_t r = 0; r < n; ++r) {
      const int64_t row = (a.position + t + r) % kRows * d;
      for (int64_t c = 0; c < d; c += kRopeStep)
        Rotate(a.q + (t + r) * a.stride + c, a.rope.of_even + row + c,
               a.rope.of_odd + row + c, s.q + r * d + c);
    }
    InnerForward({s.q, d}, n, d, J, {a.w1, a.b1, a.w2, a.b2}, s.zb1, s.zq);
    NormPlusResidual(s.zq, d, 0, n,
                     {a.norm_weight,
                      a.norm_bias,
                      {s.q, d},
                      a.out + t * a.out_stride,
                      a.out_stride});
  }
}

}  // namespace plastometer::portable::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
