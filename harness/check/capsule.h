// A failed case cut down to what reproduces it: the tokens up to a little after
// the first divergence, what was expected of them, and what came.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/golden/compare.h"
#include "harness/results/case.h"

namespace plastometer {

struct Capsule {
  CasePins pins;
  std::string lane, numeric_class;
  std::string model_file;  // as the run found it; checked by hash
  int64_t window_idx = 0;
  std::vector<int32_t> ids;
  Trace expected, actual;  // one window each, of `ids` only
};

// At least 64 tokens, and 16 beyond the divergence. nullopt when the window is
// not traced: then the golden does not say what it expected of a token.
std::optional<Capsule> MakeCapsule(const Golden& golden,
                                   const Golden& candidate,
                                   const Divergence& divergence,
                                   const std::vector<int32_t>& window_ids,
                                   const std::string& model_file);
std::string CapsuleJson(const Capsule& capsule);
Capsule ParseCapsule(std::string_view text, const std::string& source);

}  // namespace plastometer
