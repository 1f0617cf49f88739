#include "harness/studies/mean_state.h"

#include <map>
#include <string>

#include "base/error.h"
#include "base/interrupt.h"
#include "model/weights/mean_state.h"

namespace plastometer {
namespace {

// "model/h/3/seq_modeling_block/ttt_dense_0" -> "final_state.3.W1"
std::string StateName(const std::string& canonical) {
  const size_t layer = std::string("model/h/").size();
  const bool dense = canonical.find("/ttt_dense_") != std::string::npos;
  return "final_state." +
         canonical.substr(layer, canonical.find('/', layer) - layer) +
         (dense ? ".W" : ".b") + (canonical.back() == '0' ? "1" : "2");
}

}  // namespace

TensorMap MeanFinalState(
    const Model& model, const Profile& profile,
    const std::vector<Window>& windows,
    const std::function<void(int64_t done, int64_t total)>& progress) {
  if (windows.empty()) throw InvalidError("there is no window to take a mean");
  const std::vector<ParameterSpec> specs = FastWeightSpecs(model.config());
  std::map<std::string, std::vector<double>> sums;
  const auto total = static_cast<int64_t>(windows.size());
  for (int64_t w = 0; w < total; ++w) {
    ThrowIfInterrupted();
    const ForwardResult result =
        model.Score(windows[w].ids, 1, profile, {.final_state = true});
    for (const ParameterSpec& spec : specs) {
      const std::vector<double> values =
          ToDoubles(result.state.at(StateName(spec.name)));
      std::vector<double>& sum = sums[spec.name];
      sum.resize(values.size());
      for (size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
    }
    if (progress) progress(w + 1, total);
  }
  TensorMap mean;
  for (const ParameterSpec& spec : specs) {
    std::vector<float> values;
    for (const double sum : sums[spec.name])
      values.push_back(static_cast<float>(sum / static_cast<double>(total)));
    mean[spec.name] = HostTensor::FromF32(spec.shape, values);
  }
  return mean;
}

}  // namespace plastometer
