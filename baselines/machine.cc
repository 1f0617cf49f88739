#include "baselines/machine.h"

#include <sys/resource.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cmath>
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
constexpr int kLoads = 8;  // vectors summed at once

enum class Isa { kScalar, kAvx2, kAvx512 };

Isa ChosenIsa() {
  const std::string isa = portable::SelectKernels().isa;
  if (isa == "avx512") return Isa::kAvx512;
  return isa == "avx2" ? Isa::kAvx2 : Isa::kScalar;
}

#if defined(__x86_64__)
// The factors come from memory that a compiler must not look into: else it
// may do the rounds itself.
volatile float g_factor = 0.999F, g_term = 0.001F;

__attribute__((target("fma"), noinline)) float BurnScalar() {
  __m128 sums[kChains];
  for (auto& sum : sums) sum = _mm_set_ss(1.0F);
  const __m128 factor = _mm_set_ss(g_factor), term = _mm_set_ss(g_term);
  for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm_fmadd_ss(sum, factor, term);
  }
  float total = 0;
  for (const auto& sum : sums) total += _mm_cvtss_f32(sum);
  return total;
}

__attribute__((target("avx2,fma"), noinline)) float BurnAvx2() {
  __m256 sums[kChains];
  for (auto& sum : sums) sum = _mm256_set1_ps(1.0F);
  const __m256 factor = _mm256_set1_ps(g_factor), term = _mm256_set1_ps(g_term);
  for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, factor, term);
  }
  float total = 0;
  for (const auto& sum : sums) total += _mm256_cvtss_f32(sum);
  return total;
}

__attribute__((target("avx512f"), noinline)) float BurnAvx512() {
  __m512 sums[kChains];
  for (auto& sum : sums) sum = _mm512_set1_ps(1.0F);
  const __m512 factor = _mm512_set1_ps(g_factor), term = _mm512_set1_ps(g_term);
  for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, factor, term);
  }
  float total = 0;
  for (const auto& sum : sums) total += _mm512_cvtss_f32(sum);
  return total;
}

__attribute__((target("avx2"), noinline)) float ReadAvx2(const float* p,
                                                         int64_t n) {
  __m256 sums[kLoads] = {};
  for (int64_t i = 0; i + 8 * kLoads <= n; i += 8 * kLoads) {
#pragma GCC unroll 8
    for (int l = 0; l < kLoads; ++l)
      sums[l] = _mm256_add_ps(sums[l], _mm256_loadu_ps(p + i + 8 * l));
  }
  float total = 0;
  for (const auto& sum : sums) total += _mm256_cvtss_f32(sum);
  return total;
}

__attribute__((target("avx512f"), noinline)) float ReadAvx512(const float* p,
                                                              int64_t n) {
  __m512 sums[kLoads];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (int64_t i = 0; i + 16 * kLoads <= n; i += 16 * kLoads) {
#pragma GCC unroll 8
    for (int l = 0; l < kLoads; ++l)
      sums[l] = _mm512_add_ps(sums[l], _mm512_loadu_ps(p + i + 16 * l));
  }
  float total = 0;
  for (const auto& sum : sums) total += _mm512_cvtss_f32(sum);
  return total;
}
#endif

// Sixteen chains that a compiler may put into vectors: any CPU.
float ReadPlain(const float* p, int64_t n) {
  float sums[16] = {};
  for (int64_t i = 0; i + 16 <= n; i += 16)
    for (int l = 0; l < 16; ++l) sums[l] += p[i + l];
  float total = 0;
  for (const float sum : sums) total += sum;
  return total;
}

float Read(Isa isa, const float* p, int64_t n) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return ReadAvx512(p, n);
  if (isa == Isa::kAvx2) return ReadAvx2(p, n);
#endif
  return ReadPlain(p, n);
}

// body(thread) on all threads at once, without the time to start them: seconds
// from the first to begin to the last to end, least of `attempts`.
double BestSeconds(int num_threads, int attempts,
                   const std::function<float(int)>& body) {
  using Clock = std::chrono::steady_clock;
  double best = INFINITY;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::barrier ready(num_threads);
    std::vector<Clock::time_point> begin(num_threads), end(num_threads);
    const auto timed = [&](int t) {
      ready.arrive_and_wait();
      begin[t] = Clock::now();
      const volatile float kept = body(t);
      static_cast<void>(kept);
      end[t] = Clock::now();
    };
    {
      std::vector<std::jthread> threads;
      for (int t = 1; t < num_threads; ++t) threads.emplace_back(timed, t);
      timed(0);
    }
    const std::chrono::duration<double> seconds =
        *std::max_element(end.begin(), end.end()) -
        *std::min_element(begin.begin(), begin.end());
    best = std::min(best, seconds.count());
  }
  return best;
}

double MeasurePeak(int num_threads) {
#if defined(__x86_64__)
  const Isa isa = ChosenIsa();
  if (isa == Isa::kScalar && !__builtin_cpu_supports("fma")) return NAN;
  const double seconds = BestSeconds(num_threads, 9, [isa](int) {
    if (isa == Isa::kAvx512) return BurnAvx512();
    return isa == Isa::kAvx2 ? BurnAvx2() : BurnScalar();
  });
  const int lanes = isa == Isa::kAvx512 ? 16 : isa == Isa::kAvx2 ? 8 : 1;
  return 2e-9 * num_threads * kRounds * kChains * lanes / seconds;
#else
  return NAN;  // not available
#endif
}

double MeasureStream(int num_threads) {
  constexpr int64_t kGiB = int64_t{1} << 30;
  const int64_t cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
  const int64_t bytes = std::clamp(4 * cache, kGiB, 2 * kGiB);
  const Isa isa = ChosenIsa();
  const std::vector<float> buffer(bytes / 4, 1.0F);
  const int64_t share = bytes / 4 / num_threads;
  const double seconds = BestSeconds(num_threads, 4, [&](int t) {
    return Read(isa, buffer.data() + t * share, share);
  });
  return 4e-9 * static_cast<double>(share * num_threads) / seconds;
}

double WallSeconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Of all cores and programs: user, nice, system, then irq and softirq.
double MachineSeconds() {
  std::ifstream file("/proc/stat");
  std::string name;
  double user = NAN, nice = NAN, system = NAN, idle = NAN, wait = NAN,
         irq = NAN, softirq = NAN;
  file >> name >> user >> nice >> system >> idle >> wait >> irq >> softirq;
  return (user + nice + system + irq + softirq) /
         static_cast<double>(sysconf(_SC_CLK_TCK));
}

double OwnSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) +
           1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
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

OtherWork::OtherWork()
    : machine_(MachineSeconds()), own_(OwnSeconds()), wall_(WallSeconds()) {}

double OtherWork::Cores() const {
  const double others = MachineSeconds() - machine_ - (OwnSeconds() - own_);
  return std::max(0.0, others / (WallSeconds() - wall_));
}

std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "not available";
}

}  // namespace plastometer
