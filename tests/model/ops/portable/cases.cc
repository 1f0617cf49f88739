#include "tests/model/ops/portable/cases.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace plastometer::portable {
namespace {

using judge::Values;
using judge::View;

View RowOf(const Values& values, int64_t row, int64_t width) {
  return View(values).subspan(row * width, width);
}

void Append(Values& values, View more) {
  values.insert(values.end(), more.begin(), more.end());
}

// rows [num_rows, width] spread to `stride` floats, the gaps untouched.
Values Spread(View rows, int64_t num_rows, int64_t width, int64_t stride) {
  Values spread((num_rows - 1) * stride + width, kUntouched);
  for (int64_t r = 0; r < num_rows; ++r)
    std::copy_n(rows.begin() + r * width, width, spread.begin() + r * stride);
  return spread;
}

bool ForEveryTable(const std::function<bool(const Kernels&)>& check) {
  bool same = true;
  for (const Kernels* table : AvailableKernels()) same = check(*table) && same;
  return same;
}

Values ExpectedGemm(View x, int64_t M, const judge::Matrix& w) {
  Values y;
  Values column(w.num_rows);
  y.resize(M * w.num_columns);
  for (int64_t n = 0; n < w.num_columns; ++n) {
    for (int64_t k = 0; k < w.num_rows; ++k)
      column[k] = w.values[k * w.num_columns + n];
    for (int64_t r = 0; r < M; ++r)
      y[r * w.num_columns + n] =
          judge::Dot(x.subspan(r * w.num_rows, w.num_rows), column);
  }
  return y;
}

}  // namespace

bool CheckGemm(Random& random, Kind kind, int64_t M, int64_t K, int64_t N,
               int64_t gap) {
  const Values x = random.Array(kind, M * K);
  const judge::Matrix w =
      random.MatrixOf(random.Integer(0, 1) == 0 ? kind : Kind::kOrdinary, K, N);
  const Values dense = Spread(w.values, K, N, N + gap);
  Values panels(NumPanels(N) * K * kPanelColumns, kUntouched);
  PackMatrix(dense.data(), N + gap, K, N, panels.data());
  const Values y = ExpectedGemm(x, M, w);
  const Values expected = Spread(y, M, N, N + gap);
  const Values spread_x = Spread(x, M, K, K + gap);

  // A sub-range, possibly empty.
  const int64_t r0 = random.Integer(0, M), r1 = random.Integer(r0, M);
  const int64_t p0 = random.Integer(0, NumPanels(N)),
                p1 = random.Integer(p0, NumPanels(N));
  Values expected_part(expected.size(), kUntouched);
  for (int64_t r = r0; r < r1; ++r)
    for (int64_t n = p0 * kPanelColumns; n < std::min(N, p1 * kPanelColumns);
         ++n)
      expected_part[r * (N + gap) + n] = expected[r * (N + gap) + n];

  return ForEveryTable([&](const Kernels& table) {
    Values actual(expected.size(), kUntouched), part = actual;
    GemmArguments arguments{spread_x.data(),       K + gap,       M,
                            {panels.data(), K, N}, actual.data(), N + gap};
    table.gemm(arguments, 0, M, 0, NumPanels(N));
    arguments.y = part.data();
    table.gemm(arguments, r0, r1, p0, p1);
    const std::string what =
        Describe("gemm " + KindName(kind), table,
                 {{"M", M}, {"K", K}, {"N", N}, {"gap", gap}});
    return SameBits(expected, actual, what) &&
           SameBits(expected_part, part,
                    Describe(what + " part", table,
                             {{"r0", r0}, {"r1", r1}, {"p0", p0}, {"p1", p1}}));
  });
}

