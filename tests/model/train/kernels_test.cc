// Every instruction set's copy against the baseline copy, and the element
// functions against libm in double precision.
#include "model/train/kernels/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "model/train/random.h"

namespace plastometer::train {
namespace {

std::vector<float> RandomValues(int64_t n, uint64_t seed, double scale = 1.0) {
  Random random(seed);
  std::vector<float> values(n);
  for (float& v : values) v = static_cast<float>(scale * random.Normal());
  return values;
}

void ExpectClose(const std::vector<float>& got,
                 const std::vector<float>& expected, double tolerance,
                 const char* what) {
  ASSERT_EQ(got.size(), expected.size());
  double worst = 0, largest = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    worst =
        std::max(worst, static_cast<double>(std::abs(got[i] - expected[i])));
    largest = std::max(largest, static_cast<double>(std::abs(expected[i])));
    ASSERT_TRUE(std::isfinite(got[i])) << what << " " << i;
  }
  EXPECT_LE(worst, tolerance * largest) << what;
}

// Every copy that this CPU runs. The baseline runs on all.
std::vector<const Kernels*> Available() {
  std::vector<const Kernels*> tables;
  for (const char* name : {"baseline", "v3", "v4"}) {
    if (const Kernels* table = KernelsByName(name)) tables.push_back(table);
  }
  return tables;
}

struct ScanOutputs {
  std::vector<float> out, states, dq, dk, dv, dlr, d_token, d_weight, d_bias,
      d_w, d_b;
};

ScanOutputs RunScan(const Kernels& kernels, int64_t head_dim, int64_t tokens) {
  const int64_t batch = 2, heads = 2, width = heads * head_dim,
                rows = batch * tokens;
  const auto q = RandomValues(rows * width, 1),
             k = RandomValues(rows * width, 2),
             v = RandomValues(rows * width, 3);
  auto lr = RandomValues(rows * heads, 4);
  for (float& x : lr) x = std::abs(x);
  std::vector<float> token(16),
      scales((tokens + 15) / 16, 1.0f / static_cast<float>(head_dim));
  for (int t = 0; t < 16; ++t) token[t] = 1.0f / static_cast<float>(t + 1);
  if (scales.size() > 2) scales[1] = 0;  // a frozen mini-batch in between
  const auto cosines = RandomValues(head_dim * 8, 5, 0.5),
             sines = RandomValues(head_dim * 8, 6, 0.5);
  const auto weight = RandomValues(width, 7), bias = RandomValues(width, 8);
  const auto w0 = RandomValues(width * head_dim, 9, 0.1),
             b0 = RandomValues(width, 10, 0.1);
  const auto d_out = RandomValues(rows * width, 11);
  ScanArgs a;
  a.batch = batch, a.tokens = tokens, a.heads = heads, a.head_dim = head_dim;
  a.q = q.data(), a.k = k.data(), a.v = v.data(), a.lr = lr.data();
  a.token_scale = token.data(), a.eta_scale = scales.data();
  a.cosines = cosines.data(), a.sines = sines.data();
  a.norm_weight = weight.data(), a.norm_bias = bias.data(), a.w0 = w0.data(),
  a.b0 = b0.data();
  for (int64_t m = 0; m < tokens / 16; ++m) a.num_states += scales[m] != 0.0f;
  ScanOutputs o;
  const auto sized = [](std::vector<float>& x, int64_t n) {
    return x.resize(n), x.data();
  };
  a.out = sized(o.out, rows * width);
  a.states = sized(o.states, batch * heads * a.num_states *
                                 (head_dim * head_dim + head_dim));
  a.d_out = d_out.data();
  a.dq = sized(o.dq, rows * width), a.dk = sized(o.dk, rows * width),
  a.dv = sized(o.dv, rows * width);
  a.dlr = sized(o.dlr, rows * heads),
  a.d_token_scale = sized(o.d_token, batch * heads * 16);
  a.d_norm_weight = sized(o.d_weight, batch * width),
  a.d_norm_bias = sized(o.d_bias, batch * width);
  a.d_w0 = sized(o.d_w, batch * width * head_dim),
  a.d_b0 = sized(o.d_b, batch * width);
  for (int64_t task = 0; task < batch * heads; ++task)
    kernels.scan_forward(a, task);
  for (int64_t task = 0; task < batch * heads; ++task)
    kernels.scan_backward(a, task);
  return o;
}

TEST(KernelsTest, ScanIsTheSameInEveryInstructionSet) {
  for (const int64_t head_dim : {32, 64, 96}) {
    for (const int64_t tokens : {80, 53, 3}) {
      const ScanOutputs expected =
          RunScan(*KernelsByName("baseline"), head_dim, tokens);
      for (const Kernels* kernels : Available()) {
        SCOPED_TRACE(std::string(kernels->name) + " d=" +
                     std::to_string(head_dim) + " T=" + std::to_string(tokens));
        const ScanOutputs got = RunScan(*kernels, head_dim, tokens);
        ExpectClose(got.out, expected.out, 1e-4, "out");
        ExpectClose(got.states, expected.states, 1e-4, "states");
        ExpectClose(got.dq, expected.dq, 1e-4, "dq");
        ExpectClose(got.dk, expected.dk, 1e-4, "dk");
        ExpectClose(got.dv, expected.dv, 1e-4, "dv");
        ExpectClose(got.dlr, expected.dlr, 1e-4, "dlr");
        ExpectClose(got.d_token, expected.d_token, 1e-4, "d_token");
        ExpectClose(got.d_weight, expected.d_weight, 1e-4, "d_weight");
        ExpectClose(got.d_bias, expected.d_bias, 1e-4, "d_bias");
        ExpectClose(got.d_w, expected.d_w, 1e-4, "d_w");
        ExpectClose(got.d_b, expected.d_b, 1e-4, "d_b");
      }
    }
  }
}

TEST(KernelsTest, SiluAgainstLibm) {
  for (const Kernels* kernels : Available()) {
    std::vector<float> a, b, s(4001);
    for (int i = 0; i <= 4000; ++i)
      a.push_back(static_cast<float>(i - 2000) * 0.05f), b.push_back(1.0f);
    kernels->swiglu_forward(a.data(), b.data(), s.data(), 4001);
    for (int i = 0; i <= 4000; ++i) {
      const double x = a[i], expected = x / (1 + std::exp(-x));
      // The bound of FastExp; it is clamped at 88, where the exact value is
      // below 1e-36.
      const double relative = 4e-7 + 1e-7 * std::abs(x);
      EXPECT_NEAR(s[i], expected, relative * std::abs(expected) + 1e-35)
          << kernels->name << " at " << x;
    }
  }
}

TEST(KernelsTest, SoftmaxLossAgainstLibm) {
  for (const Kernels* kernels : Available()) {
    const int64_t V = 1003;
    const std::vector<float> logits = RandomValues(2 * V, 3, 8.0);
    std::vector<float> gradient = logits, loss(2);
    const int64_t targets[] = {17, 1002};
    kernels->softmax_loss(gradient.data(), targets, loss.data(), 2, V, true);
    for (int64_t n = 0; n < 2; ++n) {
      double sum = 0;
      for (int64_t c = 0; c < V; ++c)
        sum += std::exp(static_cast<double>(logits[n * V + c]));
      EXPECT_NEAR(loss[n], std::log(sum) - logits[n * V + targets[n]], 1e-5);
      for (int64_t c = 0; c < V; ++c) {
        const double expected =
            std::exp(static_cast<double>(logits[n * V + c])) / sum -
            (c == targets[n] ? 1 : 0);
        EXPECT_NEAR(gradient[n * V + c], expected, 1e-6);
      }
    }
  }
}

TEST(KernelsTest, AdamWIsTheFormula) {
  for (const Kernels* kernels : Available()) {
    const int64_t n = 37;
    std::vector<float> p = RandomValues(n, 1), m = RandomValues(n, 2, 0.1),
                       v = RandomValues(n, 3, 0.1);
    for (float& x : v) x *= x;
    const std::vector<float> p0 = p, m0 = m, v0 = v, g = RandomValues(n, 4);
    kernels->adamw(p.data(), m.data(), v.data(), g.data(), n, 0.5f, 1e-2f, 0.1f,
                   0.9f, 0.95f, 0.19f, 0.0975f, 1e-8f);
    for (int64_t i = 0; i < n; ++i) {
      const double grad = 0.5 * g[i], m1 = 0.9 * m0[i] + 0.1 * grad,
                   v1 = 0.95 * v0[i] + 0.05 * grad * grad;
      const double expected =
          p0[i] -
          1e-2 * (0.1 * p0[i] + (m1 / 0.19) / (std::sqrt(v1 / 0.0975) + 1e-8));
      EXPECT_NEAR(p[i], expected, 1e-6);
    }
  }
}

}  // namespace
}  // namespace plastometer::train
