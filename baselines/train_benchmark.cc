// Training speed of the shipped text model's shape: plain autograd through the
// reference arithmetic against the training kernels, and a check first that
// both take the same step.
//   build/cpu/train_benchmark [--benchmark_filter=fused]
#include <benchmark/benchmark.h>

#include <cmath>

#include "base/allocator.h"
#include "base/error.h"
#include "model/train/random.h"
#include "model/train/trainer.h"

namespace plastometer::train {
namespace {

// Relative; fp32 rounding of another order of sums.
constexpr double kLossTolerance = 1e-5, kNormTolerance = 1e-4;

TrainConfig TextConfig() {
  TrainConfig c;
  c.model.vocab_size = 4096;
  c.model.hidden_size = 128;
  c.model.intermediate_size = 344;
  c.model.num_layers = 12;
  c.model.num_heads = 2;
  c.total_tokens = 1000 * c.tokens_per_step();
  return c;
}

TrainingTokens RandomTokens(const TrainConfig& config) {
  TrainingTokens tokens;
  Random random(5);
  for (int64_t i = 0; i < 16 * config.context + 1; ++i)
    tokens.ids.push_back(static_cast<uint16_t>(random.Next() % 4096));
  tokens.AddWindows(0, static_cast<int64_t>(tokens.ids.size()), config.context);
  return tokens;
}

void CheckSameStep() {
  const TrainConfig config = TextConfig();
  Trainer fused(config, RandomTokens(config), {}),
      plain(config, RandomTokens(config), {.fused = false});
  const StepRecord a = fused.Step(), b = plain.Step();
  if (std::abs(a.loss - b.loss) > kLossTolerance * b.loss ||
      std::abs(a.gradient_norm - b.gradient_norm) >
          kNormTolerance * b.gradient_norm) {
    throw InternalError(
        "training kernels and plain autograd take different steps");
  }
}

void TrainStep(benchmark::State& state, bool fused) {
  static const bool checked = (CheckSameStep(), true);
  benchmark::DoNotOptimize(checked);
  const TrainConfig config = TextConfig();
  TrainOptions options;
  options.fused = fused;
  options.num_threads = static_cast<int>(state.range(0));
  Trainer trainer(config, RandomTokens(config), options);
  trainer.Step();
  for (auto _ : state) trainer.Step();
  state.SetItemsProcessed(state.iterations() * config.tokens_per_step());
}

BENCHMARK_CAPTURE(TrainStep, fused, true)
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(5);
BENCHMARK_CAPTURE(TrainStep, plain, false)
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(3);

}  // namespace
}  // namespace plastometer::train

int main(int argc, char** argv) {
  plastometer::KeepFreedMemory();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