bool CheckRmsNorm(Random& random, Kind kind, int64_t num_rows, int64_t width) {
  const Values x = random.Array(kind, num_rows * width),
               weight = random.Array(random.AnyKind(), width);
  const float eps = random.Integer(0, 1) == 0 ? 1e-6F : 1e-5F;
  Values expected;
  for (int64_t r = 0; r < num_rows; ++r)
    Append(expected, judge::RmsNorm(RowOf(x, r, width), weight, eps));
  return ForEveryTable([&](const Kernels& table) {
    Values y(x.size(), kUntouched);
    table.rms_norm(x.data(), weight.data(), eps, y.data(), num_rows, width);
    return SameBits(expected, y,
                    Describe("rms_norm " + KindName(kind), table,
                             {{"rows", num_rows}, {"width", width}}));
  });
}

bool CheckGatedNorm(Random& random, Kind kind, int64_t num_rows,
                    int64_t width) {
  const Values o = random.Array(kind, num_rows * width),
               gate = random.Array(random.AnyKind(), num_rows * width),
               weight = random.Array(random.AnyKind(), width),
               bias = random.Array(random.AnyKind(), width);
  Values gated, plain;
  for (int64_t r = 0; r < num_rows; ++r) {
    const View row = RowOf(o, r, width);
    Append(gated, judge::GatedNorm(RowOf(gate, r, width), row, weight, bias));
    Append(plain, judge::GatedNorm({}, row, weight, bias));
  }
  return ForEveryTable([&](const Kernels& table) {
    Values y(o.size(), kUntouched), without = y;
    table.gated_norm(gate.data(), o.data(), weight.data(), bias.data(), 1e-6F,
                     y.data(), num_rows, width);
    table.gated_norm(nullptr, o.data(), weight.data(), bias.data(), 1e-6F,
                     without.data(), num_rows, width);
    const std::string what = Describe("gated_norm " + KindName(kind), table,
                                      {{"rows", num_rows}, {"width", width}});
    return SameBits(gated, y, what) &&
           SameBits(plain, without, what + " without gate");
  });
}

bool CheckCausalConv(Random& random, Kind kind, int64_t T, int64_t begin,
                     int64_t width) {
  // rows 0..2: history
  const Values rows = random.Array(kind, (T + 3) * width),
               kernel = random.Array(Kind::kOrdinary, 4 * width),
               bias = random.Array(random.AnyKind(), width);
  const Values history(rows.begin(), rows.begin() + 3 * width),
      x(rows.begin() + 3 * width, rows.end());
  Values expected;
  for (int64_t t = 0; t < T; ++t) {
    const View window[4] = {RowOf(rows, t, width), RowOf(rows, t + 1, width),
                            RowOf(rows, t + 2, width),
                            RowOf(rows, t + 3, width)};
    Append(expected, judge::CausalConv(window, kernel, bias));
  }
  Values expected_part = expected;
  std::fill_n(expected_part.begin(), begin * width, kUntouched);
  return ForEveryTable([&](const Kernels& table) {
    Values y(x.size(), kUntouched), part = y;
    table.causal_conv(x.data(), history.data(), kernel.data(), bias.data(),
                      y.data(), 0, T, width);
    table.causal_conv(x.data(), history.data(), kernel.data(), bias.data(),
                      part.data(), begin, T, width);
    const std::string what =
        Describe("causal_conv " + KindName(kind), table,
                 {{"T", T}, {"begin", begin}, {"width", width}});
    return SameBits(expected, y, what) &&
           SameBits(expected_part, part, what + " part");
  });
}

bool CheckAdd(Random& random, Kind kind, int64_t n) {
  const Values a = random.Array(kind, n), b = random.Array(kind, n);
  Values expected;
  for (int64_t i = 0; i < n; ++i) expected.push_back(a[i] + b[i]);
  return ForEveryTable([&](const Kernels& table) {
    Values y(n, kUntouched);
    table.add(a.data(), b.data(), y.data(), n);
    return SameBits(expected, y,
                    Describe("add " + KindName(kind), table, {{"n", n}}));
  });
}

