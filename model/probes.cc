#include "model/probes.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/api/include/torch/version.h>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <thread>

#include "model/ops/portable/cpu/kernels.h"

namespace plastometer {
namespace {

// Row 0 of a product of integers: 4097 needs 13 bits and the sum 2^24 - 2^11 or
// so 24; TF32 keeps 11, bf16 8.
MachineProbe ExactProducts() {
  constexpr int64_t kSize = 64;
  const at::Tensor a = at::full({kSize, kSize}, 4097.0F),
                   b = at::full({kSize, kSize}, 63.0F);
  const double expected = 4097.0 * 63.0 * kSize;  // 16519104 < 2^24
  const double met = at::mm(a, b)[0][0].item<double>();
  return {"fp32 products", met == expected,
          "64 x 4097 x 63 is " + std::to_string(std::llround(met)) +
              ", expected " + std::to_string(std::llround(expected))};
}

// The smallest number times one, and a quarter of the smallest normal one.
MachineProbe Subnormals() {
  const at::Tensor tiny =
      at::full({64}, std::numeric_limits<float>::denorm_min());
  const at::Tensor normal = at::full({64}, std::numeric_limits<float>::min());
  const bool kept = at::mul(tiny, 1.0)[63].item<float>() ==
                        std::numeric_limits<float>::denorm_min() &&
                    at::mul(normal, 0.25)[63].item<float>() > 0;
  return {"subnormal numbers", kept,
          kept ? "kept" : "flushed to zero; expected to be kept"};
}

// 1 + 2^-24 is half way: to nearest even it is 1; upward it is not.
MachineProbe Rounding() {
  bool nearest = std::fegetround() == FE_TONEAREST;
  volatile float one = 1.0F, half_ulp = std::ldexp(1.0F, -24);
  nearest = nearest && one + half_ulp == 1.0F && -one - half_ulp == -1.0F;
  bool elsewhere = false;  // a new thread inherits the mode
  std::thread([&] {
    elsewhere = one + half_ulp == 1.0F && -one - half_ulp == -1.0F;
  }).join();
  return {"rounding", nearest && elsewhere,
          nearest && elsewhere ? "to nearest even, in threads too"
                               : "not to nearest; expected to nearest even"};
}

MachineProbe Threads(int num_threads) {
  const int met = at::get_num_threads();
  return {"LibTorch threads", met == num_threads,
          std::to_string(met) + ", expected " + std::to_string(num_threads)};
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

// The same rows, one at a time and all at once.
MachineProbe RowsAlone(bool required) {
  const at::Tensor a = at::arange(64 * 96, at::kFloat).sin().view({64, 96}),
                   b = at::arange(96 * 80, at::kFloat).cos().view({96, 80});
  const at::Tensor all = at::mm(a, b);
  bool same = true;
  for (const int64_t rows : {1, 8})
    same = same &&
           at::equal(at::mm(a.narrow(0, 0, rows), b), all.narrow(0, 0, rows));
  return {"rows alone", same || !required,
          same ? "1 and 8 rows have the bits that they have among 64"
               : "LibTorch's products depend on the number of rows; batch and "
                 "window shapes are part of this class"};
}

bool IsReference(Lane lane) {
  return lane == Lane::kCpuReference || lane == Lane::kCpuReferenceFp64 ||
         lane == Lane::kCudaReference;
}

int Resolved(int num_threads) {
  return num_threads > 0 ? num_threads
                         : static_cast<int>(std::max(
                               1U, std::thread::hardware_concurrency()));
}

}  // namespace

void PinLibTorch() {
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
  context.setAllowTF32CuBLAS(false);
  context.setAllowTF32CuDNN(false);
  context.setAllowFP16ReductionCuBLAS(false, /*allow_splitk=*/false);
  context.setAllowBF16ReductionCuBLAS(false, /*allow_splitk=*/false);
  // Every tensor is written before it is read; the fill would cost a pass.
  context.setDeterministicFillUninitializedMemory(false);
}

std::vector<MachineProbe> RunProbes(Lane lane, int num_threads) {
  const c10::InferenceMode inference;
  std::vector<MachineProbe> probes = {ExactProducts(), Subnormals(), Rounding(),
                                      Deterministic()};
  if (IsReference(lane)) {
    at::set_num_threads(Resolved(num_threads));
    probes.push_back(Threads(Resolved(num_threads)));
    probes.push_back(Capability());
    probes.push_back(RowsAlone(/*required=*/false));
  }
  return probes;
}

MachineFacts DescribeMachine() {
  return {TORCH_VERSION, at::get_cpu_capability(),
          portable::SelectKernels().isa, at::hasMKL() ? "MKL" : "no MKL"};
}

}  // namespace plastometer
