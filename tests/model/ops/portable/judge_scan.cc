// Sections 5 and 6: the inner loop, token by token.
#include <cmath>

#include "tests/model/ops/portable/judge.h"

namespace plastometer::portable::judge {
namespace {

constexpr float kEps = 1e-6F;
constexpr size_t kRows = 16;

float Fnma(float a, float b, float c) { return std::fma(-a, b, c); }

// dot(x, w) + b
Values Affine(View x, const Matrix& w, View bias) {
  Values y = Linear(x, w);
  for (size_t n = 0; n < y.size(); ++n) y[n] = y[n] + bias[n];
  return y;
}

Values GeluRow(View x) {
  Values y;
  for (const float value : x) y.push_back(Gelu(value));
  return y;
}

Values Minus(View a, View b) {
  Values y(a.size());
  for (size_t i = 0; i < a.size(); ++i) y[i] = a[i] - b[i];
  return y;
}

Values Times(View a, float f) {
  Values y(a.size());
  for (size_t i = 0; i < a.size(); ++i) y[i] = a[i] * f;
  return y;
}

Values InnerNorm(const InnerModel& model, View z) {
  return LayerNorm(z, model.norm_weight, model.norm_bias, kEps);
}

// z of the layers: W, b alone, or both layers around gelu.
Values Forward(const InnerModel& model, const Layers& layers, View x) {
  const Values z = Affine(x, layers.w1, layers.b1);
  return model.mlp ? Affine(GeluRow(z), layers.w2, layers.b2) : z;
}

Values AddRows(View a, View b) {
  Values y(a.size());
  for (size_t i = 0; i < a.size(); ++i) y[i] = a[i] + b[i];
  return y;
}

Values NormGradient(const InnerModel& model, View z, View target) {
  const auto d = static_cast<float>(z.size());
  const View g = model.norm_weight, bias = model.norm_bias;
  const float m = RowSum(z) / d;
  Values xhat(z.size()), ghat(z.size()), gradient(z.size());
  for (size_t i = 0; i < z.size(); ++i) xhat[i] = z[i] - m;
  const float r = 1 / std::sqrt(RowSquare(xhat) / d + kEps);
  for (size_t i = 0; i < z.size(); ++i) {
    xhat[i] = xhat[i] * r;
    ghat[i] = (std::fma(xhat[i], g[i], bias[i]) - target[i]) * g[i];
  }
  const float m1 = RowSum(ghat) / d;
  const float m2 = RowDot(ghat, xhat) / d;
  for (size_t i = 0; i < z.size(); ++i)
    gradient[i] = std::fma(-xhat[i], m2, ghat[i] - m1) * r;
  return gradient;
}

using Member = Values OpenRow::*;

// zb = fnma(tok[t], chain_i<=t (dot(query, inputs_i) + 1, h_i), z)
Values Correct(const InnerModel& model, const std::vector<OpenRow>& rows,
               View query, Member inputs, Member gradients, View z) {
  Values chain(z.size(), 0.0F);
  for (const OpenRow& row : rows) {
    const float a = Dot(query, row.*inputs) + 1;
    for (size_t n = 0; n < z.size(); ++n)
      chain[n] = std::fma(a, (row.*gradients)[n], chain[n]);
  }
  for (size_t n = 0; n < z.size(); ++n)
    chain[n] = Fnma(model.token_rate[rows.size() - 1], chain[n], z[n]);
  return chain;
}

Values SumRows(const std::vector<OpenRow>& rows, Member gradients) {
  Values sum((rows[0].*gradients).size(), 0.0F);
  for (const OpenRow& row : rows)
    for (size_t n = 0; n < sum.size(); ++n)
      sum[n] = sum[n] + (row.*gradients)[n];
  return sum;
}

void UpdateLayer(float rate, const std::vector<OpenRow>& rows, Member inputs,
                 Member gradients, Matrix& w, Values& bias) {
  for (int64_t c = 0; c < w.num_rows; ++c) {
    for (int64_t n = 0; n < w.num_columns; ++n) {
      float s = 0;
      for (const OpenRow& row : rows)
        s = std::fma((row.*inputs)[c], (row.*gradients)[n], s);
      float& value = w.values[c * w.num_columns + n];
      value = Fnma(rate, s, value);
    }
  }
  const Values sum = SumRows(rows, gradients);
  for (size_t n = 0; n < bias.size(); ++n)
    bias[n] = Fnma(rate, sum[n], bias[n]);
}

// scaled: gram_f.
float Gram(const std::vector<OpenRow>& rows, Member x, Member y, bool scaled) {
  Values xs, ys;
  for (const OpenRow& a : rows) {
    for (const OpenRow& b : rows) {
      xs.push_back(Dot(a.*x, b.*x));
      const float product = Dot(a.*y, b.*y);
      ys.push_back(scaled ? (a.f * b.f) * product : product);
    }
  }
  const float sum = RowDot(xs, ys);
  return 0 < sum ? sum : 0;
}

// Numerators and denominators that the layers share.
struct Totals {
  bool empty = true;
  float grad = 0, update = 0, state = 0, distance = 0, initial = 0;
  void Add(const Totals& o) {
    if (empty) {
      *this = o;
      empty = false;
      return;
    }
    grad = grad + o.grad;
    update = update + o.update;
    state = state + o.state;
    distance = distance + o.distance;
    initial = initial + o.initial;
  }
};

struct LayerStep {
  std::string number;  // "1", "2"
  Member inputs, gradients, steps;
  const Matrix &before, &after, &initial;
  const Values& bias_before;
};

void AddNorms(const std::string& name, float grad, float update, float state,
              Statistics& out) {
  out["grad_norm" + name].push_back(grad);
  out["update_norm" + name].push_back(update);
  out["state_norm" + name].push_back(state);
  out["relative_update" + name].push_back(update / state);
}

Totals LayerStatistics(const std::vector<OpenRow>& rows, float rate,
                       const LayerStep& layer, Statistics& out) {
  Totals totals;
  totals.grad = Gram(rows, layer.inputs, layer.gradients, false);
  totals.update = Gram(rows, layer.inputs, layer.gradients, true);
  totals.state = RowSquare(layer.before.values);
  totals.distance = RowSquare(Minus(layer.after.values, layer.initial.values));
  totals.initial = RowSquare(layer.initial.values);
  AddNorms(".W" + layer.number, std::sqrt(totals.grad),
           rate * std::sqrt(totals.update), std::sqrt(totals.state), out);
  const Values grads = SumRows(rows, layer.gradients),
               steps = SumRows(rows, layer.steps);
  AddNorms(".b" + layer.number, std::sqrt(RowSquare(grads)),
           rate * std::sqrt(RowSquare(steps)),
           std::sqrt(RowSquare(layer.bias_before)), out);
  return totals;
}

float StepLoss(const InnerModel& model, const Layers& layers, View k,
               View target) {
  const Values error =
      Minus(InnerNorm(model, Forward(model, layers, k)), target);
  return RowSquare(error) / static_cast<float>(error.size());
}

void MiniBatchStatistics(const InnerModel& model, const Layers& before,
                         const InnerState& state, View target,
                         Statistics& out) {
  const std::vector<OpenRow>& rows = state.rows;
  const Layers &after = state.layers, &initial = model.initial;
  const float rate = model.token_rate[kRows - 1];
  Totals totals;
  totals.Add(LayerStatistics(rows, rate,
                             {"1", &OpenRow::k, &OpenRow::g1, &OpenRow::h1,
                              before.w1, after.w1, initial.w1, before.b1},
                             out));
  if (model.mlp) {
    totals.Add(LayerStatistics(rows, rate,
                               {"2", &OpenRow::x, &OpenRow::g2, &OpenRow::h2,
                                before.w2, after.w2, initial.w2, before.b2},
                               out));
  }
  AddNorms("", std::sqrt(totals.grad), rate * std::sqrt(totals.update),
           std::sqrt(totals.state), out);
  out["state_distance"].push_back(std::sqrt(totals.distance / totals.initial));
  float loss = 0;
  for (const OpenRow& row : rows) loss = loss + row.loss;
  out["inner_loss"].push_back(loss / 16);
  const View k = rows[kRows - 1].k;
  out["ttt_loss_mse_init"].push_back(StepLoss(model, initial, k, target));
  out["ttt_loss_mse_step_0"].push_back((2 * rows[kRows - 1].loss) /
                                       static_cast<float>(model.head_dim));
  out["ttt_loss_mse_step_1"].push_back(StepLoss(model, after, k, target));
}

void TokenStatistics(const InnerModel& model, const OpenRow& row, float lr,
                     float f, Statistics& out) {
  float square = RowSquare(row.k) * RowSquare(row.g1);
  if (model.mlp) square = square + RowSquare(row.x) * RowSquare(row.g2);
  const float norm = std::sqrt(square);
  out["token_grad_norm"].push_back(norm);
  out["token_step"].push_back((norm * f) * model.token_rate[kRows - 1]);
  out["gate"].push_back(lr);
}

OpenRow MakeRow(const InnerModel& model, const Layers& layers, Values k,
                View target, float f) {
  OpenRow row;
  const Values z1 = Affine(k, layers.w1, layers.b1);
  Values z = z1;
  if (model.mlp) {
    row.x = GeluRow(z1);
    z = Affine(row.x, layers.w2, layers.b2);
    row.g2 = NormGradient(model, z, target);
    row.h2 = Times(row.g2, f);
    for (size_t j = 0; j < z1.size(); ++j)
      row.g1.push_back(Dot(row.g2, layers.w2.row(static_cast<int64_t>(j))) *
                       GeluDerivative(z1[j]));
  } else {
    row.g1 = NormGradient(model, z, target);
  }
  row.h1 = Times(row.g1, f);
  row.f = f;
  row.loss = 0.5F * RowSquare(Minus(InnerNorm(model, z), target));
  row.k = std::move(k);
  return row;
}

Values RopeRow(const InnerModel& model, View x, size_t row) {
  const size_t half = model.head_dim / 2;
  return Rope(x, View(model.cos).subspan(row * half, half),
              View(model.sin).subspan(row * half, half));
}

}  // namespace

Values ScanToken(const InnerModel& model, InnerState& state, const Token& token,
                 Statistics* statistics) {
  const size_t t = state.rows.size();
  Layers& layers = state.layers;
  const Values q = RopeRow(model, token.q, t);
  Values k = RopeRow(model, token.k, t);
  const Values target = Minus(token.v, k);
  const float f = token.lr * token.sigma;
  state.rows.push_back(MakeRow(model, layers, std::move(k), target, f));

  Values z = Correct(model, state.rows, q, &OpenRow::k, &OpenRow::h1,
                     Affine(q, layers.w1, layers.b1));
  if (model.mlp) {
    const Values y = GeluRow(z);
    z = Correct(model, state.rows, y, &OpenRow::x, &OpenRow::h2,
                Affine(y, layers.w2, layers.b2));
  }
  Values output = AddRows(q, InnerNorm(model, z));

  if (statistics != nullptr)
    TokenStatistics(model, state.rows[t], token.lr, f, *statistics);
  if (t + 1 == kRows) {
    const Layers before = layers;
    const float rate = model.token_rate[t];
    UpdateLayer(rate, state.rows, &OpenRow::k, &OpenRow::h1, layers.w1,
                layers.b1);
    if (model.mlp)
      UpdateLayer(rate, state.rows, &OpenRow::x, &OpenRow::h2, layers.w2,
                  layers.b2);
    if (statistics != nullptr)
      MiniBatchStatistics(model, before, state, target, *statistics);
    state.rows.clear();
  }
  return output;
}

Values FrozenToken(const InnerModel& model, const Layers& layers, int64_t row,
                   View q) {
  const Values rotated = RopeRow(model, q, static_cast<size_t>(row));
  return AddRows(rotated, InnerNorm(model, Forward(model, layers, rotated)));
}

}  // namespace plastometer::portable::judge
