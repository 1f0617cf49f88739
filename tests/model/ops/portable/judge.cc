#include "tests/model/ops/portable/judge.h"

#include <mpfr.h>

#include <cmath>
#include <utility>

namespace plastometer::portable::judge {
namespace {

constexpr float kGelu1 = 1.5957691216F;
constexpr float kGelu2 = 0.07135481627F;
constexpr float kGelu3 = 0.2140644488F;

class Real {
 public:
  explicit Real(double value = 0) {
    mpfr_init2(value_, 320);
    mpfr_set_d(value_, value, MPFR_RNDN);
  }
  Real(const Real&) = delete;
  Real& operator=(const Real&) = delete;
  ~Real() { mpfr_clear(value_); }
  operator mpfr_ptr() { return value_; }
  // 320 bits to 24: the functions here are never that close to a tie.
  float ToFloat() { return mpfr_get_flt(value_, MPFR_RNDN); }

 private:
  mpfr_t value_;
};

// `estimate` is within 2^-60 of the true value, relative. False: a rounding
// boundary is too near to tell.
bool Rounds(long double estimate, float& result) {
  const long double error = std::fabs(estimate) * 0x1p-60L;
  result = static_cast<float>(estimate - error);
  return result == static_cast<float>(estimate + error);
}

Values Column(const Matrix& w, int64_t n) {
  Values column(w.num_rows);
  for (int64_t i = 0; i < w.num_rows; ++i)
    column[i] = w.values[i * w.num_columns + n];
  return column;
}

struct GeluParts {
  float square, e, s;
};

GeluParts GeluPartsOf(float x) {
  const float square = x * x;
  const float z = x * std::fma(kGelu2, square, kGelu1);
  float n = -z;
  n = n < 80 ? n : 80;
  const float e = Exp(n);
  return {square, e, 1 / (1 + e)};
}

float SumLanes(float (&lanes)[32]) {
  for (int h = 16; h > 0; h /= 2)
    for (int l = 0; l < h; ++l) lanes[l] = lanes[l] + lanes[l + h];
  return lanes[0];
}

}  // namespace

float Exp(float x) {
  float result;
  if (x == 0) return 1;
  if (!std::isfinite(x)) return std::exp(x);
  if (std::fabs(x) < 200 &&
      Rounds(std::exp(static_cast<long double>(x)), result))
    return result;
  Real real(x);
  mpfr_exp(real, real, MPFR_RNDN);
  return real.ToFloat();
}

float Log(float x) {
  float result;
  if (x == 1) return 0;
  if (!(x > 0) || !std::isfinite(x)) return std::log(x);
  if (Rounds(std::log(static_cast<long double>(x)), result)) return result;
  Real real(x);
  mpfr_log(real, real, MPFR_RNDN);
  return real.ToFloat();
}

float Sigmoid(float x) { return 1 / (1 + Exp(-x)); }

float Silu(float x) { return x / (1 + Exp(-x)); }

float Gelu(float x) { return x * GeluPartsOf(x).s; }

float GeluDerivative(float x) {
  const GeluParts p = GeluPartsOf(x);
  return std::fma(x * (p.s * (p.e * p.s)), std::fma(kGelu3, p.square, kGelu1),
                  p.s);
}

void RopeTables(double theta, int64_t head_dim, Values& cos, Values& sin) {
  cos.clear();
  sin.clear();
  for (int t = 0; t < 16; ++t) {
    for (int64_t i = 0; i < head_dim / 2; ++i) {
      Real angle(theta), exponent(-2.0 * static_cast<double>(i)), value;
      mpfr_div_si(exponent, exponent, head_dim, MPFR_RNDN);
      mpfr_pow(angle, angle, exponent, MPFR_RNDN);
      mpfr_mul_si(angle, angle, t, MPFR_RNDN);
      mpfr_cos(value, angle, MPFR_RNDN);
      cos.push_back(value.ToFloat());
      mpfr_sin(value, angle, MPFR_RNDN);
      sin.push_back(value.ToFloat());
    }
  }
}

float Dot(View x, View y) {
  const auto K = static_cast<int64_t>(x.size());
  float sum = 0;
  for (int64_t begin = 0; begin < K; begin += 256) {
    float s = 0;
    for (int64_t k = begin; k < K && k < begin + 256; ++k)
      s = std::fma(x[k], y[k], s);
    sum = begin == 0 ? s : sum + s;
  }
  return sum;
}

float DotColumn(View x, const Matrix& w, int64_t n) {
  return Dot(x, Column(w, n));
}

float RowSum(View x) {
  float lanes[32] = {};
  for (size_t i = 0; i < x.size(); ++i) lanes[i % 32] = lanes[i % 32] + x[i];
  return SumLanes(lanes);
}

float RowDot(View x, View y) {
  float lanes[32] = {};
  for (size_t i = 0; i < x.size(); ++i)
    lanes[i % 32] = std::fma(x[i], y[i], lanes[i % 32]);
  return SumLanes(lanes);
}

float RowSquare(View x) { return RowDot(x, x); }

Values Linear(View x, const Matrix& w) {
  Values y(w.num_columns);
  for (int64_t n = 0; n < w.num_columns; ++n) y[n] = DotColumn(x, w, n);
  return y;
}

Values RmsNorm(View x, View weight, float eps) {
  const auto n = static_cast<float>(x.size());
  const float r = 1 / std::sqrt(RowSquare(x) / n + eps);
  Values y(x.size());
  for (size_t c = 0; c < x.size(); ++c) y[c] = (x[c] * r) * weight[c];
  return y;
}

Values LayerNorm(View x, View weight, View bias, float eps) {
  const auto n = static_cast<float>(x.size());
  const float m = RowSum(x) / n;
  Values c(x.size()), y(x.size());
  for (size_t i = 0; i < x.size(); ++i) c[i] = x[i] - m;
  const float r = 1 / std::sqrt(RowSquare(c) / n + eps);
  for (size_t i = 0; i < x.size(); ++i)
    y[i] = std::fma(c[i] * r, weight[i], bias[i]);
  return y;
}

Values CausalConv(const View (&rows)[4], View kernel, View bias) {
  const size_t width = bias.size();
  Values y(bias.begin(), bias.end());
  for (size_t j = 0; j < 4; ++j)
    for (size_t c = 0; c < width; ++c)
      y[c] = std::fma(rows[j][c], kernel[j * width + c], y[c]);
  return y;
}

float InnerRate(View x, View weight, float bias) {
  return Sigmoid(Dot(x, weight) + bias);
}

Values Rope(View x, View cos, View sin) {
  Values y(x.size());
  for (size_t i = 0; i < x.size() / 2; ++i) {
    const float e = x[2 * i], o = x[2 * i + 1];
    y[2 * i] = std::fma(e, cos[i], -(o * sin[i]));
    y[2 * i + 1] = std::fma(e, sin[i], o * cos[i]);
  }
  return y;
}

Values GatedNorm(View gate, View o, View weight, View bias) {
  Values y = LayerNorm(o, weight, bias, 1e-6F);
  for (size_t i = 0; i < gate.size(); ++i) y[i] = Gelu(gate[i]) * y[i];
  return y;
}

Values SwiGlu(View x, const Matrix& w1, const Matrix& w3, const Matrix& w2) {
  Values a = Linear(x, w1);
  const Values b = Linear(x, w3);
  for (size_t i = 0; i < a.size(); ++i) a[i] = Silu(a[i]) * b[i];
  return Linear(a, w2);
}

float TokenLoss(View logits, int64_t target) {
  float m = logits[0];
  for (const float x : logits) m = m < x ? x : m;
  Values e;
  for (const float x : logits) e.push_back(Exp(x - m));
  return Log(RowSum(e)) + (m - logits[target]);
}

}  // namespace plastometer::portable::judge
