#include "tests/model/ops/portable/testing.h"

#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdio>

namespace plastometer::portable {
namespace {

std::string Hex(float value) {
  char text[64];
  std::snprintf(text, sizeof text, "%a (%08x)", static_cast<double>(value),
                std::bit_cast<uint32_t>(value));
  return text;
}

bool Same(float a, float b) {
  if (std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b)) return true;
  return !std::isfinite(a) && !std::isfinite(b);
}

}  // namespace

int64_t Random::Integer(int64_t low, int64_t high) {
  return low +
         static_cast<int64_t>(bits_() % static_cast<uint64_t>(high - low + 1));
}

float Random::Uniform(float low, float high) {
  return low + (high - low) * (static_cast<float>(bits_() >> 40) * 0x1p-24F);
}

float Random::Value(Kind kind) {
  switch (kind) {
    case Kind::kSubnormal:
      return std::ldexp(Uniform(-1, 1), static_cast<int>(Integer(-149, -120)));
    case Kind::kHuge:
      return Uniform(-1, 1) * (Integer(0, 2) == 0 ? 1e9F : 1);
    case Kind::kWide: {
      const auto value = std::bit_cast<float>(static_cast<uint32_t>(bits_()));
      return std::isfinite(value) ? value : FLT_MAX;
    }
    case Kind::kZeros:
      return Integer(0, 9) == 0 ? Uniform(-1, 1)
                                : (Integer(0, 1) == 0 ? 0.0F : -0.0F);
    default:
      return Uniform(-1, 1);
  }
}

judge::Values Random::Array(Kind kind, int64_t n) {
  judge::Values values(n);
  for (int64_t i = 0; i < n; ++i) {
    values[i] = Value(kind);
    if (i == 0) continue;
    if (kind == Kind::kConstant) values[i] = values[0];
    if (kind == Kind::kCancelling && i % 2 == 1) {
      values[i] = -values[i - 1];
      if (Integer(0, 3) == 0) values[i] = std::nextafter(values[i], 2.0F);
    }
  }
  return values;
}

judge::Values Random::Uniforms(float low, float high, int64_t n) {
  judge::Values values(n);
  for (float& value : values) value = Uniform(low, high);
  return values;
}

judge::Matrix Random::MatrixOf(Kind kind, int64_t num_rows,
                               int64_t num_columns) {
  return {num_rows, num_columns, Array(kind, num_rows * num_columns)};
}

bool SameBits(judge::View expected, judge::View actual,
              const std::string& what) {
  if (expected.size() != actual.size()) {
    ADD_FAILURE() << what << ": " << actual.size() << " values, expected "
                  << expected.size();
    return false;
  }
  size_t num_different = 0, first = 0;
  for (size_t i = expected.size(); i-- > 0;) {
    if (Same(expected[i], actual[i])) continue;
    ++num_different;
    first = i;
  }
  if (num_different == 0) return true;
  ADD_FAILURE() << what << ": " << num_different << " of " << expected.size()
                << " values differ, first at [" << first
                << "]: " << Hex(actual[first]) << ", judge "
                << Hex(expected[first]);
  return false;
}

std::string KindName(Kind kind) {
  static const char* const names[kNumKinds] = {
      "ordinary",   "subnormal", "huge",    "wide",
      "cancelling", "zeros",     "constant"};
  return names[static_cast<int>(kind)];
}

std::string Describe(
    const std::string& op, const Kernels& table,
    std::initializer_list<std::pair<const char*, int64_t>> shape) {
  std::string text = op + " " + table.isa;
  for (const auto& [name, value] : shape)
    text += std::string(" ") + name + "=" + std::to_string(value);
  return text;
}

}  // namespace plastometer::portable
