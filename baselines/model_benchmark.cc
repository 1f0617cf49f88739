// Whole models with random weights, per lane and thread count: prefill
// (T = 2048) and decoding (token by token), tokens per second and the share of
// the fp32 FMA peak measured in the same process. A lane's losses are checked
// against cpu-reference-fp64 before it is timed, and every timed run must give
// the first run's losses.
//   build/cpu/model_benchmark --benchmark_filter='Prefill/125m.*'
#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "baselines/machine.h"
#include "harness/base/error.h"
#include "model/model.h"

namespace plastometer {
namespace {

constexpr int64_t kTokens = 2048;

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

double WorstDifference(const std::vector<double>& a,
                       const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

// nats: a fp32 model of 12 random layers; bf16 keeps 8 bits.
double ToleranceOf(Lane lane) {
  return lane == Lane::kCpuNativeBf16 ? 0.15 : 1e-3;
}

struct Setup {
  ModelConfig config;
  Lane lane;
  Profile profile;
  Model model;
};

ModelConfig ConfigOf(const std::string& name) {
  if (name != "1b-12layers") return NamedConfig(name);
  ModelConfig config = NamedConfig("1b");
  config.num_layers = 12;  // fits in memory, retina is its first two
  return config;
}

// Null after an explanation: the lane is not to be had here, or is wrong.
std::unique_ptr<Setup> MakeSetup(benchmark::State& state,
                                 const std::string& config_name,
                                 const std::string& lane_name,
                                 const std::string& profile_name) {
  try {
    const ModelConfig config = ConfigOf(config_name);
    const Lane lane = ParseLane(lane_name);
    const TensorMap weights = RandomWeights(config);
    const ModelOptions options = {
        .lane = lane, .num_threads = static_cast<int>(state.range(0))};
    auto setup = std::make_unique<Setup>(
        Setup{config, lane, Profile::Parse(profile_name, config.num_layers),
              Model::FromTensors(config, weights, options)});
    static std::map<std::string, std::vector<double>> exact;
    const std::vector<int32_t> ids = RandomIds(64, config.vocab_size);
    std::vector<double>& expected = exact[config_name + profile_name];
    if (expected.empty())
      expected =
          Model::FromTensors(config, weights, {.lane = Lane::kCpuReferenceFp64})
              .Score(ids, 1, setup->profile)
              .nll;
    const double worst = WorstDifference(
        setup->model.Score(ids, 1, setup->profile).nll, expected);
    state.counters["worst_nats_from_fp64"] = worst;
    if (worst < ToleranceOf(lane)) return setup;
    state.SkipWithError("losses are not those of cpu-reference-fp64");
  } catch (const Error& error) {
    state.SkipWithError(error.what());
  }
  return nullptr;
}

void Rates(benchmark::State& state, int64_t tokens, int64_t flops) {
  const double peak = FmaPeakGflops(static_cast<int>(state.range(0)));
  state.counters["tokens/s"] = benchmark::Counter(static_cast<double>(tokens),
                                                  benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] = benchmark::Counter(
      static_cast<double>(flops) * 1e-9, benchmark::Counter::kIsRate);
  state.counters["peak_GFLOP/s"] = peak;
  state.counters["share_of_peak"] = benchmark::Counter(
      static_cast<double>(flops) * 1e-9 / peak, benchmark::Counter::kIsRate);
}

void Prefill(benchmark::State& state, const std::string& config,
             const std::string& lane, const std::string& profile) {
  const auto setup = MakeSetup(state, config, lane, profile);
  if (setup == nullptr) return;
  const std::vector<int32_t> ids = RandomIds(kTokens, setup->config.vocab_size);
  const ForwardResult expected = setup->model.Score(ids, 1, setup->profile);
  for (auto _ : state) {
    if (setup->model.Score(ids, 1, setup->profile).nll != expected.nll)
      state.SkipWithError("losses changed between runs");
  }
  Rates(state, kTokens * state.iterations(),
        expected.counters.flops * state.iterations());
}

void Decode(benchmark::State& state, const std::string& config,
            const std::string& lane, const std::string& profile) {
  constexpr int64_t kPrefill = 64, kDecoded = 32;
  const auto setup = MakeSetup(state, config, lane, profile);
  if (setup == nullptr) return;
  const std::vector<int32_t> ids =
      RandomIds(kPrefill + kDecoded, setup->config.vocab_size);
  const std::span<const int32_t> all(ids);
  std::vector<double> expected;
  int64_t flops = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Sequences sequences = setup->model.Start(1, setup->profile);
    setup->model.Forward(sequences, all.first(kPrefill), {});
    std::vector<double> nll;
    state.ResumeTiming();
    for (int64_t t = kPrefill; t < kPrefill + kDecoded; ++t) {
      const ForwardResult result =
          setup->model.Forward(sequences, all.subspan(t, 1), {});
      nll.push_back(result.nll[0]);
      flops += result.counters.flops;
    }
    if (expected.empty()) expected = nll;
    if (nll != expected) state.SkipWithError("losses changed between runs");
  }
  Rates(state, kDecoded * state.iterations(), flops);
  int64_t parameters = 0;
  for (const ParameterSpec& spec : ParameterSpecs(setup->config)) {
    int64_t n = 1;
    for (const int64_t s : spec.shape) n *= s;
    parameters += n;
  }
  const double bytes = static_cast<double>(parameters) *
                       (setup->lane == Lane::kCpuNativeBf16 ? 2.0 : 4.0);
  state.counters["weights_GB/s"] = benchmark::Counter(
      bytes * 1e-9 * static_cast<double>(kDecoded * state.iterations()),
      benchmark::Counter::kIsRate);
  state.counters["stream_GB/s"] = StreamGbps(static_cast<int>(state.range(0)));
}

// Windows of 448 tokens in pairs, uniform and retina in turn: the ratio of
// their times with a 95 % interval of its mean logarithm, and of their FLOPs.
void RetinaOverUniform(benchmark::State& state, const std::string& lane) {
  constexpr int64_t kWindow = 448;
  constexpr int kPairs = 16;
  const auto setup = MakeSetup(state, "1b-12layers", lane, "uniform");
  if (setup == nullptr) return;
  const Profile retina = Profile::Parse("retina", setup->config.num_layers);
  const std::vector<int32_t> ids = RandomIds(kWindow, setup->config.vocab_size);
  const auto seconds = [&](const Profile& profile) {
    const auto begin = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(setup->model.Score(ids, 1, profile).nll.data());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         begin)
        .count();
  };
  const double flop_ratio =
      static_cast<double>(setup->model.Score(ids, 1, retina).counters.flops) /
      static_cast<double>(
          setup->model.Score(ids, 1, setup->profile).counters.flops);
  for (auto _ : state) {
    double sum = 0, squares = 0;
    for (int pair = 0; pair < kPairs; ++pair) {
      const bool retina_first = pair % 2 == 0;
      const double first = seconds(retina_first ? retina : setup->profile),
                   second = seconds(retina_first ? setup->profile : retina);
      const double x = std::log(retina_first ? first / second : second / first);
      sum += x;
      squares += x * x;
    }
    const double mean = sum / kPairs;
    const double error =
        std::sqrt((squares / kPairs - mean * mean) / (kPairs - 1));
    constexpr double kT15 = 2.131;  // Student's t, 15 degrees, 97.5 %
    state.counters["time_ratio"] = std::exp(mean);
    state.counters["time_ratio_low"] = std::exp(mean - kT15 * error);
    state.counters["time_ratio_high"] = std::exp(mean + kT15 * error);
    state.counters["flop_ratio"] = flop_ratio;
  }
}

void Register() {
  const auto add = [](const std::string& name, auto function) {
    return benchmark::RegisterBenchmark(name.c_str(), function)
        ->ArgName("threads")
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  };
  for (const std::string lane :
       {"cpu-reference", "cpu-portable", "cpu-native", "cpu-native-bf16"}) {
    for (const std::string profile : {"uniform", "frozen"}) {
      add("Prefill/125m/" + lane + "/" + profile,
          [=](benchmark::State& s) { Prefill(s, "125m", lane, profile); })
          ->Arg(1)
          ->Arg(2);
    }
    add("Decode/125m/" + lane + "/uniform",
        [=](benchmark::State& s) { Decode(s, "125m", lane, "uniform"); })
        ->Arg(1)
        ->Arg(2);
  }
  for (const std::string lane : {"cpu-portable", "cpu-native-bf16"})
    add("RetinaOverUniform/1b-12layers/" + lane,
        [=](benchmark::State& s) { RetinaOverUniform(s, lane); })
        ->Arg(1)
        ->Arg(2)
        ->Iterations(1);
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
