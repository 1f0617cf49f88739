#include "baselines/machine.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "model/ops/portable/cpu/kernels.h"

namespace plastometer {
namespace {

constexpr int kChains = 12;  // independent; AVX2 has 16 registers
constexpr int64_t kRounds = 4'000'000;

#if defined(__x86_64__)
__attribute__((target("avx2,fma"), noinline)) float BurnAvx2() {
  __m256 sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = _mm256_set1_ps(1.0F);
  const __m256 factor = _mm256_set1_ps(0.999F), term = _mm256_set1_ps(0.001F);
  for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i)
      sums[i] = _mm256_fmadd_ps(sums[i], factor, term);
  }
  float total = 0;
  for (const __m256& sum : sums) total += _mm256_cvtss_f32(sum);
  return total;
}

__attribute__((target("avx512f"), noinline)) float BurnAvx512() {
  __m512 sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = _mm512_set1_ps(1.0F);
  const __m512 factor = _mm512_set1_ps(0.999F), term = _mm512_set1_ps(0.001F);
  for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i)
      sums[i] = _mm512_fmadd_ps(sums[i], factor, term);
  }
  float total = 0;
  for (const __m512& sum : sums) total += _mm512_cvtss_f32(sum);
  return total;
}
#endif

double SecondsOf(int num_threads, const std::function<void()>& body) {
  double best = 1e30;
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::jthread> threads;
    for (int t = 1; t < num_threads; ++t) threads.emplace_back(body);
    body();
    threads.clear();
    best = std::min(best, std::chrono::duration<double>(
                              std::chrono::steady_clock::now() - begin)
                              .count());
  }
  return best;
}

volatile float g_sink;

double MeasurePeak(int num_threads) {
#if defined(__x86_64__)
  const std::string isa = portable::SelectKernels().isa;
  if (isa == "scalar") return 0;  // not available: no vectors to measure
  const bool wide = isa == "avx512";
  const double seconds = SecondsOf(
      num_threads, [wide] { g_sink = wide ? BurnAvx512() : BurnAvx2(); });
  return static_cast<double>(num_threads) * kRounds * kChains *
         (wide ? 16 : 8) * 2 / seconds * 1e-9;
#else
  return 0;
#endif
}

double MeasureStream(int num_threads) {
  constexpr int64_t kFloats = int64_t{1} << 28;
  static const std::vector<float> buffer(kFloats, 1.0F);
  const int64_t share = kFloats / num_threads;
  std::vector<float> sums(num_threads);
  double best = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto begin = std::chrono::steady_clock::now();
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < num_threads; ++t)
        threads.emplace_back([&, t] {
          const float* p = buffer.data() + t * share;
          float lanes[64] = {};
          for (int64_t i = 0; i + 64 <= share; i += 64)
            for (int l = 0; l < 64; ++l) lanes[l] += p[i + l];
          for (const float lane : lanes) sums[t] += lane;
        });
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
            .count();
    best = std::max(best, 4e-9 * static_cast<double>(kFloats) / seconds);
  }
  g_sink = sums[0];
  return best;
}

double Once(std::map<int, double>& known, int num_threads,
            double (*measure)(int)) {
  const auto [place, is_new] = known.try_emplace(num_threads, 0);
  if (is_new) place->second = measure(num_threads);
  return place->second;
}

}  // namespace

double FmaPeakGflops(int num_threads) {
  static std::map<int, double> known;
  return Once(known, num_threads, MeasurePeak);
}

double StreamGbps(int num_threads) {
  static std::map<int, double> known;
  return Once(known, num_threads, MeasureStream);
}

std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "not available";
}

}  // namespace plastometer
