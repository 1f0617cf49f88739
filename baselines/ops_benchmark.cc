// Every op of a lane at the shapes of the published and the shipped models,
// through the calls that a model makes. An answer is checked against the
// reference ops in fp64 before it is timed. Names, counters: README.md.
//   ops_benchmark [--lane=cpu-portable] --benchmark_filter='Product/125m'
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/allocator.h"
#include "base/error.h"
#include "base/parallel.h"
#include "baselines/machine.h"
#include "harness/stats/basic.h"
#include "model/cost/cost.h"
#include "model/mixers/spec.h"
#include "model/ops/arithmetic.h"
#include "model/ops/reference/reference_ops.h"

namespace plastometer {
namespace {

constexpr int64_t kTokens = 448;   // what a model passes at once
constexpr int64_t kCheckRows = 8;  // of a product, in fp64
constexpr double kWeightScale = 0.02;
constexpr double kBatchSeconds = 5e-3;  // long enough for the clock

std::string g_lane = "cpu-portable";
bool g_any_wrong = false;
std::string g_running;                     // the benchmark's name and threads
std::map<std::string, double> g_ratio_of;  // by g_running and counter

// Of the largest value. fp32: sums of up to 5504 products, and 28 mini-batches
// of inner learning, 2^-24 each; bf16: operands and results keep 8 bits, and
// SwiGLU rounds three times.
double Tolerance() { return g_lane.ends_with("bf16") ? 2e-2 : 2e-4; }

ModelConfig ConfigOf(const std::string& name) {
  if (name != "text-3m") return NamedConfig(name);
  ModelConfig config = NamedConfig("125m");
  config.vocab_size = 4096;
  config.hidden_size = 128;
  config.intermediate_size = 344;
  config.num_heads = 2;
  return config;
}

// The lane's ops as a model has them, and the reference ops beside them.
struct Bench {
  Bench(const std::string& config_name, InnerModel inner, int num_threads)
      : config(ConfigOf(config_name)), threads(num_threads) {
    config.inner_model = inner;
    if (inner == InnerModel::kMlp) config.ttt_base_lr = 0.1;
    arithmetic = ops::Arithmetic(ParseLane(g_lane), config, num_threads);
    ours = arithmetic.MakeOps(config, /*alone=*/false);
    reference = std::make_unique<ops::ReferenceOps>(config);
    D = config.hidden_size;
    F = config.intermediate_size;
    H = config.num_heads;
    V = config.vocab_size;
  }
  ops::Matrix Prepared(const at::Tensor& plain) const {
    return arithmetic.Prepare(plain, /*transposed=*/false);
  }
  ops::Matrix PreparedTransposed(const at::Tensor& plain) const {
    return arithmetic.Prepare(ops::Matrix::Transposed(plain), true);
  }
  ModelConfig config;
  int64_t D, F, H, V;
  int threads;
  ops::Arithmetic arithmetic;
  std::unique_ptr<ops::Ops> ours, reference;
};

// What is timed. `reference`: the same from LibTorch calls, in fp64 for the
// check and in fp32 for the clock.
struct Case {
  std::function<at::Tensor()> ours;
  std::function<at::Tensor(at::ScalarType)> reference;
  double flops = 0, bytes = 0;
  // First rows only, where all of them in fp64 take too long.
  std::function<at::Tensor(at::ScalarType)> exact = nullptr;
  const char* ratio_name = "ours_over_reference";
};

at::Tensor Random(at::IntArrayRef sizes, double scale = 1.0) {
  return at::randn(sizes) * scale;
}

double Floats(std::initializer_list<int64_t> counts) {
  int64_t sum = 0;
  for (const int64_t count : counts) sum += count;
  return 4.0 * static_cast<double>(sum);
}

// Of a matrix, as the lane keeps it.
double WeightBytes(int64_t elements) {
  return (g_lane.ends_with("bf16") ? 2.0 : 4.0) * static_cast<double>(elements);
}

bool IsRight(benchmark::State& state, const Case& c) {
  at::Tensor ours = c.ours().to(at::kDouble);
  const at::Tensor exact = (c.exact ? c.exact : c.reference)(at::kDouble);
  ours = ours.reshape({-1, ours.size(-1)});
  const at::Tensor wanted = exact.reshape({-1, exact.size(-1)});
  ours = ours.narrow(0, 0, wanted.size(0));
  const double worst = (ours - wanted).abs().max().item<double>() /
                       wanted.abs().max().item<double>();
  state.counters["worst_relative"] = worst;
  if (worst < Tolerance()) return true;
  g_any_wrong = true;
  state.SkipWithError("not what the reference gives in fp64");
  return false;
}

double Seconds(const std::function<void()>& body, int repeats) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) body();
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - begin;
  return seconds.count() / repeats;
}

