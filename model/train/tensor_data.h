// A tensor's memory as the kernels take it: null for a tensor without data.
#pragma once
#include <ATen/ATen.h>

namespace plastometer::train {

inline bool HasData(const at::Tensor& t) {
  return t.defined() && t.numel() > 0;
}
inline const float* In(const at::Tensor& t) {
  return HasData(t) ? t.const_data_ptr<float>() : nullptr;
}
inline float* Out(const at::Tensor& t) {
  return HasData(t) ? t.mutable_data_ptr<float>() : nullptr;
}

}  // namespace plastometer::train
