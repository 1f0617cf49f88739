// The probes that look at a matrix product, whichever computes it.
#pragma once
#include <ATen/ATen.h>

#include <functional>

#include "model/probes.h"

namespace plastometer {

// [R, in] times [in, out], fp32.
using Product =
    std::function<at::Tensor(const at::Tensor& x, const at::Tensor& kernel)>;

// Integers whose sums need 24 bits, small and large: TF32 keeps 11, bf16 8.
MachineProbe ProbeExactProducts(const Product& product);
// 1 and 8 rows alone and among 64. Where it is not `required` it is a fact of
// the class and passes either way.
MachineProbe ProbeRowsAlone(const Product& product, bool required);

}  // namespace plastometer
