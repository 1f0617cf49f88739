#include "model/probes.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <dlfcn.h>
#include <torch/csrc/api/include/torch/version.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <cmath>
#include <latch>
#include <limits>
#include <string>

#include "base/lane.h"
#include "base/parallel.h"
#include "model/config.h"
#include "model/ops/arithmetic.h"
#include "model/ops/portable/cpu/kernels.h"
#include "model/ops/portable/cpu/thread_pool.h"
#include "model/probe_products.h"

namespace plastometer {
namespace {

// What threads were seen to do.
struct Threads {
  std::atomic<int> met{0}, not_nearest{0}, flushing{0};
};

// 1 + 2^-24 is half way: to nearest even it is 1; upward it is not.
bool RoundsToNearest() {
  volatile float one = 1.0F, half_ulp = std::ldexp(1.0F, -24);
  return std::fegetround() == FE_TONEAREST && one + half_ulp == 1.0F &&
         -one - half_ulp == -1.0F;
}

// The smallest number times one, and a quarter of the smallest normal one.
bool KeepsSubnormals() {
  volatile float tiny = std::numeric_limits<float>::denorm_min(),
                 normal = std::numeric_limits<float>::min(), one = 1.0F,
                 quarter = 0.25F;
  // In integers: a comparison would flush its operands too.
  const auto bits = [](float x) { return __builtin_bit_cast(uint32_t, x); };
  return bits(tiny * one) == 1 && bits(normal * quarter) == (1U << 21);
}

void LookHere(Threads* threads) {
  ++threads->met;
  if (!RoundsToNearest()) ++threads->not_nearest;
  if (!KeepsSubnormals()) ++threads->flushing;
}

// The threads that LibTorch's products run on, by the entry that compilers
// call: linking an OpenMP of our own could bring a second one. False where
// LibTorch has another runtime.
bool LookAtOpenMp(Threads* threads) {
  using Body = void (*)(void*);
  using Parallel = void (*)(Body, void*, unsigned num_threads, unsigned flags);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  const auto parallel =
      reinterpret_cast<Parallel>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  if (parallel == nullptr) return false;
  parallel([](void* seen) { LookHere(static_cast<Threads*>(seen)); }, threads,
           /*num_threads=*/0, /*flags=*/0);
  return true;
}

// Threads as the lanes with their own kernels start them; each waits for all,
// so that none takes another's turn.
void LookAtOurPool(int num_threads, Threads* threads) {
  portable::ThreadPool pool(num_threads);
  std::latch all(num_threads);
  pool.ParallelFor(num_threads, [&](int64_t) {
    LookHere(threads);
    all.arrive_and_wait();
  });
}

std::vector<MachineProbe> ProbeThreads(Lane lane, int num_threads) {
  Threads threads;
  LookHere(&threads);  // the calling thread, by itself
  threads.met = 0;
  bool counted = true;
  if (TraitsOf(lane).is_reference()) {
    at::set_num_threads(num_threads);
    counted = LookAtOpenMp(&threads);
  } else {
    LookAtOurPool(num_threads, &threads);
  }
  const auto modes = [](const std::string& name, int wrong,
                        const std::string& good, const std::string& bad) {
    return MachineProbe{name, wrong == 0,
                        wrong == 0 ? good + ", in all threads" : bad};
  };
  return {{"threads", counted && threads.met == num_threads,
           counted ? std::to_string(threads.met) + ", expected " +
                         std::to_string(num_threads)
                   : "LibTorch's OpenMP is not known; expected one with "
                     "GOMP_parallel"},
          modes("rounding", threads.not_nearest, "to nearest even",
                "some thread does not round to nearest even"),
          modes("subnormal numbers", threads.flushing, "kept",
                "some thread flushes to zero; expected to be kept")};
}

// An operation that has no deterministic form must throw.
MachineProbe Deterministic() {
  try {
    at::zeros({4}).put_(at::zeros({2}, at::kLong), at::ones({2}),
                        /*accumulate=*/false);
  } catch (const std::exception&) {
    return {"deterministic algorithms", true,
            "put_ without accumulate is refused"};
  }
  return {"deterministic algorithms", false,
          "put_ without accumulate was carried out; expected to be refused"};
}

MachineProbe Capability() {
  const std::string met = at::get_cpu_capability();
  return {"ATen instruction set", met == "AVX2",
          met + ", expected AVX2 (ATEN_CPU_CAPABILITY=avx2)"};
}

// The lane's own products; those of a CUDA lane on the CPU.
std::vector<MachineProbe> ProbeProducts(Lane lane, int num_threads) {
  ModelConfig config;  // of any model that the kernels take
  config.hidden_size = 32;
  config.num_heads = 2;
  const LaneTraits& traits = TraitsOf(lane);
  const ops::Arithmetic arithmetic(traits.on_cpu() ? lane : Lane::kCpuReference,
                                   config, num_threads);
  const auto ops = arithmetic.MakeOps(config, /*alone=*/false);
  const Product product = [&](const at::Tensor& x, const at::Tensor& kernel) {
    return ops->Linear(x, arithmetic.Prepare(kernel, /*transposed=*/false));
  };
  const MachineProbe rows = ProbeRowsAlone(product, traits.promises_bits());
  if (traits.bf16_products) return {rows};
  return {ProbeExactProducts(product), rows};
}

}  // namespace

void PinLibTorch() {
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
  context.setFloat32MatmulPrecision("highest");
  context.setAllowTF32CuBLAS(false);
  context.setAllowTF32CuDNN(false);
  context.setAllowFP16ReductionCuBLAS(false, /*allow_splitk=*/false);
  context.setAllowBF16ReductionCuBLAS(false, /*allow_splitk=*/false);
  // Every tensor is written before it is read; the fill would cost a pass.
  context.setDeterministicFillUninitializedMemory(false);
}

std::vector<MachineProbe> RunProbes(Lane lane, int num_threads) {
  const c10::InferenceMode inference;
  const int n = ResolveThreads(num_threads);
  std::vector<MachineProbe> probes = ProbeThreads(lane, n);
  const bool threads_hold =
      std::all_of(probes.begin(), probes.end(),
                  [](const MachineProbe& probe) { return probe.passed; });
  if (threads_hold)  // else the kernels refuse, or repeat the finding
    for (MachineProbe& probe : ProbeProducts(lane, n))
      probes.push_back(std::move(probe));
  probes.push_back(Deterministic());
  if (TraitsOf(lane).is_reference()) probes.push_back(Capability());
  return probes;
}

MachineFacts DescribeMachine() {
  return {TORCH_VERSION, at::get_cpu_capability(),
          portable::SelectKernels().isa, at::hasMKL() ? "MKL" : "no MKL"};
}

}  // namespace plastometer