bool CheckSwiGlu(Random& random, Kind kind, int64_t n) {
  const Values a = random.Array(kind, n), b = random.Array(kind, n);
  Values expected;
  for (int64_t i = 0; i < n; ++i) expected.push_back(judge::Silu(a[i]) * b[i]);
  return ForEveryTable([&](const Kernels& table) {
    Values y(n, kUntouched);
    table.swiglu(a.data(), b.data(), y.data(), n);
    return SameBits(expected, y,
                    Describe("swiglu " + KindName(kind), table, {{"n", n}}));
  });
}

bool CheckSigmoidBias(Random& random, Kind kind, int64_t num_rows,
                      int64_t width) {
  const Values x = random.Array(kind, num_rows * width),
               bias = random.Array(random.AnyKind(), width);
  Values expected;
  for (int64_t i = 0; i < num_rows * width; ++i)
    expected.push_back(judge::Sigmoid(x[i] + bias[i % width]));
  return ForEveryTable([&](const Kernels& table) {
    Values y(x.size(), kUntouched);
    table.sigmoid_bias(x.data(), bias.data(), y.data(), num_rows, width);
    return SameBits(expected, y,
                    Describe("sigmoid_bias " + KindName(kind), table,
                             {{"rows", num_rows}, {"width", width}}));
  });
}

bool CheckTokenLoss(Random& random, Kind kind, int64_t num_rows, int64_t vocab,
                    int64_t gap) {
  const float scale = random.Integer(0, 1) == 0 ? 1.0F : 30.0F;
  Values logits = random.Array(kind, num_rows * vocab);
  for (float& logit : logits) logit = logit * scale;
  // An overflow of the scale would be no test.
  for (float& logit : logits) logit = std::isfinite(logit) ? logit : 0;
  std::vector<int64_t> targets;
  Values expected;
  for (int64_t r = 0; r < num_rows; ++r) {
    targets.push_back(random.Integer(0, vocab - 1));
    expected.push_back(judge::TokenLoss(RowOf(logits, r, vocab), targets[r]));
  }
  const Values spread = Spread(logits, num_rows, vocab, vocab + gap);
  return ForEveryTable([&](const Kernels& table) {
    Values nll(num_rows, kUntouched);
    table.token_loss(spread.data(), vocab + gap, targets.data(), nll.data(),
                     num_rows, vocab);
    return SameBits(expected, nll,
                    Describe("token_loss " + KindName(kind), table,
                             {{"rows", num_rows}, {"V", vocab}, {"gap", gap}}));
  });
}

bool CheckFunctions(Random& random, Kind kind, int64_t n) {
  struct Function {
    const char* name;
    void (*Kernels::*kernel)(const float*, float*, int64_t);
    float (*judge)(float);
    bool positive;
  };
  static const Function functions[] = {
      {"exp", &Kernels::exp, judge::Exp, false},
      {"log", &Kernels::log, judge::Log, true},
      {"sigmoid", &Kernels::sigmoid, judge::Sigmoid, false},
      {"silu", &Kernels::silu, judge::Silu, false},
      {"gelu", &Kernels::gelu, judge::Gelu, false},
      {"gelu_derivative", &Kernels::gelu_derivative, judge::GeluDerivative,
       false}};
  const float scale = random.Integer(0, 1) == 0 ? 1.0F : 100.0F;
  Values x = random.Array(kind, n), expected(n);
  for (float& value : x)
    if (kind == Kind::kOrdinary) value = value * scale;
  bool same = true;
  for (const Function& f : functions) {
    Values inputs = x;
    if (f.positive)
      for (float& value : inputs) value = std::fabs(value);
    for (int64_t i = 0; i < n; ++i) expected[i] = f.judge(inputs[i]);
    same = ForEveryTable([&](const Kernels& table) {
             Values y(n, kUntouched);
             (table.*f.kernel)(inputs.data(), y.data(), n);
             return SameBits(
                 expected, y,
                 Describe(f.name + (" " + KindName(kind)), table, {{"n", n}}));
           }) &&
           same;
  }
  return same;
}

}  // namespace plastometer::portable
