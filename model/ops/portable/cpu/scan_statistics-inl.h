// What the inner loop of one head did, for those who ask:
// docs/portable-arithmetic.md section 6. Norms of gradients and updates come
// from 16 x 16 Gram matrices; no outer product is formed.
#if defined(PLASTOMETER_SCAN_STATISTICS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PLASTOMETER_SCAN_STATISTICS_INL_H_
#undef PLASTOMETER_SCAN_STATISTICS_INL_H_
#else
#define PLASTOMETER_SCAN_STATISTICS_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "model/ops/portable/cpu/inner_model-inl.h"
#include "model/ops/portable/cpu/inner_norm-inl.h"
#include "model/ops/portable/cpu/kernels.h"
#include "model/ops/portable/cpu/row_sums-inl.h"
#include "model/ops/portable/cpu/simd-inl.h"
#include "model/ops/portable/cpu/small_products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace plastometer::portable::HWY_NAMESPACE {

// sums[r] = rowsq(x[r]) for rows [begin, end).
static HWY_ATTR HWY_NOINLINE void SquareRows(const float* x, int64_t width,
                                             int64_t begin, int64_t end,
                                             float* sums) {
  using A = Arithmetic;
  RowPartials partials;
  for (int64_t r = begin; r < end; ++r) {
    const float* row = x + r * width;
    KeepRow(SumRow(AnyWidth{width},
                   [row](Float sum, int64_t n) HWY_ATTR {
                     const Float v = A::Load(row + n);
                     return A::Fma(v, v, sum);
                   }),
            r, partials);
  }
  FoldRows(partials, sums);
}

// frob(w) and frob(w - w0) in one pass; n a multiple of 32.
struct StateSquares {
  float norm, distance;
};
static HWY_ATTR HWY_NOINLINE StateSquares SquaresOfState(const float* w,
                                                         const float* w0,
                                                         int64_t n) {
  using A = Arithmetic;
  RowLanes distance;
#pragma GCC unroll 32
  for (Float& vector : distance.vectors) vector = A::Set(0.0f);
  const RowLanes norm = SumRow(AnyWidth{n}, [&](Float sum, int64_t i) HWY_ATTR {
    const Float v = A::Load(w + i), moved = A::Sub(v, A::Load(w0 + i));
    Float& lanes = distance.vectors[i % 32 / kLanes];
    lanes = A::Fma(moved, moved, lanes);
    return A::Fma(v, v, sum);
  });
  return {ReduceTree(norm), ReduceTree(distance)};
}

class ScanStatistics {
 public:
  // kt [d, 16], xt [J, 16]: the scan's transposed inputs of the mini-batch.
  HWY_ATTR ScanStatistics(const ScanArguments& arguments, const float* kt,
                          const float* xt)
      : a_(arguments),
        d_(arguments.head_dim),
        J_(arguments.hidden),
        width1_(J_ > 0 ? J_ : d_),
        kt_(kt),
        xt_(xt) {
    if (a_.statistics == nullptr) return;
    initial_ = SquaresOfState(a_.initial_w1, a_.initial_w1, d_ * width1_).norm;
    norm1_ = SquaresOfState(a_.w1, a_.initial_w1, d_ * width1_).norm;
    if (J_ == 0) return;
    initial_ =
        initial_ + SquaresOfState(a_.initial_w2, a_.initial_w2, J_ * d_).norm;
    norm2_ = SquaresOfState(a_.w2, a_.initial_w2, J_ * d_).norm;
  }

