#include "model/ops/native/cpu/bf16_few_rows.h"

#if defined(__x86_64__)
#include <immintrin.h>
#else
#include <bit>
#endif

namespace plastometer::native {

#if defined(__x86_64__)
#define PLASTOMETER_AVX512 __attribute__((target("avx512f,avx512bw,fma")))
namespace {

constexpr int kOutputs = 4;  // weight rows read side by side
constexpr int64_t kLanes = 16;
constexpr int64_t kAhead = 1024;  // weights; a page is where prefetchers stop

// kOutputs x R dot products: that many independent chains hide fma's latency.
template <int R>
PLASTOMETER_AVX512 void Block(const float* x, int64_t K, const uint16_t* w,
                              int num_outputs, float* y, int64_t y_stride) {
  __m512 sums[kOutputs][R];
  const uint16_t* rows[kOutputs];
#pragma GCC unroll 4
  for (int n = 0; n < kOutputs; ++n) {
    rows[n] = w + (n < num_outputs ? n : 0) * K;
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) sums[n][r] = _mm512_setzero_ps();
  }
  for (int64_t k = 0; k < K; k += kLanes) {
    const int64_t left = K - k;
    const __mmask16 mask = left >= kLanes
                               ? __mmask16{0xffff}
                               : static_cast<__mmask16>((1U << left) - 1U);
    __m512 in[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
      in[r] = _mm512_maskz_loadu_ps(mask, x + r * K + k);
#pragma GCC unroll 4
    for (int n = 0; n < kOutputs; ++n) {
      if ((k & 31) == 0) __builtin_prefetch(rows[n] + k + kAhead);
      const __m512i half = _mm512_castsi256_si512(
          left >= kLanes ? _mm256_loadu_si256(
                               reinterpret_cast<const __m256i*>(rows[n] + k))
                         : _mm512_castsi512_si256(_mm512_maskz_loadu_epi16(
                               static_cast<__mmask32>(mask), rows[n] + k)));
      const __m512 weights = _mm512_castsi512_ps(_mm512_slli_epi32(
          _mm512_cvtepu16_epi32(_mm512_castsi512_si256(half)), 16));
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r)
        sums[n][r] = _mm512_fmadd_ps(in[r], weights, sums[n][r]);
    }
  }
#pragma GCC unroll 4
  for (int n = 0; n < kOutputs; ++n) {
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
      if (n < num_outputs)
        y[r * y_stride + n] = _mm512_reduce_add_ps(sums[n][r]);
  }
}

template <int R>
void AllOutputs(const float* x, int64_t K, const uint16_t* weights, int64_t N,
                float* y, int64_t y_stride) {
  for (int64_t n = 0; n < N; n += kOutputs)
    Block<R>(x, K, weights + n * K,
             static_cast<int>(N - n < kOutputs ? N - n : kOutputs), y + n,
             y_stride);
}

}  // namespace

void MultiplyFewRows(const float* x, int64_t num_rows, int64_t num_in,
                     const uint16_t* weights, int64_t num_out, float* y,
                     int64_t y_stride) {
  const auto all = num_rows == 1   ? AllOutputs<1>
                   : num_rows == 2 ? AllOutputs<2>
                   : num_rows == 3 ? AllOutputs<3>
                                   : AllOutputs<4>;
  if (num_rows > 0) all(x, num_in, weights, num_out, y, y_stride);
}

#else  // no lane on such a machine comes here: Bf16Ops::CheckMachine

void MultiplyFewRows(const float* x, int64_t num_rows, int64_t num_in,
                     const uint16_t* weights, int64_t num_out, float* y,
                     int64_t y_stride) {
  for (int64_t r = 0; r < num_rows; ++r) {
    for (int64_t n = 0; n < num_out; ++n) {
      float sum = 0;
      for (int64_t k = 0; k < num_in; ++k)
        sum += x[r * num_in + k] *
               std::bit_cast<float>(uint32_t{weights[n * num_in + k]} << 16);
      y[r * y_stride + n] = sum;
    }
  }
}

#endif

}  // namespace plastometer::native
