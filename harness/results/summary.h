// What the reports print: every number of a run, computed once from its record.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/results/record.h"

namespace plastometer {

// What `low` and `high` of a number are.
enum class Range {
  kNone,        // there is no range
  kInterval95,  // 95 % interval, from resamples of whole works
  kQuartiles    // quartiles of single measurements: no interval of a mean
};

// A number or the reason why there is none.
struct Measured {
  std::optional<double> value;
  std::optional<double> low, high;
  // Why value or range is missing. Empty without a range: by definition.
  std::string reason;
  Range kind = Range::kInterval95;  // of the range, where there is one

  Range range() const { return low || high ? kind : Range::kNone; }
  bool by_definition() const {
    return value && range() == Range::kNone && reason.empty();
  }
};

// One profile on one slice: a row.
struct CaseResult {
  std::string profile;
  std::vector<std::string> same_as;
  bool asked = true;
  bool is_control = false;  // takes the mechanism apart: no Pareto mark
  std::string plastic_layers;
  // NaN or infinite when the profile diverged.
  double nll_sum = 0, nll_nats = 0, perplexity = 0;
  std::optional<double> bits_per_byte;  // missing when the bytes are unknown
  Measured nll;                         // nll_nats with its interval
  Measured lost;                        // nats per token lost against uniform
  Measured retention;    // (L_frozen - L_p) / (L_frozen - L_uniform)
  Measured above_floor;  // nats per token above the task's Bayes loss
  Measured accuracy;     // share of the scored tokens that were most probable
  Counters counters;
  // Shares of what uniform spends.
  std::optional<double> updates_saved, flops_saved;
  double flops_per_token = 0;
  double seconds = 0;
  // Median over batches; only for all slices together.
  Measured ms_per_1k_tokens;
  int64_t working_bytes = -1;  // the largest BatchTime's; where those are
  // To uniform's in the same batches (time_ratio.h); where those are.
  Measured time_ratio;
  // By cost (kParetoCosts): no other candidate is better at no higher cost;
  // missing when unknown, and of a control.
  std::map<std::string, std::optional<bool>> pareto;
};

// A cost of the Pareto marks.
struct ParetoCost {
  const char* id;
  Measured (*of)(const CaseResult&);
};
// FLOPs and inner updates per token, measured time (as the ratio to uniform's,
// whose quartiles decide), adaptive state.
extern const std::array<ParetoCost, 4> kParetoCosts;

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
  // Of a generated task whose answers alone are scored: their loss over all
  // windows, by work; one a profile. Else empty.
  std::vector<Measured> answers = {};
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

// Tokens before and after a border over which a mean is taken; of a bin of the
// recovery curve. A mini-batch.
inline constexpr int64_t kContinualSpan = 16;
// Recovered: the excess over the remembering reader is at most so much above
// what it was at the end of A, nats per token.
inline constexpr double kRecoveryMargin = 0.05;

// One reader of A, B, A' (harness/run/continual.h), with intervals by document.
struct ContinualRow {
  std::string name;
  Measured loss;  // nats per token of A'
  // Less the exact losses of the two agents.
  Measured above_remembering, above_resetting;
  // Backward: loss at the end of A less that at the beginning of A'; below 0:
  // forgotten.
  Measured transfer;
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

// An interval needs this many works; fewer: estimates only.
constexpr int64_t kMinWorks = 12;
constexpr int64_t kMinWorksForVerdict = 16;

// Of results.json; what changed with it: docs/columns.md.
constexpr int64_t kResultsSchemaVersion = 2;
// What a reader of `file` says of an older version; "" of this one. Throws
// kInvalid for a version that this program does not know.
std::string SchemaNote(int64_t version, const std::string& file);

// ms per 1,000 tokens: median and quartiles over batches, weighted by their
// tokens. Without a value: not timed.
Measured TimePerThousandTokens(const std::vector<BatchTime>& times);

// Sums in fp64 in a fixed order: per window, per document, over documents.
Results Summarise(RunRecord record);

}  // namespace plastometer
