// What a run measured, as plain values: RunRecord is the raw material, Results
// what the reports print.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/cost/cost.h"

namespace plastometer {

struct WindowRecord {
  std::string source, domain, work, document;
  int64_t first_token = 0;
  int64_t num_tokens = 0;    // T; T - 1 of them are scored
  int64_t scored_bytes = 0;  // text of tokens 1..T-1
  int64_t loss_begin =
      0;  // where this window's T - 1 losses begin in ProfileRecord::nll
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
  std::vector<double> nll;         // windows in order
  std::vector<Counters> counters;  // one a window
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

struct RunRecord {
  std::string version, started_utc;
  std::string model_name, model_path, model_sha256;
  std::string model_config_json;
  int64_t model_context_tokens = 0;  // tokens of a training window
  std::string tokenizer_name, tokenizer_sha256;
  std::string data_name, data_sha256;
  std::string lane;
  int64_t num_threads = 0, context_tokens = 0, batch_size = 0, seed = 0;
  double wall_seconds = 0;         // the whole run
  int64_t peak_memory_bytes = -1;  // of the process; -1: unknown
  std::vector<std::string> notes;
  std::vector<WindowRecord> windows;
  std::vector<ProfileRecord> profiles;
  size_t uniform_idx = 0, frozen_idx = 0;
};

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
  Measured retention;  // (L_frozen - L_p) / (L_frozen - L_uniform)
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
  std::vector<CaseResult> cases;  // in the order of RunRecord::profiles
};

// Mean loss of the tokens [from, to) of a window, over the windows that all
// reach the last bin.
struct PositionBin {
  int64_t from = 0, to = 0;
  int64_t scored_tokens = 0;
  std::vector<double> nll_nats;  // one a profile
};

struct Results {
  RunRecord record;
  SliceResult all;
  std::vector<SliceResult> domains;  // in order of appearance
  std::vector<PositionBin> positions;
  int64_t num_position_windows = 0;
};

constexpr int64_t kMinWorks =
    12;  // an interval needs this many; fewer: estimates only
constexpr int64_t kMinWorksForVerdict = 16;  // a verdict needs this many

// Nats of one window, first token to last.
double WindowSum(const ProfileRecord& profile, const WindowRecord& window);

// Sums in fp64 in a fixed order: per window, per document, over documents.
Results Summarise(RunRecord record);

}  // namespace plastometer
