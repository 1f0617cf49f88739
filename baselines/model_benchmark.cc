// Whole-model prefill of a named config with random weights, per lane and
// thread count: tokens per second and the share of the GEMM rate measured in
// the same process. Each run's losses are checked against those of the first
// run, which were checked against a pass in chunks.
//   build/cpu/model_benchmark --benchmark_filter='125m.*'
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <map>
#include <random>
#include <string>

#include "model/model.h"

namespace plastometer {
namespace {

constexpr int64_t kTokens = 2048;
constexpr double kChunkTolerance =
    1e-3;  // nats; fp32 products of another shape, 12 random layers deep

TensorMap RandomWeights(const ModelConfig& config) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal(0.0f, 0.02f);
  TensorMap weights;
  for (const ParameterSpec& spec : ParameterSpecs(config)) {
    int64_t n = 1;
    for (int64_t s : spec.shape) n *= s;
    std::vector<float> values(n);
    const bool scale = spec.name.ends_with("norm/kernel") ||
                       spec.name.ends_with("scale") ||
                       spec.name.ends_with("ln_f/kernel");
    for (float& value : values)
      value = (scale ? 1.0f : 0.0f) + normal(generator);
    weights[spec.name] = HostTensor::FromF32(spec.shape, values);
  }
  return weights;
}

std::vector<int32_t> RandomIds(int64_t n, int64_t vocab_size) {
  std::mt19937 generator(2);
  std::vector<int32_t> ids(n);
  for (int32_t& id : ids)
    id = static_cast<int32_t>(generator() % static_cast<uint32_t>(vocab_size));
  return ids;
}

// GFLOP/s of a square fp32 product, best of five.
double GemmGflops() {
  constexpr int64_t n = 1024;
  const at::Tensor a = at::ones({n, n}), b = at::ones({n, n});
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(at::matmul(a, b).data_ptr());
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
            .count();
    best = std::max(best, 2.0 * n * n * n / seconds * 1e-9);
  }
  return best;
}

double WorstDifference(const std::vector<double>& a,
                       const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

std::vector<double> InChunks(const Model& model, const Profile& profile,
                             const std::vector<int32_t>& ids) {
  Sequences sequences = model.Start(1, profile);
  std::vector<double> nll;
  for (size_t t = 0; t < ids.size(); t += 500) {
    const auto part =
        model
            .Forward(sequences,
                     std::span(ids).subspan(
                         t, std::min<size_t>(500, ids.size() - t)),
                     {})
            .nll;
    nll.insert(nll.end(), part.begin(), part.end());
  }
  return nll;
}

void Prefill(benchmark::State& state, const std::string& config_name,
             const std::string& profile_name) {
  const ModelConfig config = NamedConfig(config_name);
  const Model model =
      Model::FromTensors(config, RandomWeights(config),
                         {.num_threads = static_cast<int>(state.range(0))});
  const Profile profile = Profile::Parse(profile_name, config.num_layers);
  const std::vector<int32_t> ids = RandomIds(kTokens, config.vocab_size);
  const ForwardResult expected = model.Score(ids, 1, profile);
  if (!(WorstDifference(expected.nll, InChunks(model, profile, ids)) <
        kChunkTolerance)) {
    state.SkipWithError("one pass and chunks disagree");
    return;
  }
  for (auto _ : state) {
    const ForwardResult result = model.Score(ids, 1, profile);
    if (result.nll != expected.nll)
      state.SkipWithError("losses changed between runs");
  }
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(kTokens * state.iterations()),
                         benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] = benchmark::Counter(
      static_cast<double>(expected.counters.flops * state.iterations()) * 1e-9,
      benchmark::Counter::kIsRate);
  state.counters["GEMM_GFLOP/s"] = GemmGflops();
}

BENCHMARK_CAPTURE(Prefill, 125m_uniform, "125m", "uniform")
    ->Arg(1)
    ->Arg(2)
    ->ArgName("threads")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(Prefill, 125m_frozen, "125m", "frozen")
    ->Arg(1)
    ->Arg(2)
    ->ArgName("threads")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace plastometer

BENCHMARK_MAIN();
