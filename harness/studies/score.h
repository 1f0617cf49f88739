// `plastometer score` without its command line: token ids in, per-token losses
// and what else was asked for out.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "model/model.h"

namespace plastometer {

struct TokenIds {
  int64_t num_sequences = 0, num_tokens = 0;  // B, T
  std::vector<int32_t> ids;                   // [B, T]
  // [B, T], whether a token's loss counts; empty: all but each row's first.
  std::vector<uint8_t> scored = {};
};

// `input_ids` [B, T] (or [T]) I32 or I64 of a safetensors file. Throws
// kInvalid.
TokenIds ReadTokenIds(const std::filesystem::path& path);

struct ScoreRequest {
  bool logits = false, state = false;
  StatisticsMode statistics = StatisticsMode::kOff;
  int64_t chunk_tokens = 0;  // 0: one pass
};

// Tokens that a sequence must have: the first has logits and a state, but no
// loss.
int64_t LeastTokens(const ScoreRequest& request);

// Losses that are NaN or infinite: the first one's row and token (-1: there is
// none), and how many.
struct NotFinite {
  int64_t row = -1, token = -1, count = 0;
};
// `nll` [B, T-1]: of all tokens but each row's first.
NotFinite FindNotFinite(const std::vector<double>& nll, int64_t num_tokens);

// nll [B, T-1], loss [B, T] (NaN for token 0), token_ids [B, T], layer_indices
// [L], lambda [L, M]; logits, statistics and final_state.* when asked for;
// scored [B, T] (0 or 1) where TokenIds says. The mean is over the scored. A
// causality probe on the first row comes first; the counters are compared with
// the formulas.
struct ScoreOutput {
  TensorMap tensors;
  Counters counters;
  double mean_nll = 0;  // NaN: no token has a loss, or one is not finite
  NotFinite not_finite;
  double seconds = 0;
};
ScoreOutput ScoreTokens(const Model& model, const Profile& profile,
                        const TokenIds& tokens, const ScoreRequest& request);

std::string CountersJson(const Counters& counters);

}  // namespace plastometer
