// Plasticity profiles: one multiplier lambda >= 0 a layer, optionally scheduled
// over inner mini-batches.
//
// Grammar (docs/profiles.md):
//   profile  := shape [";" option]*           option := "until=TOKENS" |
//   "every=N" shape    := name ["@" scale] | "layers:" range ["@" scale] (","
//   range ["@" scale])* | "ramp:" a "->" b | "file:" PATH name     := uniform |
//   frozen | retina | cortex | early:K | early:P% | late:K | late:P% |
//   random:K#SEED range    := layer | first "-" last
// theta_l(t+1) = theta_l(t) - (eta * lambda_l) * grad L.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace plastometer {

constexpr int64_t kMiniBatchTokens = 16;  // b of the absolute token grid

// One layer's multiplier over time: `lambda` in mini-batches m with m % every
// == 0 and 16 m < until_tokens, else 0.
struct LayerSchedule {
  double lambda = 1.0;
  int64_t until_tokens = -1;  // -1: for ever; else a multiple of 16
  int64_t every = 1;
  std::vector<double> explicit_lambdas =
      {};  // when not empty: lambda of mini-batch m, 0 beyond the end; the
           // fields above are ignored

  double At(int64_t mini_batch) const;
  bool EverPlastic() const;
  bool operator==(const LayerSchedule&) const = default;
};

class Profile {
 public:
  // Throws kUsage naming the profile, the offending part and what was expected:
  // unknown name, layer outside the model, empty range, layer named twice,
  // negative or non-finite scale, `until` not a multiple of 16, `every` < 1.
  static Profile Parse(const std::string& text, int64_t num_layers);
  // From explicit schedules, one a layer (tests, JSON).
  Profile(std::string name, std::vector<LayerSchedule> layers);

  const std::string& name() const { return name_; }
  int64_t num_layers() const { return static_cast<int64_t>(layers_.size()); }
  const LayerSchedule& layer(int64_t l) const { return layers_[l]; }
  double Lambda(int64_t layer, int64_t mini_batch) const {
    return layers_[layer].At(mini_batch);
  }
  int64_t NumPlasticLayers() const;
  // "0-4", "none", "all", "0,3-5": layers that are plastic at any time.
  std::string PlasticLayers() const;
  bool SameMultipliers(const Profile& other) const {
    return layers_ == other.layers_;
  }

 private:
  std::string name_;
  std::vector<LayerSchedule> layers_;
};

}  // namespace plastometer
