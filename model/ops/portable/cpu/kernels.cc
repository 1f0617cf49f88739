// All targets of the CPU kernels. Only targets with a fused multiply-add, and
// the scalar one: Highway's MulAdd is two roundings on the others.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/ops/portable/cpu/kernels.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include "model/ops/portable/cpu/gemm-inl.h"
#include "model/ops/portable/cpu/kernels.h"
#include "model/ops/portable/cpu/rows-inl.h"
#include "model/ops/portable/cpu/scan-inl.h"
#include "model/ops/portable/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace plastometer::portable::HWY_NAMESPACE {

const Kernels* Table() {
  static constexpr Kernels kTable = {
#if HWY_TARGET == HWY_SCALAR
    .isa = "scalar",
#elif HWY_TARGET == HWY_AVX2
    .isa = "avx2",
#else
    .isa = "avx512",
#endif
    .num_lanes = Arithmetic::kLanes,
    .gemm = Gemm,
    .rms_norm = RmsNorm,
    .gated_norm = GatedNorm,
    .causal_conv = CausalConv,
    .add = AddRows,
    .swiglu = SwiGlu,
    .sigmoid_bias = SigmoidBias,
    .token_loss = TokenLoss,
    .inner_scan = InnerScan,
    .frozen_inner = FrozenInner,
    .exp = ExpArray,
    .log = LogArray,
    .sigmoid = SigmoidArray,
    .silu = SiluArray,
    .gelu = GeluArray,
    .gelu_derivative = GeluDerivativeArray,
  };
  return &kTable;
}

}  // namespace plastometer::portable::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <hwy/targets.h>

namespace plastometer::portable {

const std::vector<const Kernels*>& AvailableKernels() {
  static const std::vector<const Kernels*> tables = [] {
    std::vector<const Kernels*> list = {N_SCALAR::Table()};
    [[maybe_unused]] const int64_t supported = hwy::SupportedTargets();
#if HWY_TARGETS & HWY_AVX2
    if (supported & HWY_AVX2) list.push_back(N_AVX2::Table());
#endif
#if HWY_TARGETS & HWY_AVX3
    if (supported & HWY_AVX3) list.push_back(N_AVX3::Table());
#endif
    return list;
  }();
  return tables;
}

}  // namespace plastometer::portable
#endif  // HWY_ONCE