  // Rows [begin, end), the call's tokens from `token` on.
  HWY_ATTR void Tokens(int64_t token, int64_t begin, int64_t end) const {
    HWY_ALIGN float inputs[16];
    HWY_ALIGN float gradients[16];
    HWY_ALIGN float squares[16];
    SquareRows(a_.open_k, d_, begin, end, inputs);
    SquareRows(a_.open_g1, width1_, begin, end, gradients);
    for (int64_t r = begin; r < end; ++r) squares[r] = inputs[r] * gradients[r];
    if (J_ > 0) {
      SquareRows(a_.open_x, J_, begin, end, inputs);
      SquareRows(a_.open_g2, d_, begin, end, gradients);
      for (int64_t r = begin; r < end; ++r)
        squares[r] = squares[r] + inputs[r] * gradients[r];
    }
    const HeadStatistics& out = *a_.statistics;
    const float last_rate = a_.token_rate[kBatchTokens - 1];
    for (int64_t r = begin; r < end; ++r) {
      const int64_t t = token + r - begin;
      const float norm = std::sqrt(squares[r]);
      out.token_grad_norm[t] = norm;
      out.token_step[t] = norm * a_.open_rate[r] * last_rate;
      out.gate[t] = a_.lr[t * a_.lr_stride];
    }
  }

  // Before mini-batch m's update; `last` is the call's index of row 15.
  HWY_ATTR void Before(int64_t m, int64_t last) {
    const HeadStatistics& out = *a_.statistics;
    const float *k = a_.open_k + (kBatchTokens - 1) * d_,
                *v = a_.v + last * a_.stride;
    for (int64_t n = 0; n < d_; ++n) {
      key_[n] = k[n];
      target_[n] = v[n] - k[n];
    }
    float loss = 0.0f;
    for (int64_t r = 0; r < kBatchTokens; ++r) loss = loss + a_.open_loss[r];
    out.inner_loss[m] = loss / static_cast<float>(kBatchTokens);
    out.loss_step_0[m] =
        2.0f * a_.open_loss[kBatchTokens - 1] / static_cast<float>(d_);
    Squares squares =
        MatrixNorms(m, 0, {a_.open_k, d_}, kt_, a_.open_g1, width1_, norm1_);
    BiasNorms(m, 1, a_.open_g1, a_.open_h1, width1_, a_.b1);
    if (J_ > 0) {
      const Squares second =
          MatrixNorms(m, 2, {a_.open_x, J_}, xt_, a_.open_g2, d_, norm2_);
      BiasNorms(m, 3, a_.open_g2, a_.open_h2, d_, a_.b2);
      squares = {squares.gradient + second.gradient,
                 squares.update + second.update, squares.state + second.state};
    }
    const float update =
        a_.token_rate[kBatchTokens - 1] * std::sqrt(squares.update);
    out.grad_norm[m] = std::sqrt(squares.gradient);
    out.update_norm[m] = update;
    out.state_norm[m] = std::sqrt(squares.state);
    out.relative_update[m] = update / out.state_norm[m];
  }

  HWY_ATTR void After(int64_t m) {
    const HeadStatistics& out = *a_.statistics;
    LastLosses(out.loss_init[m], out.loss_step_1[m]);
    const StateSquares first =
        SquaresOfState(a_.w1, a_.initial_w1, d_ * width1_);
    norm1_ = first.norm;
    float distance = first.distance;
    if (J_ > 0) {
      const StateSquares second = SquaresOfState(a_.w2, a_.initial_w2, J_ * d_);
      norm2_ = second.norm;
      distance = distance + second.distance;
    }
    out.state_distance[m] = std::sqrt(distance / initial_);
  }

 private:
  struct Squares {
    float gradient, update, state;
  };

  // The loss of row 15, mean over channels, from the initial state and from
  // the one after the update.
  HWY_ATTR void LastLosses(float& initial, float& updated) const {
    HWY_ALIGN float z[2 * 256];
    HWY_ALIGN float inverse_std[16];
    HWY_ALIGN float hidden[1024];
    const Operand key = {key_, d_};
    InnerForward(key, 1, d_, J_,
                 {a_.initial_w1, a_.initial_b1, a_.initial_w2, a_.initial_b2},
                 hidden, z);
    InnerForward(key, 1, d_, J_, {a_.w1, a_.b1, a_.w2, a_.b2}, hidden, z + d_);
    CenterRows(z, AnyWidth{d_}, 0, 2, inverse_std);
    initial = LossOf(z, inverse_std[0]);
    updated = LossOf(z + d_, inverse_std[1]);
  }

