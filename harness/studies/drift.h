// The drift probe: a model reads a text under a profile; at some tokens its
// fast weights are taken, and with these frozen it reads other text.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "datasets/corpus.h"
#include "harness/results/drift_results.h"
#include "harness/run/plan.h"
#include "model/model.h"

namespace plastometer {

struct DriftRequest {
  std::vector<PlannedProfile> profiles;
  // Tokens read when the state is taken: ascending multiples of 16 (fast
  // weights are carried on after full mini-batches); 0 is W_0.
  std::vector<int64_t> positions;
  int64_t batch_size = 8;  // windows that advance together
};

// "128,256" as numbers. Throws kUsage for what DriftRequest does not allow.
void CheckPositions(const std::vector<int64_t>& positions);

// Windows with at least `tokens` tokens, cut to that length; a note says how
// many were left out.
std::vector<Window> WindowsThatReach(const std::vector<Window>& windows,
                                     int64_t tokens, const std::string& what,
                                     std::vector<std::string>& notes);

// The first `per_domain` windows of each domain among those whose work is not
// one of the contexts'; 0: all.
std::vector<Window> OtherWorks(const std::vector<Window>& windows,
                               const std::vector<Window>& contexts,
                               int64_t per_domain);

// Fills sizes, profiles, positions, contexts, probe and points of the record.
// Every probe window is read with fresh convolution histories, under `frozen`:
// nothing that the probe reads is learned. Contexts and probes are windows of
// one length each. In a portable lane the same bits for any number of threads
// and any batch size. Throws kInvalid without windows, Interrupted.
DriftRecord MeasureDrift(
    const Model& model, const DriftRequest& request,
    const std::vector<Window>& contexts, const std::vector<Window>& probes,
    const std::function<void(int64_t done, int64_t total)>& progress = {});

// kl, js, nll_change, flips [profile, position, context], weight_distance [...,
// layer, head], positions: all points, for notebooks.
TensorMap DriftTensors(const DriftRecord& record);

}  // namespace plastometer
