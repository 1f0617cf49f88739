// Plasticity profiles: one multiplier lambda >= 0 a layer, optionally scheduled
// over inner mini-batches.
//
// Grammar (docs/profiles.md):
//
//   profile  := shape (";" (schedule | control))*
//   shape    := name ["@" scale] | "layers:" range ("," range)*
//             | "ramp:" scale "->" scale | "file:" PATH
//             | "every:" period "->" period | "every:" N ("," N)*
//   name     := "uniform" | "frozen" | "retina" | "cortex" | "early:" count
//             | "late:" count | "random:" count "#" SEED
//   count    := K | P "%"
//   range    := (layer | first "-" last) ["@" scale]
//   schedule := "until=TOKENS" | "every=N"
//   control  := "eta=flip" | "eta=shuffle" | "reset=TOKENS"
//             | "reset-every=TOKENS" | "start=mean"
//
// `every:a->b` is multi-timescale: the period of layer l is 2^floor(log2 a +
// (log2 b - log2 a) l / (L - 1) + 1/2), a and b powers of two; a list names
// each layer's.
//
// theta_l(t+1) = theta_l(t) - (eta * lambda_l) * grad L.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/counters.h"

namespace plastometer {

// Of a layer's multiplier: what lies above is no step of any use, and soon not
// fp32's.
inline constexpr double kMaxScale = 1e9;

// One layer's multiplier over time: `lambda` in mini-batches m with m % every
// == 0 and 16 m < until_tokens, else 0.
struct LayerSchedule {
  double lambda = 1.0;
  int64_t until_tokens = -1;  // -1: for ever; else a multiple of 16
  int64_t every = 1;
  // When not empty: lambda of mini-batch m, 0 beyond the end; the fields above
  // are ignored.
  std::vector<double> explicit_lambdas = {};

  double At(int64_t mini_batch) const;
  bool EverPlastic() const;
  bool operator==(const LayerSchedule&) const = default;
};

enum class Eta {
  kLearned,
  // Gradient ascent: the sign of eta is changed.
  kFlipped,
  // Learned rates of the mini-batch before (model/mixers/ttt/gate_shuffle.h).
  kShuffled,
};

// What a profile changes beside the multipliers, in all layers that learn.
struct Controls {
  Eta eta = Eta::kLearned;
  // Before this token is read the fast weights go back to where the sequence
  // started; 0: never, else a multiple of 16. Convolution histories stay.
  int64_t reset_tokens = 0;
  bool reset_repeats = false;  // and again every reset_tokens
  bool start_mean = false;     // at the mean trained-text state, not at W0

  bool ResetsAt(int64_t token) const;
  // ";eta=flip;reset=512;start=mean", in this order; "" without controls.
  std::string ToText() const;
  bool operator==(const Controls&) const = default;
};

class Profile {
 public:
  // Throws kUsage naming the profile, the offending part and what was expected:
  // unknown name, layer outside the model, empty range, layer named twice,
  // negative or non-finite scale, `until` not a multiple of 16, `every` < 1 or
  // given twice, a period over depth that is no power of two, a list of periods
  // of another length, `reset` not a positive multiple of 16.
  static Profile Parse(const std::string& text, int64_t num_layers);
  // From explicit schedules, one a layer (tests, JSON).
  Profile(std::string name, std::vector<LayerSchedule> layers,
          Controls controls = {});

  const std::string& name() const { return name_; }
  int64_t num_layers() const { return static_cast<int64_t>(layers_.size()); }
  const LayerSchedule& layer(int64_t l) const { return layers_[l]; }
  const Controls& controls() const { return controls_; }
  // Negative under eta=flip.
  double Lambda(int64_t layer, int64_t mini_batch) const {
    const double lambda = layers_[layer].At(mini_batch);
    return controls_.eta == Eta::kFlipped && lambda > 0 ? -lambda : lambda;
  }
  int64_t NumPlasticLayers() const;
  // "0-4", "none", "all", "0,3-5": layers that are plastic at any time.
  std::string PlasticLayers() const;
  // And the same controls: both names are one measurement.
  bool SameMultipliers(const Profile& other) const {
    return layers_ == other.layers_ && controls_ == other.controls_;
  }

 private:
  std::string name_;
  std::vector<LayerSchedule> layers_;
  Controls controls_;
};

}  // namespace plastometer