  // From a centred row.
  HWY_ATTR float LossOf(float* z, float inverse_std) const {
    const Float scale = Arithmetic::Set(inverse_std);
    for (int64_t n = 0; n < d_; n += kLanes) {
      const Float y =
          Arithmetic::Fma(Arithmetic::Mul(Arithmetic::Load(z + n), scale),
                          Arithmetic::Load(a_.norm_weight + n),
                          Arithmetic::Load(a_.norm_bias + n));
      Arithmetic::Store(Arithmetic::Sub(y, Arithmetic::Load(target_ + n)),
                        z + n);
    }
    return RowDot(z, z, d_) / static_cast<float>(d_);
  }

  // Norms of one weight matrix; `which` of W1, b1, W2, b2.
  HWY_ATTR Squares MatrixNorms(int64_t m, int which, Operand inputs,
                               const float* transposed_inputs,
                               const float* gradients, int64_t width,
                               float state_square) const {
    HWY_ALIGN float gram_inputs[256];
    HWY_ALIGN float gram_gradients[256];
    HWY_ALIGN float transposed[16 * 1024];
    Product(inputs, {transposed_inputs, 16}, inputs.stride, 0, 16, 16,
            StoreSums{gram_inputs, 16});
    Transpose({gradients, width}, 16, width, transposed, 16);
    Product({gradients, width}, {transposed, 16}, width, 0, 16, 16,
            StoreSums{gram_gradients, 16});
    const float gradient =
        std::max(0.0f, RowDot(gram_inputs, gram_gradients, 256));
    for (int64_t i = 0; i < 16; ++i) {
      for (int64_t j = 0; j < 16; ++j)
        gram_gradients[16 * i + j] =
            a_.open_rate[i] * a_.open_rate[j] * gram_gradients[16 * i + j];
    }
    const float update =
        std::max(0.0f, RowDot(gram_inputs, gram_gradients, 256));
    WriteNorms(m, which, std::sqrt(gradient), std::sqrt(update),
               std::sqrt(state_square));
    return {gradient, update, state_square};
  }

  HWY_ATTR void BiasNorms(int64_t m, int which, const float* g, const float* h,
                          int64_t width, const float* bias) const {
    HWY_ALIGN float sums[2][1024];
    for (int64_t n = 0; n < width; n += kLanes) {
      Float sum_g = Arithmetic::Set(0.0f), sum_h = Arithmetic::Set(0.0f);
      for (int64_t i = 0; i < kBatchTokens; ++i) {
        sum_g = Arithmetic::Add(sum_g, Arithmetic::Load(g + i * width + n));
        sum_h = Arithmetic::Add(sum_h, Arithmetic::Load(h + i * width + n));
      }
      Arithmetic::Store(sum_g, sums[0] + n);
      Arithmetic::Store(sum_h, sums[1] + n);
    }
    WriteNorms(m, which, std::sqrt(RowDot(sums[0], sums[0], width)),
               std::sqrt(RowDot(sums[1], sums[1], width)),
               std::sqrt(RowDot(bias, bias, width)));
  }

  HWY_ATTR void WriteNorms(int64_t m, int which, float gradient,
                           float update_over_rate, float state) const {
    const HeadStatistics& out = *a_.statistics;
    const float update = a_.token_rate[kBatchTokens - 1] * update_over_rate;
    out.grad_norm_of[which][m] = gradient;
    out.update_norm_of[which][m] = update;
    out.state_norm_of[which][m] = state;
    out.relative_update_of[which][m] = update / state;
  }

  const ScanArguments& a_;
  const int64_t d_, J_, width1_;
  const float *kt_, *xt_;
  // Row 15 of the mini-batch that closes.
  HWY_ALIGN float key_[256];
  HWY_ALIGN float target_[256];
  float initial_ = 0.0f, norm1_ = 0.0f, norm2_ = 0.0f;
};

}  // namespace plastometer::portable::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
