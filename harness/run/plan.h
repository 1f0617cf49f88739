// From what was asked for to what is run: profiles without duplicates, batches
// of windows of equal length.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/profile.h"

namespace plastometer {

// "uniform,retina" "layers:0-2@2,5;until=64 late:2": commas and spaces
// separate, except commas inside layers:... and every:...
std::vector<std::string> SplitProfileList(
    const std::vector<std::string>& arguments);

struct PlannedProfile {
  Profile profile;
  // Other names asked for that have the same multipliers.
  std::vector<std::string> same_as;
  bool asked = true;
};

struct ProfilePlan {
  std::vector<PlannedProfile> profiles;
  size_t uniform_idx = 0, frozen_idx = 0;
};

// Equal multipliers become one entry; uniform and frozen are added where
// missing (retention needs both). Throws kUsage.
ProfilePlan PlanProfiles(const std::vector<std::string>& names,
                         int64_t num_layers);

struct Batch {
  std::vector<size_t> window_idx;
  int64_t num_tokens = 0;  // of each window
};

// Windows of one length go together, longest first, otherwise in their order.
std::vector<Batch> PlanBatches(const std::vector<int64_t>& window_tokens,
                               int64_t batch_size);

}  // namespace plastometer
