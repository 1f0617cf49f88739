// Whole models with random weights, by lane, profile and threads: prefill,
// decoding, and what retina saves over uniform. A lane's losses are checked
// against cpu-reference-fp64 before it is timed, and every timed run must give
// the first run's losses. Names, counters: README.md.
//   model_benchmark --benchmark_filter='Prefill/125m.*'
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "base/allocator.h"
#include "base/error.h"
#include "base/parallel.h"
#include "baselines/machine.h"
#include "harness/stats/basic.h"
#include "model/model.h"
#include "model/weights/parameter_specs.h"
#include "tests/random_weights.h"

namespace plastometer {
namespace {

constexpr int64_t kPrefillTokens = 2048, kWindowTokens = 448;
constexpr int64_t kDecodeAfter = 64, kDecodeTokens = 32;
constexpr int64_t kCheckTokens = 128;
constexpr int kRatioPairs = 3, kRetinaPairs = 48;
constexpr int kStatisticsPairs = 12;

bool g_any_wrong = false;

// nats. fp32: roundings of 2^-24 through 12 layers of random weights, 4e-6
// seen; bf16: products keep 8 bits, 0.03 seen.
double ToleranceOf(Lane lane) {
  return lane == Lane::kCpuNativeBf16 ? 0.15 : 1e-4;
}

// "1b/6": the layers of 1b, six of them.
ModelConfig ConfigOf(const std::string& name) {
  const size_t slash = name.find('/');
  ModelConfig config = NamedConfig(name.substr(0, slash));
  if (slash != std::string::npos)
    config.num_layers = std::stoll(name.substr(slash + 1));
  return config;
}

// Those of the last config: the larger ones take seconds and gigabytes.
const TensorMap& WeightsOf(const std::string& config_name) {
  static std::string last_name;
  static TensorMap last;
  if (last_name != config_name) {
    last.clear();
    last = RandomWeights(ConfigOf(config_name), 1);
    last_name = config_name;
  }
  return last;
}

std::vector<int32_t> RandomIds(int64_t n, int64_t vocab_size) {
  std::mt19937 generator(2);
  std::vector<int32_t> ids(n);
  for (int32_t& id : ids)
    id = static_cast<int32_t>(generator() % static_cast<uint32_t>(vocab_size));
  return ids;
}

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
      .count();
}

double WorstDifference(const std::vector<double>& a,
                       const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

struct Setup {
  Setup(const std::string& name, const std::string& lane_name,
        const std::string& profile_name, int num_threads)
      : config_name(name),
        config(ConfigOf(name)),
        lane(ParseLane(lane_name)),
        profile(Profile::Parse(profile_name, config.num_layers)),
        threads(num_threads),
        model(Make(lane)) {}
  Model Make(Lane which) const {
    return Model::FromTensors(config, WeightsOf(config_name),
                              {.lane = which, .num_threads = threads});
  }
  std::vector<int32_t> Ids(int64_t n) const {
    return RandomIds(n, config.vocab_size);
  }
  // Losses of the first tokens, prefilled and, in the same fresh sequence,
  // carried on token by token.
  std::vector<double> CheckLosses(const Model& of) const {
    const std::vector<int32_t> ids = Ids(kCheckTokens);
    const std::span<const int32_t> all(ids);
    Sequences sequences = of.Start(1, profile);
    std::vector<double> nll =
        of.Forward(sequences, all.first(kCheckTokens - 4), {}).nll;
    for (int64_t t = kCheckTokens - 4; t < kCheckTokens; ++t)
      nll.push_back(of.Forward(sequences, all.subspan(t, 1), {}).nll[0]);
    return nll;
  }
  std::string config_name;
  ModelConfig config;
  Lane lane;
  Profile profile;
  int threads;
  Model model;
};

bool IsRight(benchmark::State& state, const Setup& setup) {
  static std::map<std::string, std::vector<double>> exact;
  std::vector<double>& expected =
      exact[setup.config_name + " " + setup.profile.name()];
  if (expected.empty())
    expected = setup.CheckLosses(setup.Make(Lane::kCpuReferenceFp64));
  const double worst =
      WorstDifference(setup.CheckLosses(setup.model), expected);
  state.counters["worst_nats_from_fp64"] = worst;
  if (worst < ToleranceOf(setup.lane)) return true;
  g_any_wrong = true;
  state.SkipWithError("losses are not those of cpu-reference-fp64");
  return false;
}

// Empty after an explanation: the lane is not to be had here, or is wrong.
std::optional<Setup> Checked(benchmark::State& state, const std::string& config,
                             const std::string& lane,
                             const std::string& profile) {
  try {
    std::optional<Setup> setup(std::in_place, config, lane, profile,
                               static_cast<int>(state.range(0)));
    if (IsRight(state, *setup)) return setup;
  } catch (const Error& error) {
    state.SkipWithError(error.what());
  }
  return std::nullopt;
}

// The same losses every time.
class Same {
 public:
  explicit Same(benchmark::State& state) : state_(state) {}
  void Check(std::vector<double> nll) {
    if (first_.empty())
      first_ = std::move(nll);
    else if (nll != first_)
      Fail();
  }

 private:
  void Fail() {
    g_any_wrong = true;
    state_.SkipWithError("losses changed between runs");
  }
  benchmark::State& state_;
  std::vector<double> first_;
};

struct Timed {
  double seconds = 0;
  int64_t flops = 0;
  std::vector<double> nll;
};

Timed PrefillOnce(const Model& model, const Profile& profile,
                  std::span<const int32_t> ids) {
  const auto begin = std::chrono::steady_clock::now();
  ForwardResult result = model.Score(ids, 1, profile);
  return {SecondsSince(begin), result.counters.flops, std::move(result.nll)};
}

Timed DecodeOnce(const Model& model, const Profile& profile,
                 std::span<const int32_t> ids) {
  Sequences sequences = model.Start(1, profile);
  model.Forward(sequences, ids.first(kDecodeAfter), {});
  Timed timed;
  const auto begin = std::chrono::steady_clock::now();
  for (size_t t = kDecodeAfter; t < ids.size(); ++t) {
    const ForwardResult result =
        model.Forward(sequences, ids.subspan(t, 1), {});
    timed.nll.push_back(result.nll[0]);
    timed.flops += result.counters.flops;
  }
  timed.seconds = SecondsSince(begin);
  return timed;
}

using Once = Timed (*)(const Model&, const Profile&, std::span<const int32_t>);

// Median of cpu-reference's time over the lane's, in turn, on `tokens`.
double OverReference(const Setup& setup, Once once, int64_t tokens) {
  const Model reference = setup.Make(Lane::kCpuReference);
  const std::vector<int32_t> ids = setup.Ids(tokens);
  std::vector<double> ratios;
  for (int pair = 0; pair <= kRatioPairs; ++pair) {
    const double theirs = once(reference, setup.profile, ids).seconds;
    const double ours = once(setup.model, setup.profile, ids).seconds;
    if (pair > 0) ratios.push_back(theirs / ours);  // the first warms up
  }
  return stats::Quantile(ratios, 0.5);
}

// Bytes of all weights as the lane keeps them: what a token has to read.
double WeightBytes(const Setup& setup) {
  return static_cast<double>(NumParameters(setup.config)) *
         (setup.lane == Lane::kCpuNativeBf16 ? 2.0 : 4.0);
}

void Run(benchmark::State& state, const Setup& setup, Once once,
         std::span<const int32_t> ids, int64_t num_tokens) {
  const OtherWork others;
  Same same(state);
  same.Check(once(setup.model, setup.profile, ids).nll);  // warms up
  Timed total;
  for (auto _ : state) {
    Timed timed = once(setup.model, setup.profile, ids);
    state.SetIterationTime(timed.seconds);
    total.seconds += timed.seconds;
    total.flops += timed.flops;
    same.Check(std::move(timed.nll));
  }
  auto& counters = state.counters;
  const double gflops = 1e-9 * static_cast<double>(total.flops) / total.seconds;
  counters["tokens/s"] =
      static_cast<double>(num_tokens * state.iterations()) / total.seconds;
  counters["GFLOP/s"] = gflops;
  counters["share_of_peak"] = gflops / FmaPeakGflops(setup.threads);
  counters["others_cores"] = others.Cores();
}

// Only where it is affordable.
bool HasReferenceRatio(const Setup& setup) {
  return setup.config_name == "125m" && setup.profile.name() == "uniform" &&
         setup.lane != Lane::kCpuReference;
}

void Prefill(benchmark::State& state, const std::string& config,
             const std::string& lane, const std::string& profile) {
  const auto setup = Checked(state, config, lane, profile);
  if (!setup) return;
  Run(state, *setup, PrefillOnce, setup->Ids(kPrefillTokens), kPrefillTokens);
  if (HasReferenceRatio(*setup))
    state.counters["over_reference"] =
        OverReference(*setup, PrefillOnce, kWindowTokens);
}

void Decode(benchmark::State& state, const std::string& config,
            const std::string& lane, const std::string& profile) {
  const auto setup = Checked(state, config, lane, profile);
  if (!setup) return;
  constexpr int64_t kTokens = kDecodeAfter + kDecodeTokens;
  Run(state, *setup, DecodeOnce, setup->Ids(kTokens), kDecodeTokens);
  const double rate =
      1e-9 * WeightBytes(*setup) * state.counters["tokens/s"].value;
  state.counters["weights_GB/s"] = rate;
  state.counters["share_of_stream"] = rate / StreamGbps(setup->threads);
  if (HasReferenceRatio(*setup))
    state.counters["over_reference"] =
        OverReference(*setup, DecodeOnce, kTokens);
}

// One window under uniform and under retina in turn: the ratio of their times,
// with a 95 % interval of its mean logarithm, beside that of their FLOPs.
void RetinaOverUniform(benchmark::State& state, const std::string& config,
                       const std::string& lane) {
  const auto setup = Checked(state, config, lane, "uniform");
  if (!setup) return;
  const Profile retina = Profile::Parse("retina", setup->config.num_layers);
  const std::vector<int32_t> ids = setup->Ids(kWindowTokens);
  Same same_uniform(state), same_retina(state);
  const auto time = [&](bool is_retina) {
    Timed timed =
        PrefillOnce(setup->model, is_retina ? retina : setup->profile, ids);
    (is_retina ? same_retina : same_uniform).Check(std::move(timed.nll));
    return timed;
  };
  const double flop_ratio = static_cast<double>(time(true).flops) /
                            static_cast<double>(time(false).flops);
  const OtherWork others;
  std::vector<double> logs;
  for (auto _ : state) {
    logs.clear();
    double seconds = 0;
    for (int pair = 0; pair < kRetinaPairs; ++pair) {
      const bool retina_first = pair % 2 == 0;
      const double first = time(retina_first).seconds,
                   second = time(!retina_first).seconds;
      logs.push_back(std::log(retina_first ? first / second : second / first));
      seconds += first + second;
    }
    state.SetIterationTime(seconds);
  }
  const double mean = stats::Mean(logs);
  const double half =
      stats::StudentQuantile(0.975, kRetinaPairs - 1) *
      std::sqrt(stats::Variance(logs) / static_cast<double>(logs.size()));
  auto& counters = state.counters;
  counters["time_ratio"] = std::exp(mean);
  counters["time_ratio_low"] = std::exp(mean - half);
  counters["time_ratio_high"] = std::exp(mean + half);
  counters["time_ratio_median"] = std::exp(stats::Quantile(logs, 0.5));
  counters["flop_ratio"] = flop_ratio;
  counters["others_cores"] = others.Cores();
  state.SetLabel(
      mean + half <= std::log(flop_ratio)  ? "saves more than its FLOPs"
      : mean - half > std::log(flop_ratio) ? "saves less than its FLOPs"
                                           : "not decided");
}

// One window with statistics and without, in turn.
void StatisticsOverWithout(benchmark::State& state, const std::string& config,
                           const std::string& lane, const std::string&) {
  const auto setup = Checked(state, config, lane, "uniform");
  if (!setup) return;
  const std::vector<int32_t> ids = setup->Ids(kWindowTokens);
  Same same(state);
  const auto time = [&](StatisticsMode mode) {
    const auto begin = std::chrono::steady_clock::now();
    Sequences sequences = setup->model.Start(1, setup->profile);
    ForwardResult result =
        setup->model.Forward(sequences, ids, {.statistics = mode});
    const double seconds = SecondsSince(begin);
    same.Check(std::move(result.nll));
    return seconds;
  };
  time(StatisticsMode::kOn);
  const OtherWork others;
  std::vector<double> ratios;
  for (auto _ : state) {
    ratios.clear();
    double seconds = 0;
    for (int pair = 0; pair < kStatisticsPairs; ++pair) {
      const double without = time(StatisticsMode::kOff),
                   with = time(StatisticsMode::kOn);
      ratios.push_back(with / without);
      seconds += with + without;
    }
    state.SetIterationTime(seconds);
  }
  state.counters["statistics_over_without"] = stats::Quantile(ratios, 0.5);
  state.counters["others_cores"] = others.Cores();
}

benchmark::internal::Benchmark* Add(
    const std::string& name,
    const std::function<void(benchmark::State&)>& body) {
  auto* added = benchmark::RegisterBenchmark(name.c_str(), body);
  added->ArgName("threads")->Unit(benchmark::kMillisecond)->UseManualTime();
  for (const int threads : std::set{1, NumCores()}) added->Arg(threads);
  return added;
}

using Body = void (*)(benchmark::State&, const std::string& config,
                      const std::string& lane, const std::string& profile);

void AddCase(const std::string& what, Body body, const std::string& config,
             const std::string& lane, const std::string& profile) {
  Add(what + "/" + config + "/" + lane + "/" + profile,
      [=](benchmark::State& state) { body(state, config, lane, profile); });
}

void Register() {
  for (const std::string lane :
       {"cpu-reference", "cpu-portable", "cpu-native", "cpu-native-bf16"}) {
    for (const std::string profile : {"uniform", "retina", "frozen"}) {
      AddCase("Prefill", Prefill, "125m", lane, profile);
      AddCase("Decode", Decode, "125m", lane, profile);
    }
  }
  for (const std::string lane : {"cpu-portable", "cpu-native-bf16"}) {
    AddCase("Prefill", Prefill, "1b/6", lane, "uniform");
    AddCase("Decode", Decode, "1b/6", lane, "uniform");
  }
  for (const std::string config : {"125m", "1b/6"})
    Add("StatisticsOverWithout/" + config + "/cpu-portable",
        [=](benchmark::State& state) {
          StatisticsOverWithout(state, config, "cpu-portable", "");
        })
        ->Iterations(1);
  // cpu-native would be cpu-portable again: the same kernels.
  for (const std::string lane : {"cpu-portable", "cpu-native-bf16"})
    Add("RetinaOverUniform/1b/12/" + lane, [=](benchmark::State& state) {
      RetinaOverUniform(state, "1b/12", lane);
    })->Iterations(1);
}

}  // namespace
}  // namespace plastometer

int main(int argc, char** argv) {
  plastometer::KeepFreedMemory();  // as `plastometer` does
  plastometer::Register();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("cpu", plastometer::CpuModel());
  benchmark::RunSpecifiedBenchmarks();
  return plastometer::g_any_wrong ? 1 : 0;
}
