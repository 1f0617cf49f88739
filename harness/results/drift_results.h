// What a drift probe measured: how far a model that has read `position` tokens
// is from the model that has read none, on text that neither learns from.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/results/summary.h"
#include "harness/stats/bootstrap.h"

namespace plastometer {

struct DriftProfile {
  std::string name;
  std::vector<std::string> same_as;
  std::string plastic_layers;
};

struct DriftContext {
  std::string source, domain, work, document;
  int64_t first_token = 0;
};

// One context, read under one profile up to one position. Sums over the
// predictions of the probe text.
struct DriftPoint {
  double kl = 0;          // KL(p_W0 || p_Wt), nats
  double js = 0;          // Jensen-Shannon, nats
  double nll_change = 0;  // loss under W_t minus loss under W_0, nats
  int64_t flips = 0;      // another most probable token
  // [L, H]: ||W_t - W_0||_F / ||W_0||_F over a head's matrices (not biases),
  // as `state_distance` (docs/statistics.md). NaN where W_0 is 0.
  std::vector<double> weight_distance;
};

struct DriftRecord {
  std::string model_name, model_sha256, tokenizer_sha256, lane;
  std::string data_name, data_sha256, probe_name, probe_sha256;
  int64_t seed = 0;  // of the resampling behind the intervals
  std::vector<std::string> notes;
  int64_t num_layers = 0, num_heads = 0;
  int64_t probe_windows = 0, probe_works = 0;
  int64_t probe_predictions = 0;  // of all probe windows
  double probe_nll = 0;           // their loss under W_0, nats
  std::vector<int64_t> positions;
  std::vector<DriftProfile> profiles;
  std::vector<DriftContext> contexts;
  std::vector<DriftPoint> points;  // [profile][position][context]

  std::span<const DriftPoint> At(size_t profile, size_t position) const {
    return std::span(points).subspan(
        (profile * positions.size() + position) * contexts.size(),
        contexts.size());
  }
  int64_t num_works() const;  // of the contexts
};

// One profile at one position: means over contexts, intervals over their
// independent works (given the probe text).
struct DriftRow {
  Measured kl, js, nll_change;  // nats a prediction
  Measured flips;               // share of predictions
  Measured weight_distance;     // mean over layers and heads
  // The same less the first profile's at this position, paired by work.
  Measured kl_against_first;
  std::vector<double> layer_distance;  // [L] mean over heads and contexts
};

// Index of the profile of this name, or with this other name.
std::optional<size_t> FindProfile(const DriftRecord& record,
                                  std::string_view name);

// KL of profile a less that of b after positions[position] tokens, nats a
// prediction, by work of the contexts; `domain` "all" or one of theirs.
std::vector<stats::WorkTotals> KlDifferences(const DriftRecord& record,
                                             size_t a, size_t b,
                                             size_t position,
                                             const std::string& domain = "all");

// [profile][position]. Throws kInternal when points are missing.
std::vector<std::vector<DriftRow>> SummariseDrift(const DriftRecord& record);

}  // namespace plastometer
