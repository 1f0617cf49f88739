// The inner loop of every kernel table against the judge, to the bit: outputs,
// state and statistics, in one pass and in pieces.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/model/ops/portable/testing.h"

namespace plastometer::portable {
namespace {

using judge::Values;

struct Case {
  int64_t d = 64, position = 0, num_tokens = 0;
  bool mlp = false;
  Kind kind = Kind::kOrdinary;
  float sigma = 0;  // of every second mini-batch half of it
};

struct Data {
  Data(Random& random, const Case& c) : c(c) {
    const int64_t d = c.d, J = c.mlp ? 4 * d : 0, width = c.mlp ? J : d;
    stride = d + 3;
    q = random.Array(c.kind, c.num_tokens * stride);
    k = random.Array(c.kind, c.num_tokens * stride);
    v = random.Array(c.kind, c.num_tokens * stride);
    lr = random.Uniforms(0.0F, 1.0F, c.num_tokens);
    model.head_dim = d;
    model.mlp = c.mlp;
    model.norm_weight = random.Uniforms(0.5F, 1.5F, d);
    model.norm_bias = random.Uniforms(-0.2F, 0.2F, d);
    model.token_rate = random.Uniforms(0.0F, 1.0F, 16);
    model.token_rate[3] = 0.0F;  // what the clip leaves
    judge::RopeTables(10000.0, d, model.cos, model.sin);
    InterleaveRope(model.cos, model.sin, of_even, of_odd);
    model.initial.w1 = {d, width, random.Uniforms(-0.2F, 0.2F, d * width)};
    model.initial.b1 = random.Uniforms(-0.2F, 0.2F, width);
    if (c.mlp) {
      model.initial.w2 = {J, d, random.Uniforms(-0.2F, 0.2F, J * d)};
      model.initial.b2 = random.Uniforms(-0.2F, 0.2F, d);
    }
  }
  float Sigma(int64_t mini_batch) const {
    return mini_batch % 2 == 0 ? c.sigma : 0.5F * c.sigma;
  }
  Case c;
  int64_t stride;
  Values q, k, v, lr, of_even, of_odd;
  judge::InnerModel model;
};

struct Result {
  Values out, w1, b1, w2, b2;
  judge::Statistics statistics;
};

Result Judge(const Data& data) {
  Result result;
  judge::InnerState state(data.model);
  const Case& c = data.c;
  for (int64_t t = 0; t < c.num_tokens; ++t) {
    const auto row = [&](const Values& x) {
      return judge::View(x).subspan(t * data.stride, c.d);
    };
    const judge::Token token{row(data.q), row(data.k), row(data.v), data.lr[t],
                             data.Sigma((c.position + t) / 16)};
    const Values o =
        judge::ScanToken(data.model, state, token, &result.statistics);
    result.out.insert(result.out.end(), o.begin(), o.end());
  }
  result.w1 = state.layers.w1.values;
  result.b1 = state.layers.b1;
  result.w2 = state.layers.w2.values;
  result.b2 = state.layers.b2;
  return result;
}

// A head's state and open rows, as a caller keeps them between calls.
struct Head {
  explicit Head(const Data& data)
      : w1(data.model.initial.w1.values),
        b1(data.model.initial.b1),
        w2(data.model.initial.w2.values),
        b2(data.model.initial.b2) {
    const int64_t d = data.c.d, J = data.c.mlp ? 4 * d : 0,
                  width = data.c.mlp ? J : d;
    open_k.resize(16 * d, kUntouched);
    open_h1.resize(16 * width, kUntouched);
    open_x.resize(16 * J, kUntouched);
    open_h2.resize(16 * d, kUntouched);
    open_g1.resize(16 * width, kUntouched);
    open_g2.resize(16 * d, kUntouched);
    open_loss.resize(16);
    open_rate.resize(16);
  }
  Values w1, b1, w2, b2, open_k, open_h1, open_x, open_h2, open_g1, open_g2,
      open_loss, open_rate;
};

// Tokens [begin, end) of the data.
void RunHead(const Kernels& table, const Data& data, Head& head, int64_t begin,
             int64_t end, bool with_statistics, bool frozen, Result& result) {
  const Case& c = data.c;
  const int64_t d = c.d, n = end - begin, position = c.position + begin;
  const int64_t M = (position + n) / 16 - position / 16;
  Values out(n * d, kUntouched), sigma;
  for (int64_t m = position / 16; m <= (position + n - 1) / 16; ++m)
    sigma.push_back(data.Sigma(m));
  ScanArguments a;
  a.q = data.q.data() + begin * data.stride;
  a.k = data.k.data() + begin * data.stride;
  a.v = data.v.data() + begin * data.stride;
  a.lr = data.lr.data() + begin;
  a.stride = data.stride;
  a.lr_stride = 1;
  a.out = out.data();
  a.out_stride = d;
  a.num_tokens = n;
  a.position = position;
  a.sigma = sigma.data();
  a.rope = {data.of_even.data(), data.of_odd.data()};
  a.norm_weight = data.model.norm_weight.data();
  a.norm_bias = data.model.norm_bias.data();
  a.token_rate = data.model.token_rate.data();
  a.head_dim = d;
  a.hidden = c.mlp ? 4 * d : 0;
  a.w1 = head.w1.data();
  a.b1 = head.b1.data();
  a.w2 = head.w2.data();
  a.b2 = head.b2.data();
  a.open_k = head.open_k.data();
  a.open_h1 = head.open_h1.data();
  a.open_x = head.open_x.data();
  a.open_h2 = head.open_h2.data();
  HeadStatistics statistics;
  std::map<std::string, Values> arrays;
  const auto array = [&](const std::string& name, int64_t size) {
    arrays[name] = Values(size, kUntouched);
    return arrays[name].data();
  };
  if (with_statistics) {
    statistics.token_grad_norm = array("token_grad_norm", n);
    statistics.token_step = array("token_step", n);
    statistics.gate = array("gate", n);
    statistics.inner_loss = array("inner_loss", M);
    statistics.loss_init = array("ttt_loss_mse_init", M);
    statistics.loss_step_0 = array("ttt_loss_mse_step_0", M);
    statistics.loss_step_1 = array("ttt_loss_mse_step_1", M);
    statistics.grad_norm = array("grad_norm", M);
    statistics.update_norm = array("update_norm", M);
    statistics.relative_update = array("relative_update", M);
    statistics.state_norm = array("state_norm", M);
    statistics.state_distance = array("state_distance", M);
    const char* parameters[] = {"W1", "b1", "W2", "b2"};
    for (int i = 0; i < 4; ++i) {
      const std::string suffix = std::string(".") + parameters[i];
      statistics.grad_norm_of[i] = array("grad_norm" + suffix, M);
      statistics.update_norm_of[i] = array("update_norm" + suffix, M);
      statistics.relative_update_of[i] = array("relative_update" + suffix, M);
      statistics.state_norm_of[i] = array("state_norm" + suffix, M);
    }
    a.statistics = &statistics;
    a.open_g1 = head.open_g1.data();
    a.open_g2 = head.open_g2.data();
    a.open_loss = head.open_loss.data();
    a.open_rate = head.open_rate.data();
    a.initial_w1 = data.model.initial.w1.values.data();
    a.initial_b1 = data.model.initial.b1.data();
    a.initial_w2 = data.model.initial.w2.values.data();
    a.initial_b2 = data.model.initial.b2.data();
  }
  (frozen ? table.frozen_inner : table.inner_scan)(a);
  result.out.insert(result.out.end(), out.begin(), out.end());
  for (const auto& [name, values] : arrays) {
    Values& all = result.statistics[name];
    all.insert(all.end(), values.begin(), values.end());
  }
}

Result InPieces(const Kernels& table, const Data& data,
                const std::vector<int64_t>& cuts, bool with_statistics = true) {
  Result result;
  Head head(data);
  int64_t begin = 0;
  for (const int64_t end : cuts) {
    RunHead(table, data, head, begin, end, with_statistics, false, result);
    begin = end;
  }
  RunHead(table, data, head, begin, data.c.num_tokens, with_statistics, false,
          result);
  result.w1 = head.w1;
  result.b1 = head.b1;
  result.w2 = head.w2;
  result.b2 = head.b2;
  return result;
}

bool Same(const Result& expected, const Result& actual,
          const std::string& what) {
  bool same = SameBits(expected.out, actual.out, what + " out") &&
              SameBits(expected.w1, actual.w1, what + " W1") &&
              SameBits(expected.b1, actual.b1, what + " b1") &&
              SameBits(expected.w2, actual.w2, what + " W2") &&
              SameBits(expected.b2, actual.b2, what + " b2");
  if (actual.statistics.empty()) return same;
  for (const auto& [name, values] : expected.statistics) {
    const auto found = actual.statistics.find(name);
    if (found == actual.statistics.end()) {
      ADD_FAILURE() << what << ": no " << name;
      return false;
    }
    same = same && SameBits(values, found->second, what + " " + name);
  }
  return same;
}

std::string Name(const Kernels& table, const Case& c) {
  return Describe(c.mlp ? "mlp scan" : "linear scan", table,
                  {{"d", c.d},
                   {"T", c.num_tokens},
                   {"kind", static_cast<int64_t>(c.kind)}});
}

float SigmaOf(int64_t d, bool mlp) {
  return (mlp ? 0.1F : 1.0F) / static_cast<float>(d);
}

TEST(Scan, EveryTableIsTheJudge) {
  Random random(31);
  for (const bool mlp : {false, true}) {
    for (const int64_t d : {16, 32, 48, 64, 96, 128}) {
      if (kStep > 1 && d > 48) continue;
      const Data data(random,
                      {d, 0, 53, mlp, Kind::kOrdinary, SigmaOf(d, mlp)});
      const Result expected = Judge(data);
      for (const Kernels* table : AvailableKernels())
        ASSERT_TRUE(
            Same(expected, InPieces(*table, data, {}), Name(*table, data.c)));
    }
  }
}

TEST(Scan, EveryTableIsTheJudgeOnAdversarialData) {
  Random random(32);
  for (const bool mlp : {false, true}) {
    for (int kind = 0; kind < kNumKinds; ++kind) {
      const Data data(
          random, {32, 0, 40, mlp, static_cast<Kind>(kind), SigmaOf(32, mlp)});
      const Result expected = Judge(data);
      for (const Kernels* table : AvailableKernels())
        ASSERT_TRUE(
            Same(expected, InPieces(*table, data, {}), Name(*table, data.c)));
    }
  }
}

TEST(Scan, EverySplitUpTo70Tokens) {
  Random random(33);
  for (const bool mlp : {false, true}) {
    for (const int64_t d : {64, 96}) {
      const Data data(random,
                      {d, 0, 70, mlp, Kind::kOrdinary, SigmaOf(d, mlp)});
      for (const Kernels* table : AvailableKernels()) {
        if (table->num_lanes == 1 && (d > 64 || kStep > 1))
          continue;  // slow, and the same
        const Result whole = InPieces(*table, data, {});
        for (int64_t cut = 1; cut < 70; cut += kStep)
          ASSERT_TRUE(
              Same(whole, InPieces(*table, data, {cut}),
                   Name(*table, data.c) + " cut " + std::to_string(cut)));
        std::vector<int64_t> every;
        for (int64_t t = 1; t < 70; ++t) every.push_back(t);
        ASSERT_TRUE(Same(whole, InPieces(*table, data, every),
                         Name(*table, data.c) + " token by token"));
      }
    }
  }
}

TEST(Scan, StatisticsChangeNothing) {
  Random random(34);
  for (const bool mlp : {false, true}) {
    const Data data(random,
                    {64, 0, 50, mlp, Kind::kOrdinary, SigmaOf(64, mlp)});
    for (const Kernels* table : AvailableKernels())
      ASSERT_TRUE(Same(InPieces(*table, data, {21}),
                       InPieces(*table, data, {21}, false),
                       Name(*table, data.c) + " without statistics"));
  }
}

TEST(Scan, SigmaZeroIsTheFrozenPath) {
  Random random(35);
  for (const bool mlp : {false, true}) {
    for (const Kind kind : {Kind::kOrdinary, Kind::kZeros}) {
      const Data data(random, {64, 0, 37, mlp, kind, 0.0F});
      for (const Kernels* table : AvailableKernels()) {
        Result frozen;
        Head head(data);
        RunHead(*table, data, head, 0, 37, false, true, frozen);
        const Result scan = InPieces(*table, data, {});
        EXPECT_TRUE(SameBits(frozen.out, scan.out, Name(*table, data.c)));
        EXPECT_TRUE(SameBits(data.model.initial.w1.values, scan.w1,
                             Name(*table, data.c)));
        judge::InnerState state(data.model);
        for (int64_t t = 0; t < 37; ++t)
          ASSERT_TRUE(
              SameBits(judge::FrozenToken(
                           data.model, data.model.initial, t % 16,
                           judge::View(data.q).subspan(t * data.stride, 64)),
                       judge::View(frozen.out).subspan(t * 64, 64),
                       Name(*table, data.c) + " frozen"));
      }
    }
  }
}

}  // namespace
}  // namespace plastometer::portable
