#include "model/mixers/mixer.h"

#include "base/error.h"
#include "model/mixers/ttt/layer.h"

namespace plastometer {

std::shared_ptr<Mixer> MakeMixer(const ModelConfig& config,
                                 const ParameterGetter& get) {
  switch (config.inner_model) {
    case InnerModel::kLinear:
    case InnerModel::kMlp:
      return MakeTttMixer(config, get);
  }
  throw InternalError("mixer without layer code: " +
                      ToString(config.inner_model));
}

MixerState FreshMixerState(const ModelConfig& config, int64_t num_sequences,
                           const at::TensorOptions& options) {
  MixerState state;
  if (MixerSpecOf(config).cost(config).history > 0)
    state.history =
        at::zeros({num_sequences, kHistoryRows, config.hidden_size}, options);
  return state;
}

at::Tensor NextHistory(const at::Tensor& history, const at::Tensor& x) {
  const int64_t T = x.size(1);
  // A copy: a view would keep the whole activation alive.
  if (T >= kHistoryRows)
    return x.narrow(1, T - kHistoryRows, kHistoryRows).clone();
  return at::cat({history.narrow(1, T, kHistoryRows - T), x}, 1);
}

}  // namespace plastometer
