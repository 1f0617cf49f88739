// What a run measured, as plain values: the raw material of everything that is
// said about it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counters.h"

namespace plastometer {

using TokenRanges = std::vector<std::pair<int64_t, int64_t>>;

// Of a generated task: sums of -ln p under its exact law (docs/synthetic.md).
struct FloorRecord {
  // Over the scored tokens; missing where one of them has no exact law.
  std::optional<double> scored_nats;
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
  // Where this window's T - 1 losses begin in ProfileRecord::nll.
  int64_t loss_begin = 0;
  // Tokens whose loss counts, as half-open ranges in [1, T); none: all.
  TokenRanges scored = {};
  std::string condition = {};  // datasets/context_probe.h; empty: none
  FloorRecord floor = {};

  int64_t num_scored() const;
};

// What one batch under one profile took. The warm-up is not among them.
struct BatchTime {
  int64_t tokens = 0;
  double seconds = 0;  // around the model only
  // The most bytes of tensors alive at once, beyond the weights
  // (model/working_memory.h); -1: not known.
  int64_t working_bytes = -1;
};

struct ProfileRecord {
  std::string name;
  // Further names that were asked for and have the same multipliers.
  std::vector<std::string> same_as;
  bool asked = true;  // false: measured for comparison only
  std::string plastic_layers;
  // ";eta=flip;reset=512;start=mean", of the multipliers as they are applied,
  // whatever the name says.
  std::string controls = {};
  std::vector<double> nll;            // windows in order
  std::vector<uint8_t> correct = {};  // beside nll, or empty: not measured
  std::vector<Counters> counters;     // one a window
  // A batch's time shared equally among its windows.
  std::vector<double> window_seconds;
  // By batch; batch i is the same batch in every profile.
  std::vector<BatchTime> times;

  // Another rate or resets: it takes the mechanism apart, and nobody would use
  // it. A start at the mean state is no control but another frozen.
  bool is_control() const;
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

// The slice of all windows; no domain is called so.
inline constexpr char kAllText[] = "all";

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

// Names that data, files and options bring: they can be printed, and no domain
// is called as all text is. Throws kInvalid that begins with `where`.
void CheckNames(const RunRecord& record, const std::string& where);

// Index of the profile of this name, or with this other name.
std::optional<size_t> FindProfile(const RunRecord& record,
                                  std::string_view name);

// Profiles that somebody might use: all but controls.
std::vector<size_t> Candidates(const RunRecord& record);

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

}  // namespace plastometer
