// Convolution, norms, gates, loss and optimizer: memory-bound loops, one pass
// each. Widths that are no multiple of 16 end in a scalar tail.
#pragma once
#include "model/train/kernels/simd.h"

namespace {

// exp with a relative error below 2e-7 + 1e-7 |x| on [-87, 88], clamped
// outside: under -fassociative-math the vectoriser merges the two steps of the
// range reduction (GCC 12 does so across __builtin_assoc_barrier too). No
// branches: loops of it must vectorise.
PLASTOMETER_INLINE float FastExp(float x) {
  x = x < 88.0f ? x : 88.0f;
  x = x > -87.0f ? x : -87.0f;
  const float scaled = x * 1.44269504f;
  const int n = static_cast<int>(scaled + __builtin_copysignf(0.5f, scaled));
  const float nf = static_cast<float>(n);
  float r = x - nf * 0.693359375f;
  r = r + nf * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const int bits = (n + 127) << 23;
  float power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return p * power;
}

PLASTOMETER_INLINE float Sigmoid(float x) {
  return 1.0f / (1.0f + FastExp(-x));
}

// 0.5 x (1 + tanh(z)) = x sigmoid(2 z), z = sqrt(2/pi) (x + 0.044715 x^3)
constexpr float kTwoRootTwoOverPi = 1.5957691216f;
PLASTOMETER_INLINE float GeluGate(float x) {
  return Sigmoid(kTwoRootTwoOverPi * (x + 0.044715f * x * x * x));
}
PLASTOMETER_INLINE float GeluDerivative(float x, float gate) {
  return gate + x * gate * (1.0f - gate) * kTwoRootTwoOverPi *
                    (1.0f + 3.0f * 0.044715f * x * x);
}

static void ConvForward(const float* __restrict x,
                        const float* __restrict kernel,
                        const float* __restrict bias, float* __restrict y,
                        int64_t width, int64_t begin, int64_t end) {
  for (int64_t t = begin; t < end; ++t) {
    float* __restrict row = y + t * width;
    for (int64_t c = 0; c < width; ++c) row[c] = bias[c];
    for (int64_t tap = t < 3 ? 3 - t : 0; tap < 4; ++tap) {
      const float *source = x + (t - 3 + tap) * width,
                  *weight = kernel + tap * width;
      for (int64_t c = 0; c < width; ++c) row[c] += weight[c] * source[c];
    }
  }
}

static void ConvBackward(const float* __restrict x,
                         const float* __restrict kernel,
                         const float* __restrict dy, float* __restrict dx,
                         float* __restrict d_kernel, float* __restrict d_bias,
                         int64_t width, int64_t begin, int64_t end,
                         int64_t tokens) {
  for (int64_t t = begin; t < end; ++t) {
    float* __restrict row = dx + t * width;
    const float *here = dy + t * width, *now = x + t * width;
    for (int64_t c = 0; c < width; ++c) {
      row[c] = kernel[3 * width + c] * here[c];
      d_bias[c] += here[c];
      d_kernel[3 * width + c] += here[c] * now[c];
    }
    // y[t + back] saw x[t] through tap 3 - back.
    for (int64_t back = 1; back < 4; ++back) {
      if (t + back >= tokens) break;
      const float *later = dy + (t + back) * width,
                  *weight = kernel + (3 - back) * width;
      float* __restrict dk = d_kernel + (3 - back) * width;
      for (int64_t c = 0; c < width; ++c) {
        row[c] += weight[c] * later[c];
        dk[c] += later[c] * now[c];
      }
    }
  }
}

static void RmsForward(const float* __restrict x,
                       const float* __restrict weight, float* __restrict y,
                       float* __restrict inverse_rms, int64_t rows,
                       int64_t width, float eps) {
  for (int64_t n = 0; n < rows; ++n) {
    const float* __restrict row = x + n * width;
    float* __restrict out = y + n * width;
    float sum = 0;
    for (int64_t c = 0; c < width; ++c) sum += row[c] * row[c];
    const float r = 1.0f / Sqrt(sum / width + eps);
    inverse_rms[n] = r;
    for (int64_t c = 0; c < width; ++c) out[c] = row[c] * r * weight[c];
  }
}

static void RmsBackward(const float* __restrict x,
                        const float* __restrict weight,
                        const float* __restrict inverse_rms,
                        const float* __restrict dy, float* __restrict dx,
                        float* __restrict d_weight, int64_t rows,
                        int64_t width) {
  for (int64_t n = 0; n < rows; ++n) {
    const float* __restrict row = x + n * width, * __restrict d =
                                                     dy + n * width;
    float* __restrict out = dx + n * width;
    const float r = inverse_rms[n];
    float dot = 0;
    for (int64_t c = 0; c < width; ++c) {
      dot += d[c] * weight[c] * row[c];
      d_weight[c] += d[c] * row[c] * r;
    }
    const float share = dot * r * r * r / width;
    for (int64_t c = 0; c < width; ++c)
      out[c] = d[c] * weight[c] * r - row[c] * share;
  }
}

static void GatedNormForward(const float* __restrict gate,
                             const float* __restrict o,
                             const float* __restrict weight,
                             const float* __restrict bias, float* __restrict y,
                             float* __restrict statistics, int64_t rows,
                             int64_t width) {
  for (int64_t n = 0; n < rows; ++n) {
    const float* __restrict row = o + n * width, * __restrict g =
                                                     gate + n * width;
    float* __restrict out = y + n * width;
    float sum = 0, square = 0;
    for (int64_t c = 0; c < width; ++c) sum += row[c];
    const float mean = sum / width;
    for (int64_t c = 0; c < width; ++c)
      square += (row[c] - mean) * (row[c] - mean);
    const float inverse = 1.0f / Sqrt(square / width + 1e-6f);
    statistics[2 * n] = mean;
    statistics[2 * n + 1] = inverse;
    for (int64_t c = 0; c < width; ++c) {
      out[c] = g[c] * GeluGate(g[c]) *
               ((row[c] - mean) * inverse * weight[c] + bias[c]);
    }
  }
}

static void GatedNormBackward(
    const float* __restrict gate, const float* __restrict o,
    const float* __restrict weight, const float* __restrict bias,
    const float* __restrict statistics, const float* __restrict dy,
    float* __restrict d_gate, float* __restrict d_o, float* __restrict d_weight,
    float* __restrict d_bias, int64_t rows, int64_t width) {
  for (int64_t n = 0; n < rows; ++n) {
    const float* __restrict row = o + n * width, * __restrict g = gate + n * width, * __restrict d = dy + n * width;
    float* __restrict dg = d_gate + n * width, * __restrict dout =
                                                   d_o + n * width;
    const float mean = statistics[2 * n], inverse = statistics[2 * n + 1];
    float sum = 0, dot = 0;
    for (int64_t c = 0; c < width; ++c) {
      const float xhat = (row[c] - mean) * inverse, s = GeluGate(g[c]);
      dg[c] = d[c] * (xhat * weight[c] + bias[c]) * GeluDerivative(g[c], s);
      const float dn = d[c] * g[c] * s;
      d_weight[c] += dn * xhat;
      d_bias[c] += dn;
      const float dh = dn * weight[c];
      dout[c] = dh;
      sum += dh;
      dot += dh * xhat;
    }
    sum /= width;
    dot /= width;
    for (int64_t c = 0; c < width; ++c)
      dout[c] = (dout[c] - sum - (row[c] - mean) * inverse * dot) * inverse;
  }
}

static void SwigluForward(const float* __restrict a, const float* __restrict b,
                          float* __restrict s, int64_t n) {
  for (int64_t i = 0; i < n; ++i) s[i] = a[i] * Sigmoid(a[i]) * b[i];
}

static void SwigluBackward(float* __restrict a, float* __restrict b,
                           const float* __restrict ds, float* __restrict s,
                           int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float gate = Sigmoid(a[i]), silu = a[i] * gate, up = b[i], d = ds[i];
    s[i] = silu * up;
    b[i] = d * silu;
    a[i] = d * up * (gate + silu * (1.0f - gate));
  }
}

