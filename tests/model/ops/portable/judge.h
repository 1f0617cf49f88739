// The portable arithmetic as plain scalar loops, written from
// docs/portable-arithmetic.md and from nothing else. Every kernel table must
// give these bits.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace plastometer::portable::judge {

using View = std::span<const float>;
using Values = std::vector<float>;

// Row-major.
struct Matrix {
  int64_t num_rows = 0, num_columns = 0;
  Values values;
  View row(int64_t i) const {
    return View(values).subspan(i * num_columns, num_columns);
  }
};

// Section 2.
float Exp(float x);
float Log(float x);
float Sigmoid(float x);
float Silu(float x);
float Gelu(float x);
float GeluDerivative(float x);
// [16, d/2]
void RopeTables(double theta, int64_t head_dim, Values& cos, Values& sin);

// Section 3.
float Dot(View x, View y);
// dot(x, W[:, n])
float DotColumn(View x, const Matrix& w, int64_t n);
float RowSum(View x);
float RowDot(View x, View y);
float RowSquare(View x);

// Section 4, one row at a time.
Values Linear(View x, const Matrix& w);
Values RmsNorm(View x, View weight, float eps);
Values LayerNorm(View x, View weight, View bias, float eps);
// rows: x[t-3], x[t-2], x[t-1], x[t]; kernel [4, width].
Values CausalConv(const View (&rows)[4], View kernel, View bias);
float InnerRate(View x, View weight, float bias);
// cos, sin: row (position mod 16) of the tables.
Values Rope(View x, View cos, View sin);
// An empty gate: layer norm alone.
Values GatedNorm(View gate, View o, View weight, View bias);
Values SwiGlu(View x, const Matrix& w1, const Matrix& w3, const Matrix& w2);
float TokenLoss(View logits, int64_t target);

// Sections 5 and 6, one head.
struct Layers {
  Matrix w1;
  Values b1;
  Matrix w2;  // TTT-MLP only
  Values b2;
};
struct InnerModel {
  int64_t head_dim = 0;
  bool mlp = false;
  Values norm_weight, norm_bias, token_rate;
  Values cos, sin;  // [16, d/2]
  Layers initial;
};
// What a row of the open mini-batch leaves for the rows after it.
struct OpenRow {
  Values k, h1, x, h2, g1, g2;
  float f = 0, loss = 0;  // f_t, l_t
};
struct InnerState {
  explicit InnerState(const InnerModel& model) : layers(model.initial) {}
  Layers layers;
  std::vector<OpenRow> rows;
};
struct Token {
  View q, k, v;  // q, k before RoPE
  float lr = 0, sigma = 0;
};
// Names of docs/portable-arithmetic.md, section 6; one value per token or per
// mini-batch, in order.
using Statistics = std::map<std::string, Values>;

// -> O_t; advances `state`. `statistics` may be null.
Values ScanToken(const InnerModel& model, InnerState& state, const Token& token,
                 Statistics* statistics);
// row: position mod 16.
Values FrozenToken(const InnerModel& model, const Layers& layers, int64_t row,
                   View q);

}  // namespace plastometer::portable::judge
