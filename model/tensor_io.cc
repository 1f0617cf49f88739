#include "model/tensor_io.h"

#include <cstring>

#include "base/error.h"

namespace plastometer {
namespace {

struct TypePair {
  DType ours;
  at::ScalarType torch;
};
constexpr TypePair kTypes[] = {
    {DType::kF64, at::kDouble},    {DType::kF32, at::kFloat},
    {DType::kBF16, at::kBFloat16}, {DType::kF16, at::kHalf},
    {DType::kI64, at::kLong},      {DType::kI32, at::kInt},
    {DType::kU8, at::kByte}};

}  // namespace

at::Tensor ToTorch(const HostTensor& tensor) {
  for (const TypePair& type : kTypes) {
    if (type.ours != tensor.dtype) continue;
    at::Tensor result = at::empty(tensor.shape, type.torch);
    if (!tensor.bytes.empty())  // memcpy takes no null
      std::memcpy(result.data_ptr(), tensor.bytes.data(), tensor.bytes.size());
    return result;
  }
  throw InternalError("no LibTorch type for " + DTypeName(tensor.dtype));
}

HostTensor ToHostTensor(const at::Tensor& tensor) {
  const at::Tensor host = tensor.cpu().contiguous();
  for (const TypePair& type : kTypes) {
    if (type.torch != host.scalar_type()) continue;
    HostTensor result{type.ours, host.sizes().vec(),
                      std::vector<std::byte>(host.nbytes())};
    if (!result.bytes.empty())
      std::memcpy(result.bytes.data(), host.data_ptr(), host.nbytes());
    return result;
  }
  throw InternalError("no host type for a LibTorch tensor");
}

}  // namespace plastometer
