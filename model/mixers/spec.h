// What a mixer says of itself without tensors: its parameters, the fast weights
// that it learns while it reads, and what both cost. Parameter lists, foreign
// names, statistics, digests, the mean state and the formulas of cost are read
// off these answers. A mixer's layer code stands beside its spec (mixer.h).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/config.h"

namespace plastometer {

// How a parameter is drawn before training, and whether it decays there.
enum class ParameterRole {
  kZero,
  kNormScale,        // ones
  kMatrix,           // normal of the config's initializer_range; decays
  kUndecayedMatrix,  // the same without decay
  kConvolution,      // lecun-normal
};

struct ParameterSpec {
  // Canonical: the JAX key path below params/params joined with '/'. A mixer's
  // own are below model/h/<layer>/seq_modeling_block/.
  std::string name;
  // JAX shapes: dense kernels are [in, out], convolutions [4, 1, D].
  std::vector<int64_t> shape;
  ParameterRole role = ParameterRole::kZero;
};

// How a tensor changes between the JAX and the PyTorch layout. Each undoes
// itself.
enum class Transform {
  kCopy,
  kSwapLastTwo,  // [in, out] <-> [out, in];  [H, D, 1] <-> [H, 1, D]
  kReverse       // [4, 1, D] <-> [D, 1, 4]
};

struct TorchName {
  const char *canonical, *torch;
  Transform transform;
};

// One tensor that learns, of one sequence in one layer.
struct FastWeightSpec {
  std::string name;            // in statistics and states: "W1"
  std::string initial;         // the mixer's parameter that it starts from
  std::vector<int64_t> shape;  // [H, ...]
  // Distances from the start are taken over the matrices, not over biases.
  bool is_matrix = false;
};

// Of one layer, all heads.
struct MixerCost {
  // FLOPs.
  int64_t fixed = 0;         // of a token, whatever the profile says
  int64_t plastic = 0;       // of a plastic token before the scan
  int64_t scan_token = 0;    // of a plastic token in the scan
  int64_t frozen_token = 0;  // of a frozen token in its place
  int64_t update = 0;        // of an applied mini-batch
  // fp32 elements that the inner loop reads and writes for a token.
  int64_t plastic_traffic = 0, frozen_traffic = 0;
  // fp32 elements kept between two tokens: always, and beside the fast weights
  // where they learn.
  int64_t history = 0, open_rows = 0;
};

struct MixerSpec {
  InnerModel kind;
  const char* title;  // for people: "TTT-Linear"
  // A parameter that no other mixer has, by which a checkpoint is known; null:
  // a checkpoint with none of the others'.
  const char* mark;
  std::span<const TorchName> torch_names;
  std::vector<ParameterSpec> (*parameters)(const ModelConfig&);  // file order
  std::vector<FastWeightSpec> (*fast_weights)(const ModelConfig&);
  MixerCost (*cost)(const ModelConfig&);
  // Whether the portable and native arithmetics have kernels for it; otherwise
  // their lanes refuse it.
  bool has_kernels = false;
};

std::span<const MixerSpec> MixerSpecs();
const MixerSpec& MixerSpecOf(const ModelConfig& config);
std::vector<FastWeightSpec> FastWeightsOf(const ModelConfig& config);

// "model/h/3/seq_modeling_block/"
std::string MixerPrefix(int64_t layer);
// "final_state.3.W1": a fast weight in a file of states.
std::string StateName(int64_t layer, const FastWeightSpec& weight);

// Element-wise constants of the table in docs/counters.md, FLOPs per element.
constexpr int64_t kRopeFlops = 3, kPostGateFlops = 19;

}  // namespace plastometer
