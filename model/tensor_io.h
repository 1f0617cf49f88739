// Between host tensors (no LibTorch) and at::Tensor.
#pragma once
#include <ATen/ATen.h>

#include "base/host_tensor.h"

namespace plastometer {

// A copy on the CPU in the stored dtype.
at::Tensor ToTorch(const HostTensor& tensor);
// A contiguous copy on the host; F64, F32, BF16, F16, I64, I32, U8.
HostTensor ToHostTensor(const at::Tensor& tensor);

}  // namespace plastometer
