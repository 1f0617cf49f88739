// One canonical name for a parameter, and what others call it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/host_tensor.h"
#include "model/mixers/spec.h"

namespace plastometer {

// A shape of the wrong rank is returned unchanged: the comparison with the
// expected shape then reports it.
std::vector<int64_t> TransformedShape(const std::vector<int64_t>& shape,
                                      Transform transform);
HostTensor Transformed(const HostTensor& tensor, Transform transform);

struct ForeignName {
  std::string name;
  Transform transform;
};

// "model.layers.0.mlp.up_proj.weight" <-> "model/h/0/feed_forward/w3/kernel";
// nullopt for a name that no TTT model has.
std::optional<ForeignName> TorchToCanonical(const std::string& torch_name);
std::optional<ForeignName> CanonicalToTorch(const std::string& canonical_name);

// The key components of the flax stream. "ttt_norm/scale" and its three
// siblings are ONE component with a slash inside.
std::vector<std::string> FlaxKey(const std::string& canonical_name);

}  // namespace plastometer
