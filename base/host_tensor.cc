#include "base/host_tensor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"

namespace plastometer {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensor files are little-endian and are read without swapping");

double Bf16ToDouble(uint16_t bits) {
  return std::bit_cast<float>(uint32_t{bits} << 16);
}

double F16ToDouble(uint16_t bits) {
  const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 31) {
    return fraction != 0 ? std::numeric_limits<double>::quiet_NaN()
                         : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

// Rounds once, to nearest even, to `bits` significant bits with exponents from
// `lowest` (subnormals below it). By way of float it would be rounded twice.
double RoundTo(double value, int bits, int lowest) {
  if (value == 0 || !std::isfinite(value)) return value;
  const int exponent = std::max(std::ilogb(value), lowest);
  const int shift = bits - 1 - exponent;
  return std::ldexp(std::nearbyint(std::ldexp(value, shift)), -shift);
}

uint16_t DoubleToBf16(double value) {
  const double rounded = RoundTo(value, 8, -126);
  if (std::isnan(rounded)) return 0x7fc0;
  // Exact, or past the largest finite value, which the cast makes infinite.
  return static_cast<uint16_t>(
      std::bit_cast<uint32_t>(static_cast<float>(rounded)) >> 16);
}

uint16_t FloatToBf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return 0x7fc0;
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

uint16_t DoubleToF16(double value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return 0x7e00;
  const double rounded = std::fabs(RoundTo(value, 11, -14));
  if (rounded > 65504) return sign | 0x7c00;
  if (rounded == 0) return sign;
  const int exponent = std::max(std::ilogb(rounded), -14);
  const int significand = static_cast<int>(std::ldexp(rounded, 10 - exponent));
  // A subnormal has no implicit bit; carrying into the exponent is right.
  return static_cast<uint16_t>(sign + ((exponent + 14) << 10) + significand);
}

template <typename T>
HostTensor From(DType dtype, std::vector<int64_t> shape,
                const std::vector<T>& values) {
  HostTensor tensor{dtype, std::move(shape), {}};
  if (tensor.NumElements() != static_cast<int64_t>(values.size())) {
    throw InternalError("tensor of " + std::to_string(tensor.NumElements()) +
                        " elements made from " + std::to_string(values.size()) +
                        " values");
  }
  tensor.bytes.resize(values.size() * sizeof(T));
  if (!values.empty()) {
    std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  }
  return tensor;
}

// Calls write(i, value) for every element, widened to double.
template <typename Write>
void ForEach(const HostTensor& tensor, Write write) {
  const int64_t count = tensor.NumElements();
  const auto loop = [&](const auto* data, auto widen) {
    for (int64_t i = 0; i < count; ++i) write(i, widen(data[i]));
  };
  const auto plain = [](auto value) { return static_cast<double>(value); };
  switch (tensor.dtype) {
    case DType::kF64:
      return loop(tensor.As<double>(), plain);
    case DType::kF32:
      return loop(tensor.As<float>(), plain);
    case DType::kBF16:
      return loop(tensor.As<uint16_t>(), Bf16ToDouble);
    case DType::kF16:
      return loop(tensor.As<uint16_t>(), F16ToDouble);
    case DType::kI64:
      return loop(tensor.As<int64_t>(), plain);
    case DType::kI32:
      return loop(tensor.As<int32_t>(), plain);
    case DType::kU8:
      return loop(tensor.As<uint8_t>(), plain);
  }
  throw InternalError("unknown dtype");
}

}  // namespace

std::string DTypeName(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return "F64";
    case DType::kF32:
      return "F32";
    case DType::kBF16:
      return "BF16";
    case DType::kF16:
      return "F16";
    case DType::kI64:
      return "I64";
    case DType::kI32:
      return "I32";
    case DType::kU8:
      return "U8";
  }
  throw InternalError("unknown dtype");
}

int64_t DTypeBytes(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kBF16:
    case DType::kF16:
      return 2;
    case DType::kU8:
      return 1;
  }
  throw InternalError("unknown dtype");
}

int64_t HostTensor::NumElements() const {
  int64_t count = 1;
  for (const int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count)) {
      throw InvalidError("tensor shape with a negative or absurd extent " +
                         std::to_string(extent));
    }
  }
  return count;
}

bool IsFloating(DType dtype) {
  return dtype == DType::kF64 || dtype == DType::kF32 ||
         dtype == DType::kBF16 || dtype == DType::kF16;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (const int64_t extent : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(extent);
  }
  return text + "]";
}

namespace {

// A floating value is finite unless every exponent bit is set.
template <typename Bits>
int64_t FirstWithExponent(const HostTensor& tensor, Bits exponent) {
  const Bits* data = tensor.As<Bits>();
  for (int64_t i = 0, n = tensor.NumElements(); i < n; ++i) {
    if ((data[i] & exponent) == exponent) return i;
  }
  return -1;
}

}  // namespace

int64_t FirstNonFinite(const HostTensor& tensor) {
  switch (tensor.dtype) {
    case DType::kF64:
      return FirstWithExponent<uint64_t>(tensor, 0x7ff0000000000000);
    case DType::kF32:
      return FirstWithExponent<uint32_t>(tensor, 0x7f800000);
    case DType::kBF16:
      return FirstWithExponent<uint16_t>(tensor, 0x7f80);
    case DType::kF16:
      return FirstWithExponent<uint16_t>(tensor, 0x7c00);
    default:
      return -1;
  }
}

HostTensor HostTensor::FromF32(std::vector<int64_t> shape,
                               const std::vector<float>& values) {
  return From(DType::kF32, std::move(shape), values);
}

HostTensor HostTensor::FromF64(std::vector<int64_t> shape,
                               const std::vector<double>& values) {
  return From(DType::kF64, std::move(shape), values);
}

HostTensor HostTensor::FromI32(std::vector<int64_t> shape,
                               const std::vector<int32_t>& values) {
  return From(DType::kI32, std::move(shape), values);
}

std::vector<double> ToDoubles(const HostTensor& tensor) {
  std::vector<double> values(static_cast<size_t>(tensor.NumElements()));
  ForEach(tensor, [&](int64_t i, double value) { values[i] = value; });
  return values;
}

HostTensor Convert(const HostTensor& tensor, DType dtype) {
  if (!IsFloating(tensor.dtype) || !IsFloating(dtype)) {
    throw InvalidError("cannot convert " + DTypeName(tensor.dtype) + " to " +
                       DTypeName(dtype) + ": floating dtypes only");
  }
  if (tensor.dtype == dtype) return tensor;
  HostTensor result{dtype, tensor.shape, {}};
  result.bytes.resize(
      static_cast<size_t>(tensor.NumElements() * DTypeBytes(dtype)));
  if (tensor.dtype == DType::kF32 && dtype == DType::kBF16) {
    auto* to = result.As<uint16_t>();
    const auto* from = tensor.As<float>();
    for (int64_t i = 0, n = tensor.NumElements(); i < n; ++i) {
      to[i] = FloatToBf16(from[i]);
    }
    return result;
  }
  const auto fill = [&](auto* to, auto narrow) {
    ForEach(tensor, [=](int64_t i, double value) { to[i] = narrow(value); });
  };
  switch (dtype) {
    case DType::kF64:
      fill(result.As<double>(), [](double v) { return v; });
      break;
    case DType::kF32:
      fill(result.As<float>(), [](double v) { return static_cast<float>(v); });
      break;
    case DType::kBF16:
      fill(result.As<uint16_t>(), DoubleToBf16);
      break;
    default:
      fill(result.As<uint16_t>(), DoubleToF16);
      break;
  }
  return result;
}

}  // namespace plastometer
