#include "harness/studies/mean_state.h"

#include <map>
#include <string>

#include "base/error.h"
#include "base/interrupt.h"
#include "model/weights/parameter_specs.h"

namespace plastometer {
TensorMap MeanFinalState(
    const Model& model, const Profile& profile,
    const std::vector<Window>& windows,
    const std::function<void(int64_t done, int64_t total)>& progress) {
  if (windows.empty()) throw InvalidError("there is no window to take a mean");
  const ModelConfig& config = model.config();
  const std::vector<FastWeightSpec> weights = FastWeightsOf(config);
  std::map<std::string, std::vector<double>> sums;  // by canonical name of W0
  const auto total = static_cast<int64_t>(windows.size());
  for (int64_t w = 0; w < total; ++w) {
    ThrowIfInterrupted();
    const ForwardResult result =
        model.Score(windows[w].ids, 1, profile, {.final_state = true});
    for (int64_t l = 0; l < config.num_layers; ++l) {
      for (const FastWeightSpec& weight : weights) {
        const std::vector<double> values =
            ToDoubles(result.state.at(StateName(l, weight)));
        std::vector<double>& sum = sums[MixerPrefix(l) + weight.initial];
        sum.resize(values.size());
        for (size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
      }
    }
    if (progress) progress(w + 1, total);
  }
  TensorMap mean;
  for (const ParameterSpec& spec : InitialFastWeights(config)) {
    std::vector<float> values;
    for (const double sum : sums[spec.name])
      values.push_back(static_cast<float>(sum / static_cast<double>(total)));
    mean[spec.name] = HostTensor::FromF32(spec.shape, values);
  }
  return mean;
}

}  // namespace plastometer