// Repeats that take 5 ms; the first call warms up.
int RepeatsOf(const std::function<void()>& body) {
  double seconds = Seconds(body, 1);
  if (seconds < kBatchSeconds) seconds = Seconds(body, 1);
  return std::max(1, static_cast<int>(kBatchSeconds / seconds));
}

// libgomp's threads wait actively for some milliseconds and keep our pool from
// its core; and the other way round.
void Rest(const Bench& bench) {
  if (bench.threads > 1)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

// A thread that was asleep may wake on its caller's core and is moved from
// there only after milliseconds, so several threads take long to warm up.
double SecondsAfterRest(const Bench& bench, const std::function<void()>& body,
                        int repeats) {
  Rest(bench);
  Seconds(body, bench.threads > 1 && repeats > 1 ? 3 * repeats : 1);
  return Seconds(body, repeats);
}

// Median time of `b` over that of `a`, in turn for about a quarter of a second.
double MedianRatio(const Bench& bench, const std::function<void()>& a,
                   const std::function<void()>& b, bool b_on_torch_threads) {
  const int b_threads = b_on_torch_threads ? bench.threads : 1;
  const int a_repeats = RepeatsOf(a);
  at::set_num_threads(b_threads);
  const int b_repeats = RepeatsOf(b);
  std::vector<double> a_times, b_times;
  const auto begin = std::chrono::steady_clock::now();
  const auto spent = [&] { return std::chrono::steady_clock::now() - begin; };
  while (a_times.size() < 5 ||
         (a_times.size() < 41 && spent() < std::chrono::milliseconds(250))) {
    at::set_num_threads(1);
    a_times.push_back(SecondsAfterRest(bench, a, a_repeats));
    at::set_num_threads(b_threads);
    b_times.push_back(SecondsAfterRest(bench, b, b_repeats));
  }
  at::set_num_threads(1);
  Rest(bench);
  return stats::Quantile(b_times, 0.5) / stats::Quantile(a_times, 0.5);
}

// The ratio as a counter, measured once although Google Benchmark calls again
// and again until it knows how many iterations to make.
void AddRatio(benchmark::State& state, const char* counter, const Bench& bench,
              const std::function<void()>& a, const std::function<void()>& b,
              bool b_on_torch_threads = false) {
  const auto [place, is_new] = g_ratio_of.try_emplace(g_running + counter, 0.0);
  if (is_new) place->second = MedianRatio(bench, a, b, b_on_torch_threads);
  state.counters[counter] = place->second;
}

void Run(benchmark::State& state, const Bench& bench, const Case& c) {
  if (!IsRight(state, c)) return;
  const OtherWork others;
  auto& counters = state.counters;
  AddRatio(
      state, c.ratio_name, bench, [&] { c.ours(); },
      [&] { c.reference(at::kFloat); }, /*b_on_torch_threads=*/true);
  const auto begin = std::chrono::steady_clock::now();
  for (auto _ : state) c.ours();
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - begin;
  const double rate =
      1e-9 * static_cast<double>(state.iterations()) / seconds.count();
  counters["GFLOP/s"] = c.flops * rate;
  counters["share_of_peak"] = c.flops * rate / FmaPeakGflops(bench.threads);
  counters["GB/s"] = c.bytes * rate;
  counters["share_of_stream"] = c.bytes * rate / StreamGbps(bench.threads);
  counters["others_cores"] = others.Cores();
}

// The last product's matrix, plain and prepared: the largest take seconds.
struct ProductMatrix {
  std::string key;
  at::Tensor plain;
  ops::Matrix prepared;
};

const ProductMatrix& MatrixOf(const Bench& bench, int64_t K, int64_t N) {
  static ProductMatrix last;
  const std::string key = std::to_string(K) + "x" + std::to_string(N);
  if (last.key != key) {
    last = {};
    const at::Tensor plain = Random({K, N}, kWeightScale);
    last = {key, plain, bench.Prepared(plain)};
  }
  return last;
}

Case Product(Bench& b, int64_t K, int64_t N, int64_t M) {
  const ProductMatrix& w = MatrixOf(b, K, N);
  const at::Tensor x = Random({1, M, K});
  const auto product = [=, plain = w.plain](int64_t rows, at::ScalarType t) {
    return at::matmul(x[0].narrow(0, 0, rows).to(t), plain.to(t));
  };
  return {[=, &b, matrix = w.prepared] { return b.ours->Linear(x, matrix); },
          [=](at::ScalarType t) { return product(M, t); },
          2.0 * static_cast<double>(M * K * N),
          WeightBytes(K * N) + Floats({M * K, M * N}),
          [=](at::ScalarType t) { return product(std::min(M, kCheckRows), t); },
          "ours_over_mkl"};
}

Case RmsNorm(Bench& b) {
  const at::Tensor x = Random({1, kTokens, b.D}), w = Random({b.D});
  return {[=, &b] { return b.ours->RmsNorm(x, w); },
          [=, &b](at::ScalarType t) {
            return at::rms_norm(x.to(t), {b.D}, w.to(t), b.config.rms_norm_eps);
          },
          static_cast<double>(kRmsNormFlops * x.numel()),
          Floats({2 * x.numel()}),
          nullptr,
          "ours_over_libtorch"};
}

Case CausalConv(Bench& b) {
  const at::Tensor x = Random({1, kTokens, b.D}), before = Random({1, 3, b.D}),
                   taps = Random({4, b.D}), bias = Random({b.D});
  return {[=, &b] { return b.ours->CausalConv(x, before, taps, bias); },
          [=, &b](at::ScalarType t) {
            return b.reference->CausalConv(x.to(t), before.to(t), taps.to(t),
                                           bias.to(t));
          },
          8.0 * static_cast<double>(x.numel()), Floats({2 * x.numel()})};
}

Case LearningRate(Bench& b) {
  const at::Tensor x = Random({1, kTokens, b.D}),
                   w = Random({b.H, b.D}, kWeightScale), bias = Random({b.H});
  return {[=, &b, matrix = b.PreparedTransposed(w)] {
            return b.ours->InnerLearningRate(x, matrix, bias);
          },
          [=, &b](at::ScalarType t) {
            return b.reference->InnerLearningRate(
                x.to(t), ops::Matrix::Transposed(w.to(t)), bias.to(t));
          },
          2.0 * static_cast<double>(x.numel() * b.H),
          WeightBytes(b.H * b.D) + Floats({x.numel(), kTokens * b.H})};
}

// Its reference is LibTorch's gelu and layer_norm.
Case GatedNorm(Bench& b) {
  const at::Tensor gate = Random({1, kTokens, b.D}),
                   o = Random({1, kTokens, b.D}), w = Random({b.D}),
                   bias = Random({b.D});
  return {[=, &b] { return b.ours->GatedNorm(gate, o, w, bias); },
          [=, &b](at::ScalarType t) {
            return b.reference->GatedNorm(gate.to(t), o.to(t), w.to(t),
                                          bias.to(t));
          },
          static_cast<double>(kPostGateFlops * o.numel()),
          Floats({3 * o.numel()}),
          nullptr,
          "ours_over_libtorch"};
}

Case SwiGlu(Bench& b) {
  const at::Tensor x = Random({1, kTokens, b.D}),
                   w1 = Random({b.D, b.F}, kWeightScale),
                   w3 = Random({b.D, b.F}, kWeightScale),
                   w2 = Random({b.F, b.D}, kWeightScale);
  return {[=, &b, p1 = b.Prepared(w1), p3 = b.Prepared(w3),
           p2 = b.Prepared(w2)] { return b.ours->SwiGlu(x, p1, p3, p2); },
          [=, &b](at::ScalarType t) {
            return b.reference->SwiGlu(x.to(t), w1.to(t), w3.to(t), w2.to(t));
          },
          static_cast<double>(kTokens * b.F * (6 * b.D + kSwiGluFlops)),
          WeightBytes(3 * b.D * b.F) + Floats({2 * x.numel()})};
}

Case HeadLoss(Bench& b) {
  const at::Tensor h = Random({kTokens, b.D}),
                   table = Random({b.V, b.D}, kWeightScale),
                   targets = at::randint(b.V, {kTokens}, at::kLong);
  const auto loss = [=, &b](int64_t rows, at::ScalarType t) {
    return b.reference->TokenLoss(h.narrow(0, 0, rows).to(t),
                                  ops::Matrix::Transposed(table.to(t)),
                                  targets.narrow(0, 0, rows));
  };
  // A column, so that rows of the answer are tokens.
  return {[=, &b, matrix = b.PreparedTransposed(table)] {
            return b.ours->TokenLoss(h, matrix, targets).unsqueeze(1);
          },
          [=](at::ScalarType t) { return loss(kTokens, t).unsqueeze(1); },
          2.0 * static_cast<double>(kTokens * b.D * b.V),
          WeightBytes(b.D * b.V),
          [=](at::ScalarType t) { return loss(kCheckRows, t).unsqueeze(1); }};
}

struct ScanData {
  explicit ScanData(const Bench& b) {
    const int64_t d = b.config.head_dim();
    parameters.norm_weight = 1 + Random({b.H, d}, 0.1);
    parameters.norm_bias = Random({b.H, d}, 0.1);
    parameters.token_idx = Random({16}, 0.01);
    for (const FastWeightSpec& weight : FastWeightsOf(b.config))
      parameters.start.push_back(Random(weight.shape, kWeightScale));
    for (at::Tensor* x : {&q, &k, &v}) *x = Random({1, kTokens, b.D});
    lr = at::sigmoid(Random({1, kTokens, b.H}));
  }
  ops::InnerParameters As(at::ScalarType t) const {
    ops::InnerParameters p = parameters;
    for (at::Tensor* x : {&p.norm_weight, &p.norm_bias, &p.token_idx})
      *x = x->to(t);
    for (at::Tensor& w : p.start) w = w.to(t);
    return p;
  }
  // From W0, as a fresh sequence.
  at::Tensor Scan(ops::Ops& ops, at::ScalarType t, bool statistics) const {
    ops::InnerState state;
    ops::StatisticsCollector collector;
    return ops.InnerScan({q.to(t), k.to(t), v.to(t), lr.to(t), 0, lambdas},
                         As(t), state, statistics ? &collector : nullptr);
  }
  at::Tensor Frozen(ops::Ops& ops, at::ScalarType t) const {
    return ops.FrozenInner(q.to(t), 0, As(t), {});
  }
  ops::InnerParameters parameters;
  at::Tensor q, k, v, lr;
  std::vector<double> lambdas = std::vector<double>(kTokens / 16, 1.0);
};

void Scan(benchmark::State& state, Bench& b) {
  const ScanData data(b);
  const LayerCost cost = CostOfLayer(b.config);
  AddRatio(
      state, "statistics_over_without", b,
      [&] { data.Scan(*b.ours, at::kFloat, false); },
      [&] { data.Scan(*b.ours, at::kFloat, true); });
  Run(state, b,
      {[&] { return data.Scan(*b.ours, at::kFloat, false); },
       [&](at::ScalarType t) { return data.Scan(*b.reference, t, false); },
       static_cast<double>(kTokens * cost.inner_plastic_token +
                           kTokens / 16 * cost.inner_update),
       Floats({kTokens * (4 * b.D + b.H)})});
}

// The inner work of a frozen layer, and the ratio to what a plastic one has to
// do in its place: V, conv_k, the learning rate and the scan.
void Frozen(benchmark::State& state, Bench& b) {
  const ScanData data(b);
  const Case rates = LearningRate(b), conv = CausalConv(b);
  const at::Tensor x = Random({1, kTokens, b.D});
  const ops::Matrix wv = b.Prepared(Random({b.D, b.D}, kWeightScale));
  const auto frozen = [&] { return data.Frozen(*b.ours, at::kFloat); };
  const auto scan = [&] { data.Scan(*b.ours, at::kFloat, false); };
  AddRatio(state, "scan_over_frozen", b, frozen, scan);
  AddRatio(state, "plastic_over_frozen", b, frozen, [&] {
    b.ours->Linear(x, wv);
    conv.ours();
    rates.ours();
    scan();
  });
  Run(state, b,
      {frozen, [&](at::ScalarType t) { return data.Frozen(*b.reference, t); },
       static_cast<double>(kTokens * CostOfLayer(b.config).inner_frozen_token),
       Floats({2 * kTokens * b.D})});
}

using Body = std::function<void(benchmark::State&, Bench&)>;

// Threads 1 and all.
void Add(const std::string& name, const std::string& config, const Body& body,
         InnerModel inner = InnerModel::kLinear) {
  auto* added =
      benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        const c10::InferenceMode inference;
        g_running = name + "/" + std::to_string(state.range(0)) + "/";
        Bench bench(config, inner, static_cast<int>(state.range(0)));
        body(state, bench);
      });
  added->ArgName("threads")->UseRealTime()->Unit(benchmark::kMicrosecond);
  for (const int threads : std::set{1, NumCores()}) added->Arg(threads);
}

