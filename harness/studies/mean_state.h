// The mean of the fast weights after windows of text: where start=mean begins.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "datasets/corpus.h"
#include "model/model.h"

namespace plastometer {

// Every window is read with a fresh state under `profile`; its fast weights
// after the last full mini-batch count as much as any other's. Sums in fp64, in
// the order of the windows; fp32 under the canonical names of W0. Throws
// kInvalid without a window, Interrupted.
TensorMap MeanFinalState(
    const Model& model, const Profile& profile,
    const std::vector<Window>& windows,
    const std::function<void(int64_t done, int64_t total)>& progress = {});

}  // namespace plastometer
