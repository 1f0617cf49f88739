// TTT-Linear inner loop, forward and backward, for one (sequence, head). Tokens
// of a mini-batch lie in the 16 lanes ("lane form": [channel][16]), so norms
// are sums over vectors and every product is a broadcast times a vector.
//
//   G  = LN_vjp(LN(K W + b) - (V - K))
//   Zb = Q W + b - (eta o tril(Q K^T + 1)) G
//   O  = Q + LN(Zb)
#pragma once
#include <cstring>

#include "model/train/kernels/kernels.h"
#include "model/train/kernels/simd.h"

namespace {

using plastometer::train::ScanArgs;

constexpr float kInnerNormEps = 1e-6f;

// Rows of [R <= 16, D] into lane form; missing rows are zero.
template <int D>
PLASTOMETER_INLINE void LoadRows(const float* src, int64_t stride, int rows,
                                 float* lanes) {
  if (rows == kLanes)
    return Transpose4x4Blocks<D>(src, stride, lanes, kLanes, kLanes);
  alignas(64) float padded[kLanes * D] = {};
  for (int t = 0; t < rows; ++t)
    memcpy(padded + t * D, src + t * stride, sizeof(float) * D);
  Transpose4x4Blocks<D>(padded, D, lanes, kLanes, kLanes);
}

template <int D>
PLASTOMETER_INLINE void StoreRows(const float* lanes, float* dst,
                                  int64_t stride, int rows) {
  if (rows == kLanes)
    return Transpose4x4Blocks<kLanes>(lanes, kLanes, dst, stride, D);
  alignas(64) float padded[kLanes * D];
  Transpose4x4Blocks<kLanes>(lanes, kLanes, padded, D, D);
  for (int t = 0; t < rows; ++t)
    memcpy(dst + t * stride, padded + t * D, sizeof(float) * D);
}

// Rotates pairs (2i, 2i+1); sign -1 is the inverse, which is also the gradient.
template <int D>
PLASTOMETER_INLINE void Rotate(float* x, const float* cosines,
                               const float* sines, float sign) {
  for (int i = 0; i < D / 2; ++i) {
    const V c = Load(cosines + i * kLanes), s = Load(sines + i * kLanes) * sign;
    const V a = Load(x + 2 * i * kLanes), b = Load(x + (2 * i + 1) * kLanes);
    Store(x + 2 * i * kLanes, a * c - b * s);
    Store(x + (2 * i + 1) * kLanes, a * s + b * c);
  }
}

// z becomes xhat; returns 1/std. Two passes: no cancellation.
template <int D>
PLASTOMETER_INLINE V Normalize(float* z) {
  V sum = Splat(0.0f), square = Splat(0.0f);
  for (int j = 0; j < D; ++j) sum = sum + Load(z + j * kLanes);
  const V mean = sum * (1.0f / D);
  for (int j = 0; j < D; ++j) {
    const V c = Load(z + j * kLanes) - mean;
    square = square + c * c;
    Store(z + j * kLanes, c);
  }
  const V inverse = InverseSqrt(square * (1.0f / D) + kInnerNormEps);
  for (int j = 0; j < D; ++j)
    Store(z + j * kLanes, Load(z + j * kLanes) * inverse);
  return inverse;
}

// dx of xhat = (z - mean) / std, plus `extra` * xhat inside the bracket: in
// place on dx.
template <int D>
PLASTOMETER_INLINE void NormalizeBackward(float* dx, const float* xhat,
                                          V inverse, V extra) {
  V sum = Splat(0.0f), dot = Splat(0.0f);
  for (int j = 0; j < D; ++j) {
    const V d = Load(dx + j * kLanes);
    sum = sum + d;
    dot = dot + d * Load(xhat + j * kLanes);
  }
  sum = sum * (1.0f / D);
  dot = dot * (1.0f / D) + extra;
  for (int j = 0; j < D; ++j) {
    Store(dx + j * kLanes,
          (Load(dx + j * kLanes) - sum - Load(xhat + j * kLanes) * dot) *
              inverse);
  }
}

// Everything a mini-batch's outputs are made of; filled by the forward pass,
// and again by the backward pass.
template <int D>
struct MiniBatch {
  alignas(64) float q[D * kLanes], k[D * kLanes], v[D * kLanes];
  alignas(64) float xhat[D * kLanes], g[D * kLanes];  // of the key side
  alignas(64) float zb[D * kLanes];  // of the output side: Zb, then its xhat
  alignas(64) float a[kLanes * kLanes];  // [i key][t query]: q_t . k_i
  alignas(64) float p[kLanes * kLanes];  // eta o tril(A + 1), transposed like a
  alignas(64) float g_rows[kLanes * D];  // G as [16, D]
  alignas(64) float k_eta[D * kLanes];   // k_i * eta[15, i]
  // eta[15, i]; 0 where the state does not learn.
  alignas(64) float eta_last[kLanes];
  V inverse, inverse_b, mean_dot;  // 1/std on both sides; mean(ghat * xhat)
};

// [i][t]: 1 where t >= i
PLASTOMETER_INLINE V CausalLanes(int i) {
  alignas(64) float mask[kLanes];
  for (int t = 0; t < kLanes; ++t) mask[t] = t >= i ? 1.0f : 0.0f;
  return Load(mask);
}

struct Place {  // where a mini-batch lies
  int64_t first_row, lr_index;
  int rows;
  bool plastic, updates;
  float scale;
};

PLASTOMETER_INLINE Place PlaceOf(const ScanArgs& s, int64_t sequence,
                                 int64_t head, int64_t m) {
  Place p;
  const int64_t t0 = m * kLanes, left = s.tokens - t0;
  p.rows = left < kLanes ? static_cast<int>(left) : kLanes;
  p.first_row =
      (sequence * s.tokens + t0) * (s.heads * s.head_dim) + head * s.head_dim;
  p.lr_index = (sequence * s.tokens + t0) * s.heads + head;
  p.scale = s.eta_scale[m];
  p.plastic = p.scale != 0.0f;
  p.updates = p.plastic && p.rows == kLanes;
  return p;
}

// Key side: rotated k, xhat, G, and the products with eta.
template <int D>
PLASTOMETER_INLINE void KeySide(const ScanArgs& s, const Place& at,
                                int64_t head, const float* w, const float* b,
                                MiniBatch<D>& mb) {
  const int64_t stride = s.heads * D;
  const float *gamma = s.norm_weight + head * D, *beta = s.norm_bias + head * D;
  LoadRows<D>(s.k + at.first_row, stride, at.rows, mb.k);
  LoadRows<D>(s.v + at.first_row, stride, at.rows, mb.v);
  Rotate<D>(mb.k, s.cosines, s.sines, 1.0f);
  for (int j = 0; j < D; ++j) Store(mb.xhat + j * kLanes, Splat(b[j]));
  Product<D, D, D, 1, false>(w, mb.k, kLanes, mb.xhat, kLanes, mb.xhat, kLanes);
  mb.inverse = Normalize<D>(mb.xhat);
  V sum = Splat(0.0f), dot = Splat(0.0f);
  // ghat = (xhat * gamma + beta - (v - k)) * gamma
  for (int j = 0; j < D; ++j) {
    const V xhat = Load(mb.xhat + j * kLanes);
    const V target = Load(mb.v + j * kLanes) - Load(mb.k + j * kLanes);
    const V ghat = (xhat * gamma[j] + beta[j] - target) * gamma[j];
    sum = sum + ghat;
    dot = dot + ghat * xhat;
    Store(mb.g + j * kLanes, ghat);
  }
  sum = sum * (1.0f / D);
  mb.mean_dot = dot * (1.0f / D);
  for (int j = 0; j < D; ++j) {
    Store(mb.g + j * kLanes, (Load(mb.g + j * kLanes) - sum -
                              Load(mb.xhat + j * kLanes) * mb.mean_dot) *
                                 mb.inverse);
  }
  Product<D, kLanes, kLanes, 1, false>(mb.k, mb.q, kLanes, nullptr, 0, mb.a,
                                       kLanes);
  const V token = Load(s.token_scale);
  for (int i = 0; i < kLanes; ++i) {
    const float rate =
        i < at.rows ? s.lr[at.lr_index + i * s.heads] * at.scale : 0.0f;
    Store(mb.p + i * kLanes,
          (Load(mb.a + i * kLanes) + 1.0f) * (token * rate) * CausalLanes(i));
    mb.eta_last[i] = at.updates ? rate * s.token_scale[kLanes - 1] : 0.0f;
  }
}

// Output side up to Zb, left in mb.zb.
template <int D>
PLASTOMETER_INLINE void QuerySide(const float* w, const float* b, bool plastic,
                                  MiniBatch<D>& mb) {
  for (int j = 0; j < D; ++j) Store(mb.zb + j * kLanes, Splat(b[j]));
  Product<D, D, D, 1, false>(w, mb.q, kLanes, mb.zb, kLanes, mb.zb, kLanes);
  if (plastic)
    Product<kLanes, D, 1, kLanes, true>(mb.g, mb.p, kLanes, mb.zb, kLanes,
                                        mb.zb, kLanes);
}

template <int D>
PLASTOMETER_INLINE void LoadQuery(const ScanArgs& s, const Place& at,
                                  MiniBatch<D>& mb) {
  LoadRows<D>(s.q + at.first_row, s.heads * D, at.rows, mb.q);
  Rotate<D>(mb.q, s.cosines, s.sines, 1.0f);
}

template <int D>
PLASTOMETER_INLINE const float* StartW(const ScanArgs& s, int64_t task,
                                       int64_t head) {
  return s.w0 + (s.start_per_sequence ? task : head) * D * D;
}
template <int D>
PLASTOMETER_INLINE const float* StartB(const ScanArgs& s, int64_t task,
                                       int64_t head) {
  return s.b0 + (s.start_per_sequence ? task : head) * D;
}
template <int D>
PLASTOMETER_INLINE float* StateSlot(const ScanArgs& s, int64_t task,
                                    int64_t slot) {
  return s.states + (task * s.num_states + slot) * (D * D + D);
}

template <int D>
static void ScanForwardOf(const ScanArgs& s, int64_t task) {
  const int64_t sequence = task / s.heads, head = task % s.heads,
                stride = s.heads * D;
  const float *gamma = s.norm_weight + head * D, *beta = s.norm_bias + head * D;
  const float *w = StartW<D>(s, task, head), *b = StartB<D>(s, task, head);
  MiniBatch<D> mb;
  int64_t slot = 0;
  for (int64_t m = 0; m * kLanes < s.tokens; ++m) {
    const Place at = PlaceOf(s, sequence, head, m);
    LoadQuery<D>(s, at, mb);
    if (at.plastic) KeySide<D>(s, at, head, w, b, mb);
    QuerySide<D>(w, b, at.plastic, mb);
    Normalize<D>(mb.zb);
    for (int j = 0; j < D; ++j) {
      Store(mb.zb + j * kLanes,
            Load(mb.q + j * kLanes) +
                (Load(mb.zb + j * kLanes) * gamma[j] + beta[j]));
    }
    StoreRows<D>(mb.zb, s.out + at.first_row, stride, at.rows);
    if (at.plastic && !at.updates && s.open_k != nullptr) {
      StoreRows<D>(mb.k, s.open_k + task * at.rows * D, D, at.rows);
      StoreRows<D>(mb.g, s.open_g + task * at.rows * D, D, at.rows);
    }
    if (!at.updates) continue;
    float *w_next = StateSlot<D>(s, task, slot), *b_next = w_next + D * D;
    ++slot;
    Transpose4x4Blocks<kLanes>(mb.g, kLanes, mb.g_rows, D, D);
    const V eta = Load(mb.eta_last);
    for (int i = 0; i < D; ++i)
      Store(mb.k_eta + i * kLanes, Load(mb.k + i * kLanes) * eta);
    for (int j = 0; j < D; j += kLanes) {
      Product<kLanes, D, 1, kLanes, true>(mb.k_eta, mb.g_rows + j, D, w + j, D,
                                          w_next + j, D);
      V sum = Load(b + j);
      for (int i = 0; i < kLanes; ++i)
        sum = sum - Load(mb.g_rows + i * D + j) * mb.eta_last[i];
      Store(b_next + j, sum);
    }
    w = w_next;
    b = b_next;
  }
}

template <int D>
struct BackwardScratch {
  MiniBatch<D> mb;
  alignas(64) float dq[D * kLanes], dk[D * kLanes], dzb[D * kLanes],
      dg[D * kLanes], dz[D * kLanes];
  alignas(64) float rows[kLanes * D];
  alignas(64) float p_rows[kLanes * kLanes], da[kLanes * kLanes],
      da_rows[kLanes * kLanes];
  alignas(64) float d_gamma[D * kLanes], d_beta[D * kLanes];
  alignas(64) float dw[D * D], db[D];
  V d_token;
};

// dw += x^T y, db += column sums of y; x, y in lane form.
template <int D>
PLASTOMETER_INLINE void AddOuter(const float* x, const float* y,
                                 BackwardScratch<D>& b) {
  Transpose4x4Blocks<kLanes>(y, kLanes, b.rows, D, D);
  for (int j = 0; j < D; j += kLanes) {
    Product<kLanes, D, 1, kLanes, false>(x, b.rows + j, D, b.dw + j, D,
                                         b.dw + j, D);
    V sum = Load(b.db + j);
    for (int i = 0; i < kLanes; ++i) sum = sum + Load(b.rows + i * D + j);
    Store(b.db + j, sum);
  }
}

// dO is in b.dzb: gradients of the output norm, and d_out's direct way to q.
template <int D>
PLASTOMETER_INLINE void OutputNormBackward(const float* gamma,
                                           BackwardScratch<D>& b) {
  for (int j = 0; j < D; ++j) {
    const V d = Load(b.dzb + j * kLanes);
    Store(b.dq + j * kLanes, d);
    Store(b.d_gamma + j * kLanes,
          Load(b.d_gamma + j * kLanes) + d * Load(b.mb.zb + j * kLanes));
    Store(b.d_beta + j * kLanes, Load(b.d_beta + j * kLanes) + d);
    Store(b.dzb + j * kLanes, d * gamma[j]);
  }
  NormalizeBackward<D>(b.dzb, b.mb.zb, b.mb.inverse_b, Splat(0.0f));
}

// Through P = eta o tril(A + 1): d_a in both forms, d_token, rate gradients;
// and d_g of Zb's use.
template <int D>
PLASTOMETER_INLINE void AttentionBackward(const ScanArgs& s, const Place& at,
                                          float* d_rate,
                                          BackwardScratch<D>& b) {
  const V token = Load(s.token_scale);
  // dP^T = -G dZb^T.
  Product<D, kLanes, kLanes, 1, true>(b.mb.g, b.dzb, kLanes, nullptr, 0, b.da,
                                      kLanes);
  for (int i = 0; i < kLanes; ++i) {
    const float rate =
        i < at.rows ? s.lr[at.lr_index + i * s.heads] * at.scale : 0.0f;
    const V dp = Load(b.da + i * kLanes) * CausalLanes(i);
    const V d_eta = dp * (Load(b.mb.a + i * kLanes) + 1.0f);
    b.d_token = b.d_token + d_eta * rate;
    d_rate[i] = SumLanes(d_eta * token);
    Store(b.da + i * kLanes, dp * (token * rate));
  }
  Transpose4x4Blocks<kLanes>(b.mb.p, kLanes, b.p_rows, kLanes, kLanes);
  Transpose4x4Blocks<kLanes>(b.da, kLanes, b.da_rows, kLanes, kLanes);
  // dG = -P^T dZb.
  Product<kLanes, D, 1, kLanes, true>(b.dzb, b.p_rows, kLanes, nullptr, 0, b.dg,
                                      kLanes);
  // dQ += dA K.
  Product<kLanes, D, 1, kLanes, false>(b.mb.k, b.da, kLanes, b.dq, kLanes, b.dq,
                                       kLanes);
  // dK = dA^T Q.
  Product<kLanes, D, 1, kLanes, false>(b.mb.q, b.da_rows, kLanes, nullptr, 0,
                                       b.dk, kLanes);
}

// Through W' = W - K^T diag(eta_last) G and b' = b - eta_last^T G; dW' and db'
// are in b.dw, b.db.
template <int D>
PLASTOMETER_INLINE void UpdateBackward(const ScanArgs& s, float* d_rate,
                                       BackwardScratch<D>& b) {
  const V eta = Load(b.mb.eta_last);
  for (int j = 0; j < D; ++j) Store(b.dz + j * kLanes, Splat(b.db[j]));
  // K dW' + db'.
  Product<D, D, D, 1, false>(b.dw, b.mb.k, kLanes, b.dz, kLanes, b.dz, kLanes);
  V dot = Splat(0.0f);
  for (int j = 0; j < D; ++j) {
    const V v = Load(b.dz + j * kLanes);
    dot = dot + v * Load(b.mb.g + j * kLanes);
    Store(b.dg + j * kLanes, Load(b.dg + j * kLanes) - v * eta);
    // diag(eta) G.
    Store(b.mb.k_eta + j * kLanes, Load(b.mb.g + j * kLanes) * eta);
  }
  // dK -= diag(eta) G dW'^T.
  Product<D, D, 1, D, true>(b.dw, b.mb.k_eta, kLanes, b.dk, kLanes, b.dk,
                            kLanes);
  alignas(64) float d_eta[kLanes];
  Store(d_eta, Splat(0.0f) - dot);
  alignas(64) float d_token[kLanes];
  Store(d_token, b.d_token);
  const float last = s.token_scale[kLanes - 1];
  for (int i = 0; i < kLanes; ++i) {
    d_rate[i] += d_eta[i] * last;
    // eta_last = rate * last
    d_token[kLanes - 1] +=
        last != 0.0f ? d_eta[i] * (b.mb.eta_last[i] / last) : 0.0f;
  }
  b.d_token = Load(d_token);
}

// Through G = LN_vjp(LN(Z) - target): b.dg in, b.dz = dL/dZ out; dv written to
// b.mb.v, dk gets the target's share.
template <int D>
PLASTOMETER_INLINE void GradientBackward(const float* gamma, const float* beta,
                                         BackwardScratch<D>& b) {
  MiniBatch<D>& mb = b.mb;
  V sum = Splat(0.0f), dot = Splat(0.0f), self = Splat(0.0f);
  for (int j = 0; j < D; ++j) {
    const V dg = Load(b.dg + j * kLanes), u = dg * mb.inverse;
    sum = sum + u;
    dot = dot + u * Load(mb.xhat + j * kLanes);
    self = self + dg * Load(mb.g + j * kLanes);
  }
  sum = sum * (1.0f / D);
  dot = dot * (1.0f / D);
  self = self * (1.0f / D);
  for (int j = 0; j < D; ++j) {
    const V xhat = Load(mb.xhat + j * kLanes),
            u = Load(b.dg + j * kLanes) * mb.inverse;
    // y - target
    const V residual = xhat * gamma[j] + beta[j] - Load(mb.v + j * kLanes) +
                       Load(mb.k + j * kLanes);
    const V ghat = residual * gamma[j];
    const V d_ghat = u - sum - xhat * dot;
    const V d_residual = d_ghat * gamma[j];
    Store(b.d_gamma + j * kLanes,
          Load(b.d_gamma + j * kLanes) + d_ghat * residual + d_residual * xhat);
    Store(b.d_beta + j * kLanes, Load(b.d_beta + j * kLanes) + d_residual);
    Store(b.dk + j * kLanes, Load(b.dk + j * kLanes) + d_residual);
    Store(mb.v + j * kLanes, Splat(0.0f) - d_residual);
    Store(b.dz + j * kLanes,
          d_residual * gamma[j] - u * mb.mean_dot - ghat * dot);
  }
  NormalizeBackward<D>(b.dz, mb.xhat, mb.inverse, self);
}

template <int D>
PLASTOMETER_INLINE void KeySideBackward(const ScanArgs& s, const Place& at,
                                        int64_t head, const float* w,
                                        BackwardScratch<D>& b) {
  const int64_t stride = s.heads * D;
  alignas(64) float d_rate[kLanes];
  AttentionBackward<D>(s, at, d_rate, b);
  if (at.updates) UpdateBackward<D>(s, d_rate, b);
  GradientBackward<D>(s.norm_weight + head * D, s.norm_bias + head * D, b);
  Product<D, D, 1, D, false>(w, b.dz, kLanes, b.dk, kLanes, b.dk, kLanes);
  AddOuter<D>(b.mb.k, b.dz, b);
  Rotate<D>(b.dk, s.cosines, s.sines, -1.0f);
  StoreRows<D>(b.dk, s.dk + at.first_row, stride, at.rows);
  StoreRows<D>(b.mb.v, s.dv + at.first_row, stride, at.rows);
  for (int i = 0; i < at.rows; ++i)
    s.dlr[at.lr_index + i * s.heads] = d_rate[i] * at.scale;
}

template <int D>
PLASTOMETER_INLINE void ZeroKeyGradients(const ScanArgs& s, const Place& at) {
  if (s.dk == nullptr) return;
  for (int i = 0; i < at.rows; ++i) {
    memset(s.dk + at.first_row + i * s.heads * D, 0, sizeof(float) * D);
    memset(s.dv + at.first_row + i * s.heads * D, 0, sizeof(float) * D);
    s.dlr[at.lr_index + i * s.heads] = 0.0f;
  }
}

template <int D>
static void ScanBackwardOf(const ScanArgs& s, int64_t task) {
  const int64_t sequence = task / s.heads, head = task % s.heads,
                stride = s.heads * D;
  const float* gamma = s.norm_weight + head * D;
  BackwardScratch<D> b;
  memset(b.d_gamma, 0, sizeof b.d_gamma);
  memset(b.d_beta, 0, sizeof b.d_beta);
  memset(b.dw, 0, sizeof b.dw);
  memset(b.db, 0, sizeof b.db);
  if (s.d_w_final != nullptr)
    memcpy(b.dw, s.d_w_final + task * D * D, sizeof b.dw);
  if (s.d_b_final != nullptr) memcpy(b.db, s.d_b_final + task * D, sizeof b.db);
  b.d_token = Splat(0.0f);
  int64_t slot = s.num_states;
  for (int64_t m = (s.tokens + kLanes - 1) / kLanes - 1; m >= 0; --m) {
    const Place at = PlaceOf(s, sequence, head, m);
    if (at.updates) --slot;
    const float* w =
        slot == 0 ? StartW<D>(s, task, head) : StateSlot<D>(s, task, slot - 1);
    const float* bias = slot == 0 ? StartB<D>(s, task, head) : w + D * D;
    LoadQuery<D>(s, at, b.mb);
    if (at.plastic) KeySide<D>(s, at, head, w, bias, b.mb);
    QuerySide<D>(w, bias, at.plastic, b.mb);
    b.mb.inverse_b = Normalize<D>(b.mb.zb);
    LoadRows<D>(s.d_out + at.first_row, stride, at.rows, b.dzb);
    OutputNormBackward<D>(gamma, b);
    if (at.plastic) {
      KeySideBackward<D>(s, at, head, w, b);
    } else {
      ZeroKeyGradients<D>(s, at);
    }
    AddOuter<D>(b.mb.q, b.dzb, b);
    Product<D, D, 1, D, false>(w, b.dzb, kLanes, b.dq, kLanes, b.dq, kLanes);
    Rotate<D>(b.dq, s.cosines, s.sines, -1.0f);
    StoreRows<D>(b.dq, s.dq + at.first_row, stride, at.rows);
  }
  Store(s.d_token_scale + task * kLanes, b.d_token);
  for (int j = 0; j < D; ++j) {
    s.d_norm_weight[task * D + j] = SumLanes(Load(b.d_gamma + j * kLanes));
    s.d_norm_bias[task * D + j] = SumLanes(Load(b.d_beta + j * kLanes));
  }
  memcpy(s.d_w0 + task * D * D, b.dw, sizeof b.dw);
  memcpy(s.d_b0 + task * D, b.db, sizeof b.db);
}

static bool SupportsHeadDim(int64_t d) { return d == 32 || d == 64 || d == 96; }

static void ScanForward(const ScanArgs& s, int64_t task) {
  if (s.head_dim == 32) ScanForwardOf<32>(s, task);
  if (s.head_dim == 64) ScanForwardOf<64>(s, task);
  if (s.head_dim == 96) ScanForwardOf<96>(s, task);
}

static void ScanBackward(const ScanArgs& s, int64_t task) {
  if (s.head_dim == 32) ScanBackwardOf<32>(s, task);
  if (s.head_dim == 64) ScanBackwardOf<64>(s, task);
  if (s.head_dim == 96) ScanBackwardOf<96>(s, task);
}

}  // namespace
