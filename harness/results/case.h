// What is known about one case: the pins that define it, the exact metrics and
// the trace that a run measured. The same three values are a candidate (from a
// run), a pending golden, and a committed golden; docs/goldens.md describes
// the files. No LibTorch, nothing of the model.
//
// Letters: W windows, T tokens of a window, L layers, H heads, M = T / 16 full
// mini-batches.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace plastometer {

inline constexpr int64_t kLossBlock = 64;  // losses in one digest
inline constexpr char kPortableClass[] = "portable-1";

// Everything that defines the case beside arithmetic, code and machine. Equal
// pins, equal bits in the portable class.
struct CasePins {
  std::string suite, name;  // "quick", "text.uniform"
  std::string profile;      // as the suite file writes it
  // Canonical multipliers, so that a name whose meaning changed is another
  // case.
  std::string profile_lambdas;
  std::string model_name, model_sha256, config_json;
  std::string tokenizer_sha256;
  std::string data_sha256;  // of the windows: documents, positions, ids
  int64_t num_windows = 0, context_tokens = 0, batch_size = 0,
          traced_windows = 0;
  std::string expect = "finite";  // or "diverges"

  bool operator==(const CasePins&) const = default;
};

// The tokens most likely after a traced window's last but one token, by raw
// logit; and that of the token that came.
struct ProbeLogits {
  std::vector<int32_t> ids;   // descending logit, ties by lower id
  std::vector<float> logits;  // same order
  int32_t target_id = 0;
  float target_logit = 0;
  double target_nll = 0;  // nats; log p(id) = logit - target_logit - target_nll

  bool operator==(const ProbeLogits&) const = default;
};

struct WindowTrace {
  int64_t num_tokens = 0;  // T; T - 1 losses
  double nll_sum = 0;      // in fp64, first token to last
  // First 8 bytes (little-endian) of SHA-256 of each 64 losses' bytes.
  std::vector<uint64_t> block_digests;
  // Traced windows only, else empty:
  std::vector<double> nll;  // T - 1
  // First 4 bytes of SHA-256 of a token's row of the residual stream: [T, L +
  // 1], entry 0 the embedding, entry l + 1 after block l.
  std::vector<uint32_t> row_digests;
  // Of one head's fast weights (W1, b1, W2, b2) after mini-batch m: [M, L, H].
  std::vector<uint32_t> state_digests;
  ProbeLogits probe;

  bool is_traced() const { return !nll.empty(); }
  bool operator==(const WindowTrace&) const = default;
};

struct Trace {
  int64_t num_layers = 0, num_heads = 0;
  // 8 in an fp64 lane; losses of 4 bytes are exact floats kept as double here.
  int64_t loss_bytes = 4;
  std::vector<WindowTrace> windows;

  bool operator==(const Trace&) const = default;
};

struct CaseMetrics {
  // "portable-1", else "<lane>+<LibTorch>+<ISA cap>+t<threads>".
  std::string numeric_class;
  std::string lane;
  std::string code_tree;  // code id of the program; docs/environment.md
  // What was known to be able to change numbers when this was measured: named
  // when blame finds that the environment moved. Never compared.
  std::map<std::string, std::string> environment;
  std::map<std::string, int64_t> counts;      // exact
  std::map<std::string, double> values;       // nll_nats, nll_sum, ...
  std::map<std::string, std::string> hashes;  // nll_sha256
  // By lane: what may differ, and why. Only in a golden.
  struct Tolerance {
    double max_abs_nll = 0;       // nats, any token
    double max_abs_mean_nll = 0;  // nats, mean over the case
    std::string reason;
    bool operator==(const Tolerance&) const = default;
  };
  std::map<std::string, Tolerance> tolerances;

  bool operator==(const CaseMetrics&) const = default;
};

struct Golden {
  CasePins pins;
  CaseMetrics metrics;
  Trace trace;
};

}  // namespace plastometer
