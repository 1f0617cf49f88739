// A tensor in host memory without LibTorch: dtype, shape, row-major
// little-endian bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace plastometer {

enum class DType { kF64, kF32, kBF16, kF16, kI64, kI32, kU8 };

// "F64", "F32", "BF16", "F16", "I64", "I32", "U8": safetensors' names.
std::string DTypeName(DType dtype);
int64_t DTypeBytes(DType dtype);

struct HostTensor {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;  // NumElements() * DTypeBytes(dtype)

  int64_t NumElements() const;
  template <typename T>
  const T* As() const {
    return reinterpret_cast<const T*>(bytes.data());
  }
  template <typename T>
  T* As() {
    return reinterpret_cast<T*>(bytes.data());
  }

  static HostTensor FromF32(std::vector<int64_t> shape,
                            const std::vector<float>& values);
  static HostTensor FromF64(std::vector<int64_t> shape,
                            const std::vector<double>& values);
  static HostTensor FromI32(std::vector<int64_t> shape,
                            const std::vector<int32_t>& values);
};

bool IsFloating(DType dtype);
// "[2, 64]", for messages.
std::string ShapeText(const std::vector<int64_t>& shape);
// Index of the first NaN or infinity, -1 when there is none.
int64_t FirstNonFinite(const HostTensor& tensor);

// Values widened to double (from any floating or integer dtype).
std::vector<double> ToDoubles(const HostTensor& tensor);
// Converts between F64, F32, BF16, F16 (round to nearest even).
HostTensor Convert(const HostTensor& tensor, DType dtype);

using TensorMap = std::map<std::string, HostTensor>;

}  // namespace plastometer
