// Every op of the portable arithmetic at the shapes of the published and the
// shipped models, through the same ops::Ops calls that a model makes. Each
// answer is checked against the reference ops in fp64 before it is timed.
// Counters: GFLOP/s and share of the FMA peak, or GB/s and share of the stream
// bandwidth, both measured in this process; products: `ours_over_mkl`, the
// ratio of median rates with LibTorch's product timed in turn.
//   build/cpu/ops_benchmark --benchmark_filter='Product/125m'
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "baselines/machine.h"
#include "model/cost/cost.h"
#include "model/ops/arithmetic.h"
#include "model/ops/reference/reference_ops.h"

namespace plastometer {
namespace {

constexpr int64_t kTokens = 448;  // what a model passes at once
// Relative to the largest value: fp32 sums of up to 5504 products against fp64.
constexpr double kTolerance = 2e-4;

struct Bench {
  Bench(const std::string& name, bool mlp, int num_threads)
      : config(name == "text-3m" ? Shipped() : NamedConfig(name)),
        threads(num_threads) {
    if (mlp) {
      config.inner_model = InnerModel::kMlp;
      config.ttt_base_lr = 0.1;
    }
    arithmetic = ops::Arithmetic(Lane::kCpuPortable, config, num_threads);
    ours = arithmetic.MakeOps(config, /*alone=*/false);
    reference = std::make_unique<ops::ReferenceOps>(config);
  }
  static ModelConfig Shipped() {
    ModelConfig config = NamedConfig("125m");
    config.vocab_size = 4096;
    config.hidden_size = 128;
    config.intermediate_size = 344;
    config.num_heads = 2;
    return config;
  }
  ops::Matrix Prepared(const at::Tensor& plain, bool transposed = false) {
    return arithmetic.Prepare(
        transposed ? ops::Matrix::Transposed(plain) : ops::Matrix(plain),
        transposed);
  }
  ModelConfig config;
  int threads;
  ops::Arithmetic arithmetic;
  std::unique_ptr<ops::Ops> ours, reference;
};

at::Tensor Random(at::IntArrayRef sizes, double scale = 1.0) {
  return at::randn(sizes) * scale;
}

bool Near(benchmark::State& state, const at::Tensor& ours,
          const at::Tensor& exact) {
  const double worst =
      (ours.to(at::kDouble) - exact).abs().max().item<double>() /
      (exact.abs().max().item<double>() + 1e-30);
  state.counters["worst_relative"] = worst;
  if (worst < kTolerance) return true;
  state.SkipWithError("not what the reference gives in fp64");
  return false;
}

void Rates(benchmark::State& state, const Bench& bench, double flops,
           double bytes) {
  const auto rate = [&](const char* name, double value) {
    state.counters[name] = benchmark::Counter(
        value, benchmark::Counter::kIsIterationInvariantRate);
  };
  rate("GFLOP/s", flops * 1e-9);
  rate("share_of_peak", flops * 1e-9 / FmaPeakGflops(bench.threads));
  rate("GB/s", bytes * 1e-9);
  rate("share_of_stream", bytes * 1e-9 / StreamGbps(bench.threads));
}

double Seconds(const std::function<void()>& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
      .count();
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2,
                   values.end());
  return values[values.size() / 2];
}

// Median time of `theirs` over that of `ours`, in turn; each long enough for
// the clock. `theirs` on LibTorch's threads.
double Ratio(const Bench& bench, const std::function<void()>& ours,
             const std::function<void()>& theirs) {
  const int repeats =
      std::max(1, static_cast<int>(2e-3 / std::max(1e-7, Seconds(ours))));
  std::vector<double> a, b;
  for (int i = 0; i < 21; ++i) {
    a.push_back(Seconds([&] {
      for (int r = 0; r < repeats; ++r) ours();
    }));
    at::set_num_threads(bench.threads);
    b.push_back(Seconds([&] {
      for (int r = 0; r < repeats; ++r) theirs();
    }));
    at::set_num_threads(1);
  }
  return Median(b) / Median(a);
}

void Product(benchmark::State& state, const std::string& name, int64_t K,
             int64_t N, int64_t M) {
  const c10::InferenceMode inference;
  Bench bench(name, false, static_cast<int>(state.range(0)));
  const at::Tensor x = Random({1, M, K}), w = Random({K, N}, 0.02);
  const ops::Matrix packed = bench.Prepared(w);
  if (!Near(state, bench.ours->Linear(x, packed),
            at::matmul(x.to(at::kDouble), w.to(at::kDouble))))
    return;
  const at::Tensor rows = x[0];
  at::Tensor y = at::empty({M, N});
  state.counters["ours_over_mkl"] = Ratio(
      bench, [&] { bench.ours->Linear(x, packed); },
      [&] { at::mm_out(y, rows, w); });
  for (auto _ : state) bench.ours->Linear(x, packed);
  Rates(state, bench,
        2.0 * static_cast<double>(M) * static_cast<double>(K) *
            static_cast<double>(N),
        4.0 * static_cast<double>(K * N + M * K + M * N));
}

ops::InnerParameters Inner(const ModelConfig& config) {
  const int64_t H = config.num_heads, d = config.head_dim();
  const bool mlp = config.inner_model == InnerModel::kMlp;
  const int64_t J = mlp ? 4 * d : d;
  ops::InnerParameters p;
  p.norm_weight = 1 + Random({H, d}, 0.1);
  p.norm_bias = Random({H, d}, 0.1);
  p.token_idx = Random({16}, 0.01);
  p.w1 = Random({H, d, J}, 0.02);
  p.b1 = Random({H, 1, J}, 0.02);
  if (mlp) {
    p.w2 = Random({H, J, d}, 0.02);
    p.b2 = Random({H, 1, d}, 0.02);
  }
  return p;
}

ops::InnerParameters Widened(ops::InnerParameters p) {
  for (at::Tensor* t :
       {&p.norm_weight, &p.norm_bias, &p.token_idx, &p.w1, &p.b1, &p.w2, &p.b2})
    if (t->defined()) *t = t->to(at::kDouble);
  return p;
}

struct ScanData {
  explicit ScanData(const ModelConfig& config) : parameters(Inner(config)) {
    const int64_t D = config.hidden_size;
    q = Random({1, kTokens, D});
    k = Random({1, kTokens, D});
    v = Random({1, kTokens, D});
    lr = at::sigmoid(Random({1, kTokens, config.num_heads}));
  }
  ops::ScanInput Input(at::ScalarType type) const {
    return {q.to(type), k.to(type), v.to(type), lr.to(type), 0, lambdas};
  }
  ops::InnerParameters parameters;
  at::Tensor q, k, v, lr;
  std::vector<double> lambdas = std::vector<double>(kTokens / 16, 1.0);
};

void Scan(benchmark::State& state, const std::string& name, bool mlp,
          bool statistics) {
  const c10::InferenceMode inference;
  Bench bench(name, mlp, static_cast<int>(state.range(0)));
  const ScanData data(bench.config);
  const auto run = [&](bool with) {
    ops::InnerState s;
    ops::StatisticsCollector collector;
    return bench.ours->InnerScan(data.Input(at::kFloat), data.parameters, s,
                                 with ? &collector : nullptr);
  };
  ops::InnerState exact;
  if (!Near(
          state, run(false),
          bench.reference->InnerScan(data.Input(at::kDouble),
                                     Widened(data.parameters), exact, nullptr)))
    return;
  if (statistics)
    state.counters["over_without_statistics"] =
        1 / Ratio(
                bench, [&] { run(true); }, [&] { run(false); });
  for (auto _ : state) run(statistics);
  const LayerCost cost = CostOfLayer(bench.config);
  Rates(state, bench,
        static_cast<double>(kTokens * cost.inner_plastic_token +
                            kTokens / 16 * cost.inner_update),
        4.0 * static_cast<double>(kTokens * 4 * bench.config.hidden_size));
}

// The frozen path of the inner work, and what a plastic layer does more: V,
// conv_k, the rate and the scan.
void Frozen(benchmark::State& state, const std::string& name) {
  const c10::InferenceMode inference;
  Bench bench(name, false, static_cast<int>(state.range(0)));
  const int64_t D = bench.config.hidden_size, H = bench.config.num_heads;
  const ScanData data(bench.config);
  const ops::InnerState untouched;
  if (!Near(state,
            bench.ours->FrozenInner(data.q, 0, data.parameters, untouched),
            bench.reference->FrozenInner(data.q.to(at::kDouble), 0,
                                         Widened(data.parameters), untouched)))
    return;
  const at::Tensor x = Random({1, kTokens, D}), taps = Random({4, D}),
                   shift = Random({D}), history = at::zeros({1, 3, D}),
                   rate_bias = at::zeros({H});
  const ops::Matrix v = bench.Prepared(Random({D, D}, 0.02)),
                    rates = bench.Prepared(Random({H, D}, 0.02), true);
  const auto frozen = [&] {
    bench.ours->FrozenInner(data.q, 0, data.parameters, untouched);
  };
  const auto scan = [&] {
    ops::InnerState s;
    bench.ours->InnerScan(data.Input(at::kFloat), data.parameters, s, nullptr);
  };
  const auto plastic = [&] {
    bench.ours->Linear(x, v);
    bench.ours->CausalConv(x, history, taps, shift);
    bench.ours->InnerLearningRate(x, rates, rate_bias);
    scan();
  };
  state.counters["scan_over_frozen"] = Ratio(bench, frozen, scan);
  state.counters["plastic_over_frozen"] = Ratio(bench, frozen, plastic);
  for (auto _ : state) frozen();
  Rates(state, bench,
        static_cast<double>(kTokens *
                            CostOfLayer(bench.config).inner_frozen_token),
        4.0 * static_cast<double>(kTokens * 2 * D));
}

// One call that returns a tensor, on our ops and on the reference ops; `moved`
// floats go through memory.
void Rowwise(
    benchmark::State& state, const std::string& name,
    const std::function<std::function<at::Tensor(ops::Ops&, bool)>(Bench&)>&
        make,
    const std::function<double(const ModelConfig&)>& flops,
    const std::function<double(const ModelConfig&)>& moved) {
  const c10::InferenceMode inference;
  Bench bench(name, false, static_cast<int>(state.range(0)));
  const auto call = make(bench);
  if (!Near(state, call(*bench.ours, false), call(*bench.reference, true)))
    return;
  at::set_num_threads(1);
  for (auto _ : state) call(*bench.ours, false);
  Rates(state, bench, flops(bench.config), 4.0 * moved(bench.config));
}

at::Tensor As(const at::Tensor& x, bool wide) {
  return wide ? x.to(at::kDouble) : x;
}

void RegisterRows(const std::string& name) {
  const auto add = [&](const char* op, auto make, auto flops, auto moved) {
    benchmark::RegisterBenchmark(
        (std::string(op) + "/" + name).c_str(),
        [=](benchmark::State& s) { Rowwise(s, name, make, flops, moved); })
        ->ArgName("threads")
        ->Arg(1)
        ->Arg(2)
        ->UseRealTime();
  };
  const auto width = [](const ModelConfig& c) {
    return static_cast<double>(kTokens * c.hidden_size);
  };
  add(
      "RmsNorm",
      [](Bench& b) {
        const at::Tensor x = Random({1, kTokens, b.config.hidden_size}),
                         w = Random({b.config.hidden_size});
        return [=](ops::Ops& o, bool wide) {
          return o.RmsNorm(As(x, wide), As(w, wide));
        };
      },
      [=](const ModelConfig& c) { return 4 * width(c); },
      [=](const ModelConfig& c) { return 2 * width(c); });
  add(
      "CausalConv",
      [](Bench& b) {
        const int64_t D = b.config.hidden_size;
        const at::Tensor x = Random({1, kTokens, D}), h = Random({1, 3, D}),
                         k = Random({4, D}), bias = Random({D});
        return [=](ops::Ops& o, bool wide) {
          return o.CausalConv(As(x, wide), As(h, wide), As(k, wide),
                              As(bias, wide));
        };
      },
      [=](const ModelConfig& c) { return 8 * width(c); },
      [=](const ModelConfig& c) { return 2 * width(c); });
  add(
      "GatedNorm",
      [](Bench& b) {
        const int64_t D = b.config.hidden_size;
        const at::Tensor gate = Random({1, kTokens, D}),
                         o_rows = Random({1, kTokens, D}), w = Random({D}),
                         bias = Random({D});
        return [=](ops::Ops& o, bool wide) {
          return o.GatedNorm(As(gate, wide), As(o_rows, wide), As(w, wide),
                             As(bias, wide));
        };
      },
      [=](const ModelConfig& c) {
        return static_cast<double>(kPostGateFlops) * width(c);
      },
      [=](const ModelConfig& c) { return 3 * width(c); });
  add(
      "SwiGlu",
      [](Bench& b) {
        const int64_t D = b.config.hidden_size, F = b.config.intermediate_size;
        const at::Tensor x = Random({1, kTokens, D}), w1 = Random({D, F}, 0.02),
                         w3 = Random({D, F}, 0.02), w2 = Random({F, D}, 0.02);
        const ops::Matrix p1 = b.Prepared(w1), p3 = b.Prepared(w3),
                          p2 = b.Prepared(w2);
        return [=](ops::Ops& o, bool wide) {
          return wide ? o.SwiGlu(As(x, true), As(w1, true), As(w3, true),
                                 As(w2, true))
                      : o.SwiGlu(x, p1, p3, p2);
        };
      },
      [=](const ModelConfig& c) {
        return 6 * width(c) * static_cast<double>(c.intermediate_size);
      },
      [=](const ModelConfig& c) {
        return 3.0 * static_cast<double>(c.hidden_size * c.intermediate_size);
      });
  add(
      "HeadLoss",
      [](Bench& b) {
        const int64_t D = b.config.hidden_size, V = b.config.vocab_size;
        const at::Tensor h = Random({kTokens, D}), table = Random({V, D}, 0.02),
                         targets = at::randint(V, {kTokens}, at::kLong);
        const ops::Matrix packed = b.Prepared(table, true);
        return [=](ops::Ops& o, bool wide) {
          return wide ? o.TokenLoss(As(h, true),
                                    ops::Matrix::Transposed(As(table, true)),
                                    targets)
                      : o.TokenLoss(h, packed, targets);
        };
      },
      [=](const ModelConfig& c) {
        return 2 * width(c) * static_cast<double>(c.vocab_size);
      },
      [=](const ModelConfig& c) {
        return static_cast<double>(c.vocab_size * c.hidden_size);
      });
}

void Register() {
  const auto add = [](const std::string& name, auto function) {
    benchmark::RegisterBenchmark(name.c_str(), function)
        ->ArgName("threads")
        ->Arg(1)
        ->Arg(2)
        ->UseRealTime();
  };
  for (const std::string name : {"125m", "760m", "1b", "text-3m"}) {
    const ModelConfig c =
        name == "text-3m" ? Bench::Shipped() : NamedConfig(name);
    struct Shape {
      const char* what;
      int64_t K, N;
    };
    for (const Shape& shape : {Shape{"wq", c.hidden_size, c.hidden_size},
                               Shape{"w1", c.hidden_size, c.intermediate_size},
                               Shape{"w2", c.intermediate_size, c.hidden_size},
                               Shape{"head", c.hidden_size, c.vocab_size}}) {
      for (const int64_t M : {kTokens, int64_t{16}, int64_t{4}, int64_t{1}})
        add("Product/" + name + "_" + shape.what + "/M:" + std::to_string(M),
            [=](benchmark::State& s) {
              Product(s, name, shape.K, shape.N, M);
            });
    }
    for (const bool statistics : {false, true}) {
      const std::string suffix = statistics ? "/statistics" : "";
      add("LinearScan/" + name + suffix,
          [=](benchmark::State& s) { Scan(s, name, false, statistics); });
      add("MlpScan/" + name + suffix,
          [=](benchmark::State& s) { Scan(s, name, true, statistics); });
    }
    add("Frozen/" + name, [=](benchmark::State& s) { Frozen(s, name); });
    RegisterRows(name);
  }
}

}  // namespace
}  // namespace plastometer

int main(int argc, char** argv) {
  plastometer::Register();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("cpu", plastometer::CpuModel());
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
