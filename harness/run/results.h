// What a run measured, as plain values: RunRecord is the raw material, Results
// what the reports print.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/cost/cost.h"

namespace plastometer {

using TokenRanges = std::vector<std::pair<int64_t, int64_t>>;

// Of a generated task: sums of -ln p under its exact law (docs/synthetic.md).
struct FloorRecord {
  std::optional<double> scored_nats;  // over the scored tokens; missing where
                                      // one of them has no exact law
  // Over every token but the first that has one, for the leak check.
  TokenRanges exact;
  double exact_nats = 0;
  // scored_nats within each octave of positions; NaN where it is not known.
  // Empty: not recorded.
  std::vector<double> scored_by_octave = {};
};

// Octaves of positions: [1, 8), [8, 16), [16, 32), ...
constexpr int64_t OctaveBegin(size_t octave) {
  return octave == 0 ? 1 : int64_t{4} << octave;
}
constexpr size_t NumOctaves(int64_t num_tokens) {
  size_t octaves = 0;
  while (OctaveBegin(octaves) < num_tokens) ++octaves;
  return octaves;
}

struct WindowRecord {
  std::string source, domain, work, document;
  int64_t first_token = 0;
  int64_t num_tokens = 0;    // T; T - 1 of them are scored
  int64_t scored_bytes = 0;  // text of the scored tokens
  int64_t loss_begin =
      0;  // where this window's T - 1 losses begin in ProfileRecord::nll
  // Tokens whose loss counts, as half-open ranges in [1, T); none: all.
  TokenRanges scored = {};
  std::string condition = {};  // datasets/context_probe.h; empty: none
  FloorRecord floor = {};

  int64_t num_scored() const;
};

// One batch under one profile. The warm-up is not among them.
struct BatchTime {
  int64_t tokens = 0;
  double seconds = 0;  // around the model only
};

struct ProfileRecord {
  std::string name;
  std::vector<std::string> same_as;  // further names that were asked for and
                                     // have the same multipliers
  bool asked = true;                 // false: measured for comparison only
  std::string plastic_layers;
  std::vector<double> nll;            // windows in order
  std::vector<uint8_t> correct = {};  // beside nll, or empty: not measured
  std::vector<Counters> counters;     // one a window
  std::vector<double>
      window_seconds;  // a batch's time shared equally among its windows
  std::vector<BatchTime>
      times;  // by batch; batch i is the same batch in every profile