void AddProducts(const std::string& config) {
  const ModelConfig c = ConfigOf(config);
  const struct {
    const char* name;
    int64_t K, N;
  } shapes[] = {{"wq", c.hidden_size, c.hidden_size},
                {"w1", c.hidden_size, c.intermediate_size},
                {"w2", c.intermediate_size, c.hidden_size},
                {"head", c.hidden_size, c.vocab_size}};
  for (const auto& shape : shapes) {
    for (const int64_t M : {kTokens, int64_t{16}, int64_t{4}, int64_t{1}})
      Add("Product/" + config + "_" + shape.name + "/M:" + std::to_string(M),
          config, [shape, M](benchmark::State& state, Bench& b) {
            Run(state, b, Product(b, shape.K, shape.N, M));
          });
  }
}

void Register() {
  for (const std::string config : {"125m", "760m", "1b", "text-3m"}) {
    AddProducts(config);
    const auto add = [&](const char* name, Case (*make)(Bench&)) {
      Add(std::string(name) + "/" + config, config,
          [make](benchmark::State& state, Bench& b) {
            Run(state, b, make(b));
          });
    };
    add("RmsNorm", RmsNorm);
    add("CausalConv", CausalConv);
    add("LearningRate", LearningRate);
    add("GatedNorm", GatedNorm);
    add("SwiGlu", SwiGlu);
    add("HeadLoss", HeadLoss);
    Add("Frozen/" + config, config, Frozen);
    Add("LinearScan/" + config, config, Scan);
    if (config == "125m" || config == "760m")
      Add("MlpScan/" + config, config, Scan, InnerModel::kMlp);
  }
}

// --lane=NAME is ours; the rest Google Benchmark's, whose later options win.
int Main(int argc, char** argv) {
  std::string min_time = "--benchmark_min_time=0.2";
  std::vector<char*> rest = {argv[0], min_time.data()};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("--lane="))
      g_lane = argument.substr(7);
    else
      rest.push_back(argv[i]);
  }
  int count = static_cast<int>(rest.size());
  if (g_lane.find("reference") != std::string::npos)
    throw UsageError("lane '" + g_lane +
                     "': the reference is what the other lanes are timed "
                     "beside");
  Bench("125m", InnerModel::kLinear, 1);  // throws when the lane is not there
  KeepFreedMemory();                      // as `plastometer` does
  Register();
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 2;
  benchmark::AddCustomContext("cpu", CpuModel());
  benchmark::AddCustomContext("lane", g_lane);
  benchmark::RunSpecifiedBenchmarks();
  return g_any_wrong ? 1 : 0;
}

}  // namespace
}  // namespace plastometer

int main(int argc, char** argv) {
  try {
    return plastometer::Main(argc, argv);
  } catch (const plastometer::Error& error) {
    std::cerr << "ops_benchmark: " << error.what() << "\n";
    return error.exit_code();
  }
}
