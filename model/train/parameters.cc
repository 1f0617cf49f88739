#include "model/train/parameters.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "model/train/random.h"
#include "model/weights/parameter_specs.h"

namespace plastometer::train {
namespace {

// Standard normal cut at two deviations, as flax's variance_scaling draws it.
double TruncatedNormal(Random& random) {
  for (;;) {
    const double x = random.Normal();
    if (std::abs(x) <= 2.0) return x;
  }
}
constexpr double kTruncatedDeviation = 0.87962566103423978;

}  // namespace

Parameters::Parameters(const ModelConfig& config) {
  for (const ParameterSpec& spec : ParameterSpecs(config)) {
    ParameterSlot slot{spec.name, spec.shape, count_, 1, spec.role};
    for (const int64_t size : spec.shape) slot.count *= size;
    // Every tensor starts on a cache line.
    count_ += (slot.count + 15) / 16 * 16;
    slots_.push_back(slot);
  }
  values_ = at::zeros({count_}, at::kFloat);
  for (const ParameterSlot& slot : slots_) {
    at::Tensor leaf =
        values_.narrow(0, slot.begin, slot.count).view(slot.shape).detach();
    leaf.set_requires_grad(true);
    leaves_[slot.name] = leaf;
  }
}

void Parameters::Initialize(const ModelConfig& config, uint64_t seed) {
  Random random(seed);
  for (const ParameterSlot& slot : slots_) {
    float* values = data() + slot.begin;
    const double conv_scale =
        1.0 / std::sqrt(static_cast<double>(config.conv_width)) /
        kTruncatedDeviation;
    for (int64_t i = 0; i < slot.count; ++i) {
      double value = 0;
      switch (slot.role) {
        case ParameterRole::kZero:
          break;
        case ParameterRole::kNormScale:
          value = 1;
          break;
        case ParameterRole::kMatrix:
        case ParameterRole::kUndecayedMatrix:
          value = random.Normal() * config.initializer_range;
          break;
        case ParameterRole::kConvolution:
          value = TruncatedNormal(random) * conv_scale;
          break;
      }
      values[i] = static_cast<float>(value);
    }
  }
}

void Parameters::Assign(const TensorMap& tensors) {
  for (const ParameterSlot& slot : slots_) {
    const auto found = tensors.find(slot.name);
    if (found == tensors.end() || found->second.shape != slot.shape) {
      throw InvalidError("parameter '" + slot.name +
                         "' is missing or has another shape");
    }
    const std::vector<double> values = ToDoubles(found->second);
    std::transform(values.begin(), values.end(), data() + slot.begin,
                   [](double x) { return static_cast<float>(x); });
  }
}

TensorMap Parameters::ToHost(DType dtype) const {
  TensorMap tensors;
  for (const ParameterSlot& slot : slots_) {
    const float* begin = data() + slot.begin;
    tensors[slot.name] =
        Convert(HostTensor::FromF32(
                    slot.shape, std::vector<float>(begin, begin + slot.count)),
                dtype);
  }
  return tensors;
}

}  // namespace plastometer::train