  void Resize(size_t num_losses, size_t num_windows, size_t num_batches) {
    nll.resize(num_losses);
    counters.resize(num_windows);
    window_seconds.resize(num_windows);
    times.resize(num_batches);
  }
};

// How the model was made, as its file says; an empty profile: it does not say.
struct TrainingRecord {
  std::string profile;  // plastic while it learned
  int64_t seed = 0;
  std::string initial_sha256;  // of the model it went on from; empty: none
};

// The generated task that the windows are of; no name: text. Documents are the
// held-out ones from the first on, one a window.
struct TaskRecord {
  std::string name, parameters_json = "{}";
  int64_t seed = 1;
};

struct RunRecord {
  std::string version, started_utc;
  std::string model_name, model_path, model_sha256;
  std::string model_config_json;
  int64_t model_context_tokens = 0;  // tokens of a training window
  TrainingRecord training;
  TaskRecord task;
  std::string tokenizer_name, tokenizer_sha256;
  std::string data_name, data_sha256;
  std::string lane;
  int64_t num_threads = 0, context_tokens = 0, batch_size = 0, seed = 0;
  double wall_seconds = 0;         // the whole run
  int64_t peak_memory_bytes = -1;  // of the process; -1: unknown
  std::vector<std::string> notes;
  // Whether the most probable token came is known beside each loss.
  bool accuracy = false;
  std::vector<WindowRecord> windows;
  std::vector<ProfileRecord> profiles;
  size_t uniform_idx = 0, frozen_idx = 0;
};

// Index of the profile of this name, or with this other name.
std::optional<size_t> FindProfile(const RunRecord& record,
                                  std::string_view name);

// A number or the reason why there is none.
struct Measured {
  std::optional<double> value;
  std::optional<double> low, high;  // 95 %, resampled by work
  std::string reason;               // why value or interval is missing
};

// The four costs of the Pareto marks.
inline constexpr const char* kParetoCosts[] = {
    "flops", "inner_updates", "ms_per_1k_tokens", "adaptive_state_bytes"};

// One profile on one slice: a row.
struct CaseResult {
  std::string profile;
  std::vector<std::string> same_as;
  bool asked = true;
  std::string plastic_layers;
  double nll_sum = 0, nll_nats = 0,
         perplexity = 0;  // NaN or infinite when the profile diverged
  std::optional<double> bits_per_byte;  // missing when the bytes are unknown
  Measured nll;                         // nll_nats with its interval
  Measured lost;                        // nats per token lost against uniform
  Measured retention;    // (L_frozen - L_p) / (L_frozen - L_uniform)
  Measured above_floor;  // nats per token above the task's Bayes loss
  Measured accuracy;     // share of the scored tokens that were most probable
  Counters counters;
  std::optional<double> updates_saved,
      flops_saved;  // shares of what uniform spends
  double flops_per_token = 0;
  double seconds = 0;
  Measured ms_per_1k_tokens;  // median over batches; low and high are the
                              // quartiles; only for all slices together
  std::map<std::string, std::optional<bool>>
      pareto;  // by cost: not dominated; missing when unknown
};

struct SliceResult {
  std::string name;  // "all" or a domain
  int64_t num_windows = 0, num_documents = 0, num_works = 0;
  int64_t tokens = 0, scored_tokens = 0, scored_bytes = 0;
  std::optional<double> floor_nats;  // per scored token, of a generated task
  std::vector<CaseResult> cases;     // in the order of RunRecord::profiles
};

// Mean loss of the tokens [from, to) of a window, over the windows that all
// reach the last bin.
struct PositionBin {
  int64_t from = 0, to = 0;
  int64_t scored_tokens = 0;
  std::vector<double> nll_nats;  // one a profile
};

// One condition of a context probe; paired by work with the first condition.
struct ConditionResult {
  std::string name;
  int64_t num_windows = 0, num_works = 0, scored_tokens = 0;
  struct Row {  // of one profile, nats per scored token
    Measured nll;
    Measured change;  // against the first condition, same profile
    // The same less what `frozen` changes: what the learning layers make of
    // the context, beyond convolutions and position.
    Measured change_beyond_frozen;
  };
  std::vector<Row> rows;  // in the order of RunRecord::profiles
  // By place in the scored text: nll[bin][profile].
  std::vector<PositionBin> positions;
};

// One reader of A, B, A' (harness/run/continual.h), with intervals by document.
struct ContinualRow {
  std::string name;
  Measured loss;               // nats per token of A'
  Measured above_remembering,  // less the exact losses of the two agents
      above_resetting;
  Measured transfer;  // backward: loss at the end of A less that at the
                      // beginning of A'; below 0: forgotten
  Measured recovery;  // tokens of A' until the excess is as at the end of A
};

struct ContinualResult {
  int64_t away = 0, back = 0, num_tokens = 0;  // A [1, away), B, A' [back, T)
  int64_t num_works = 0;
  // The remembering agent, the resetting one, then the profiles in the order of
  // RunRecord::profiles.
  std::vector<ContinualRow> rows;
};

struct Results {
  RunRecord record;
  SliceResult all;
  std::vector<SliceResult> domains;  // in order of appearance
  std::vector<PositionBin> positions;
  int64_t num_position_windows = 0;
  std::vector<ConditionResult> conditions;   // empty: no context probe
  std::optional<ContinualResult> continual;  // of the task forgetting
};

constexpr int64_t kMinWorks =
    12;  // an interval needs this many; fewer: estimates only
constexpr int64_t kMinWorksForVerdict = 16;  // a verdict needs this many

// Calls visit(token) for each scored token of the window, in order.
template <class Visit>
void ForEachScored(const WindowRecord& window, const Visit& visit) {
  if (window.scored.empty()) {
    for (int64_t t = 1; t < window.num_tokens; ++t) visit(t);
  }
  for (const auto& [begin, end] : window.scored)
    for (int64_t t = begin; t < end; ++t) visit(t);
}

// Nats of one window's scored tokens, first to last.
double WindowSum(const ProfileRecord& profile, const WindowRecord& window);

// Sums in fp64 in a fixed order: per window, per document, over documents.
Results Summarise(RunRecord record);

}  // namespace plastometer