// Sixteen running maxima: the compiler keeps a plain maximum scalar, because of
// NaN.
PLASTOMETER_INLINE float Largest(const float* x, int64_t n) {
  float best[kLanes];
  for (int i = 0; i < kLanes; ++i) best[i] = x[0];
  int64_t c = 0;
  for (; c + kLanes <= n; c += kLanes) {
    for (int i = 0; i < kLanes; ++i)
      best[i] = x[c + i] > best[i] ? x[c + i] : best[i];
  }
  float top = best[0];
  for (int i = 1; i < kLanes; ++i) top = best[i] > top ? best[i] : top;
  for (; c < n; ++c) top = x[c] > top ? x[c] : top;
  return top;
}

static void SoftmaxLoss(float* __restrict logits,
                        const int64_t* __restrict targets,
                        float* __restrict loss, int64_t rows,
                        int64_t vocabulary, bool with_gradient) {
  for (int64_t n = 0; n < rows; ++n) {
    float* __restrict row = logits + n * vocabulary;
    const float top = Largest(row, vocabulary);
    const float target = row[targets[n]];
    float sum = 0;
    for (int64_t c = 0; c < vocabulary; ++c) {
      const float e = FastExp(row[c] - top);
      row[c] = e;
      sum += e;
    }
    loss[n] = __builtin_logf(sum) - (target - top);
    if (!with_gradient) continue;
    const float scale = 1.0f / sum;
    for (int64_t c = 0; c < vocabulary; ++c) row[c] *= scale;
    row[targets[n]] -= 1.0f;
  }
}

static double SumOfSquares(const float* __restrict x, int64_t n) {
  double total = 0;
  for (int64_t i = 0; i < n; i += 4096) {
    const int64_t end = i + 4096 < n ? i + 4096 : n;
    float sum = 0;
    for (int64_t j = i; j < end; ++j) sum += x[j] * x[j];
    total += sum;
  }
  return total;
}

static void AdamW(float* __restrict p, float* __restrict m, float* __restrict v,
                  const float* __restrict g, int64_t n, float gradient_scale,
                  float lr, float decay, float beta1, float beta2,
                  float correction1, float correction2, float eps) {
  const float step = lr / correction1, inverse2 = 1.0f / correction2;
  for (int64_t i = 0; i < n; ++i) {
    const float grad = g[i] * gradient_scale;
    m[i] = beta1 * m[i] + (1.0f - beta1) * grad;
    v[i] = beta2 * v[i] + (1.0f - beta2) * grad * grad;
    p[i] =
        p[i] - lr * decay * p[i] - step * m[i] / (Sqrt(v[i] * inverse2) + eps);
  }
}

}  // namespace
