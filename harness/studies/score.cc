#include "harness/studies/score.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "base/counters.h"
#include "base/error.h"
#include "base/lane.h"
#include "base/safetensors.h"
#include "harness/run/measure.h"

namespace plastometer {
namespace {

constexpr int64_t kProbeTokens = 80;  // several mini-batches

HostTensor InLaneDType(const HostTensor& fp64, Lane lane) {
  return Convert(fp64, TraitsOf(lane).dtype);
}

int32_t CheckedId(int64_t id, int64_t index,
                  const std::filesystem::path& path) {
  if (id < 0 || id > std::numeric_limits<int32_t>::max()) {
    throw InvalidError(path.string() + ": input_ids holds " +
                       std::to_string(id) + " at index " +
                       std::to_string(index) + ", which no vocabulary has");
  }
  return static_cast<int32_t>(id);
}

void CheckVocabulary(const Model& model, const TokenIds& tokens) {
  for (size_t i = 0; i < tokens.ids.size(); ++i) {
    const int32_t id = tokens.ids[i];
    if (id >= 0 && id < model.config().vocab_size) continue;
    throw InvalidError("token id " + std::to_string(id) + " at row " +
                       std::to_string(i / tokens.num_tokens) + ", position " +
                       std::to_string(i % tokens.num_tokens) +
                       " is outside the model's vocabulary [0, " +
                       std::to_string(model.config().vocab_size) + ")");
  }
}

// Columns [begin, begin + n) of a [B, T] matrix.
std::vector<int32_t> Columns(const TokenIds& tokens, int64_t begin, int64_t n) {
  std::vector<int32_t> ids;
  for (int64_t b = 0; b < tokens.num_sequences; ++b) {
    const auto row = tokens.ids.begin() + b * tokens.num_tokens;
    ids.insert(ids.end(), row + begin, row + begin + n);
  }
  return ids;
}

// Puts a [B, n, V] piece at tokens [begin, begin + n) of a [B, T, V] tensor.
void PlaceLogits(const HostTensor& piece, int64_t begin, int64_t num_tokens,
                 HostTensor& all) {
  const int64_t B = piece.shape[0], n = piece.shape[1], V = piece.shape[2];
  if (all.shape.empty()) {
    all.dtype = piece.dtype;
    all.shape = {B, num_tokens, V};
    all.bytes.resize(
        static_cast<size_t>(B * num_tokens * V * DTypeBytes(piece.dtype)));
  }
  const auto row_bytes = static_cast<size_t>(V * DTypeBytes(piece.dtype));
  for (int64_t b = 0; b < B; ++b) {
    std::memcpy(all.bytes.data() + (b * num_tokens + begin) * row_bytes,
                piece.bytes.data() + b * n * row_bytes, n * row_bytes);
  }
}

// The whole of [B, T] in one pass or in chunks; `nll` becomes [B, T-1].
ForwardResult RunForward(const Model& model, const Profile& profile,
                         const TokenIds& tokens, const ScoreRequest& request,
                         std::vector<double>& nll) {
  const int64_t B = tokens.num_sequences, T = tokens.num_tokens;
  const int64_t chunk = request.chunk_tokens > 0 ? request.chunk_tokens : T;
  Sequences sequences = model.Start(B, profile);
  nll.resize(static_cast<size_t>(B * (T - 1)));
  ForwardResult all;
  int64_t num_scored = 0;
  for (int64_t begin = 0; begin < T; begin += chunk) {
    const int64_t n = std::min(chunk, T - begin);
    ForwardOptions options{request.logits, request.state && begin + n == T,
                           request.statistics};
    ForwardResult part =
        model.Forward(sequences, Columns(tokens, begin, n), options);
    for (int64_t b = 0; b < B; ++b) {
      std::copy_n(part.nll.begin() + b * part.num_losses, part.num_losses,
                  nll.begin() + b * (T - 1) + num_scored);
    }
    num_scored += part.num_losses;
    if (request.logits)
      PlaceLogits(part.logits.at("logits"), begin, T, all.logits["logits"]);
    all.counters += part.counters;
    all.statistics = std::move(part.statistics);
    all.state = std::move(part.state);
  }
  if (num_scored != T - 1)
    throw InternalError("the model scored " + std::to_string(num_scored) +
                        " of " + std::to_string(T - 1) + " tokens");
  return all;
}

// loss[t] is the surprise of token t, predicted at t - 1.
std::vector<double> LossByToken(const TokenIds& tokens,
                                const std::vector<double>& nll) {
  std::vector<double> loss;
  const int64_t n = tokens.num_tokens - 1;
  for (int64_t b = 0; b < tokens.num_sequences; ++b) {
    loss.push_back(std::numeric_limits<double>::quiet_NaN());
    loss.insert(loss.end(), nll.begin() + b * n, nll.begin() + (b + 1) * n);
  }
  return loss;
}

double MeanOfScored(const TokenIds& tokens, const std::vector<double>& nll) {
  double sum = 0, count = 0;
  const auto n = static_cast<size_t>(tokens.num_tokens) - 1;
  for (size_t i = 0; i < nll.size(); ++i) {
    const size_t token = i + i / n + 1;  // its row has one token more
    if (!tokens.scored.empty() && tokens.scored[token] == 0) continue;
    sum += nll[i];
    ++count;
  }
  return sum / count;
}

void AddDescription(const Model& model, const Profile& profile,
                    const TokenIds& tokens, TensorMap& tensors) {
  const int64_t L = model.config().num_layers,
                M = tokens.num_tokens / kMiniBatchTokens;
  std::vector<int32_t> layers;
  std::vector<double> lambda;
  for (int64_t l = 0; l < L; ++l) {
    layers.push_back(static_cast<int32_t>(l));
    for (int64_t m = 0; m < M; ++m) lambda.push_back(profile.Lambda(l, m));
  }
  tensors["layer_indices"] = HostTensor::FromI32({L}, layers);
  tensors["lambda"] =
      InLaneDType(HostTensor::FromF64({L, M}, lambda), model.lane());
  tensors["token_ids"] = HostTensor::FromI32(
      {tokens.num_sequences, tokens.num_tokens}, tokens.ids);
  if (!tokens.scored.empty())
    tensors["scored"] = HostTensor::FromI32(
        {tokens.num_sequences, tokens.num_tokens},
        std::vector<int32_t>(tokens.scored.begin(), tokens.scored.end()));
}

}  // namespace

TokenIds ReadTokenIds(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  if (!file.Has("input_ids"))
    throw InvalidError(
        path.string() +
        " has no tensor 'input_ids'; expected one of [B, T], I32 or I64");
  const HostTensor tensor = file.Read("input_ids");
  const bool integers =
      tensor.dtype == DType::kI32 || tensor.dtype == DType::kI64;
  if (!integers || tensor.shape.empty() || tensor.shape.size() > 2) {
    throw InvalidError(path.string() + ": input_ids is " +
                       DTypeName(tensor.dtype) + " with " +
                       std::to_string(tensor.shape.size()) +
                       " dimensions; expected I32 or I64 [B, T]");
  }
  TokenIds tokens;
  tokens.num_sequences = tensor.shape.size() == 2 ? tensor.shape[0] : 1;
  tokens.num_tokens = tensor.shape.back();
  for (int64_t i = 0; i < tensor.NumElements(); ++i) {
    tokens.ids.push_back(CheckedId(tensor.dtype == DType::kI32
                                       ? tensor.As<int32_t>()[i]
                                       : tensor.As<int64_t>()[i],
                                   i, path));
  }
  return tokens;
}

NotFinite FindNotFinite(const std::vector<double>& nll, int64_t num_tokens) {
  NotFinite found;
  const int64_t n = num_tokens - 1;
  for (int64_t i = 0; i < std::ssize(nll); ++i) {
    if (std::isfinite(nll[static_cast<size_t>(i)])) continue;
    if (found.count++ == 0) found.row = i / n, found.token = i % n + 1;
  }
  return found;
}

int64_t LeastTokens(const ScoreRequest& request) {
  return request.logits || request.state ? 1 : 2;
}

ScoreOutput ScoreTokens(const Model& model, const Profile& profile,
                        const TokenIds& tokens, const ScoreRequest& request) {
  const int64_t B = tokens.num_sequences, T = tokens.num_tokens;
  if (B < 1 || T < LeastTokens(request)) {
    throw InvalidError("the input has " + std::to_string(B) + " sequences of " +
                       std::to_string(T) +
                       " tokens; expected at least 1 of at least " +
                       std::to_string(LeastTokens(request)) +
                       ", for the first token has no loss");
  }
  if (request.chunk_tokens < 0)
    throw UsageError("--chunk is " + std::to_string(request.chunk_tokens) +
                     "; expected 1 or more");
  if (request.chunk_tokens > 0 && request.statistics != StatisticsMode::kOff) {
    throw UsageError(
        "--stats needs one pass over the tokens; leave out --chunk");
  }
  CheckVocabulary(model, tokens);
  model.CheckCausality(
      std::span(tokens.ids)
          .first(static_cast<size_t>(std::min(T, kProbeTokens))),
      profile);
  ScoreOutput output;
  std::vector<double> nll;
  const auto start = std::chrono::steady_clock::now();
  ForwardResult result = RunForward(model, profile, tokens, request, nll);
  output.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  CheckCounters(model, profile, B, T, result.counters);
  output.counters = result.counters;
  output.mean_nll = MeanOfScored(tokens, nll);
  output.not_finite = FindNotFinite(nll, T);
  output.tensors = std::move(result.logits);
  output.tensors.merge(result.statistics);
  output.tensors.merge(result.state);
  output.tensors["nll"] =
      InLaneDType(HostTensor::FromF64({B, T - 1}, nll), model.lane());
  output.tensors["loss"] = InLaneDType(
      HostTensor::FromF64({B, T}, LossByToken(tokens, nll)), model.lane());
  AddDescription(model, profile, tokens, output.tensors);
  return output;
}

std::string CountersJson(const Counters& c) {
  nlohmann::ordered_json json;
  for (const auto& [name, value] : kCounterFields) json[name] = c.*value;
  return json.dump();
}

}  // namespace plastometer
