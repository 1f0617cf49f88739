#include "harness/check/capsule.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/canonical_json.h"
#include "base/error.h"
#include "base/json.h"
#include "harness/results/case_json.h"
#include "harness/results/trace_file.h"
#include "harness/results/window_losses.h"

namespace plastometer {
namespace {

using Json = nlohmann::json;

constexpr int64_t kLeastTokens = 64, kTokensBeyond = 16;
constexpr size_t kMaxIds = size_t{1} << 24;

Trace Shortened(const Trace& trace, int64_t window_idx, int64_t num_tokens) {
  const WindowTrace& from = trace.windows.at(static_cast<size_t>(window_idx));
  // Rows and states of a traced window may be absent.
  const auto first = [](const auto& values, int64_t n) {
    n = std::min(n, static_cast<int64_t>(values.size()));
    return std::remove_cvref_t<decltype(values)>(values.begin(),
                                                 values.begin() + n);
  };
  WindowTrace window =
      SummariseLosses(first(from.nll, num_tokens - 1), trace.loss_bytes);
  window.nll = first(from.nll, num_tokens - 1);
  window.row_digests =
      first(from.row_digests, num_tokens * (trace.num_layers + 1));
  window.state_digests = first(
      from.state_digests, num_tokens / 16 * trace.num_layers * trace.num_heads);
  if (num_tokens == from.num_tokens) window.probe = from.probe;
  Trace shortened = trace;
  shortened.windows = {window};
  return shortened;
}

int32_t IdOf(const Json& value, const std::string& source) {
  const int64_t id = IntegerOf(value, source + ": \"ids\"");
  if (id < 0 || id > std::numeric_limits<int32_t>::max())
    throw InvalidError(source + ": \"ids\" has " + std::to_string(id) +
                       "; expected ids from 0 on");
  return static_cast<int32_t>(id);
}

}  // namespace

std::optional<Capsule> MakeCapsule(const Golden& golden,
                                   const Golden& candidate,
                                   const Divergence& divergence,
                                   const std::vector<int32_t>& window_ids,
                                   const std::string& model_file) {
  const auto w = static_cast<size_t>(divergence.window_idx);
  const auto is_traced = [w](const Golden& g) {
    return w < g.trace.windows.size() && g.trace.windows[w].is_traced();
  };
  if (divergence.window_idx < 0 || !is_traced(golden) || !is_traced(candidate))
    return std::nullopt;
  const int64_t num_tokens = std::min<int64_t>(
      static_cast<int64_t>(window_ids.size()),
      std::max(kLeastTokens, divergence.last_token + 1 + kTokensBeyond));
  Capsule capsule;
  capsule.pins = candidate.pins;
  capsule.lane = candidate.metrics.lane;
  capsule.numeric_class = candidate.metrics.numeric_class;
  capsule.model_file = model_file;
  capsule.window_idx = divergence.window_idx;
  capsule.ids.assign(window_ids.begin(), window_ids.begin() + num_tokens);
  capsule.expected = Shortened(golden.trace, divergence.window_idx, num_tokens);
  capsule.actual =
      Shortened(candidate.trace, divergence.window_idx, num_tokens);
  return capsule;
}

std::string CapsuleJson(const Capsule& c) {
  const Json json = {{"schema", kGoldenSchema},
                     {"pins", PinsJson(c.pins)},
                     {"lane", c.lane},
                     {"numeric_class", c.numeric_class},
                     {"model_file", c.model_file},
                     {"window", c.window_idx},
                     {"ids", c.ids},
                     {"expected", Base64Encode(EncodeTrace(c.expected))},
                     {"actual", Base64Encode(EncodeTrace(c.actual))}};
  return json.dump(1) + "\n";
}

Capsule ParseCapsule(std::string_view text, const std::string& source) {
  const Json json = ParseJson(text, source);
  try {
    if (json.at("schema") != kGoldenSchema)
      throw InvalidError(source + ": \"schema\" is " + json["schema"].dump() +
                         "; expected " + std::to_string(kGoldenSchema));
    Capsule c;
    c.pins = ParsePins(json.at("pins").get<std::string>(), source);
    json.at("lane").get_to(c.lane);
    json.at("numeric_class").get_to(c.numeric_class);
    json.at("model_file").get_to(c.model_file);
    c.window_idx = IntegerOf(json.at("window"), source + ": \"window\"");
    for (const Json& id : json.at("ids")) c.ids.push_back(IdOf(id, source));
    const auto trace = [&](const char* key) {
      return DecodeTrace(Base64Decode(json.at(key).get<std::string>(), source),
                         source);
    };
    c.expected = trace("expected");
    c.actual = trace("actual");
    if (c.ids.size() < 2 || c.ids.size() > kMaxIds ||
        c.expected.windows.size() != 1 || c.actual.windows.size() != 1)
      throw InvalidError(source + ": expected one window of 2 tokens or more");
    return c;
  } catch (const nlohmann::json::exception& error) {
    throw InvalidError(source + ": not a capsule: " + error.what());
  }
}

}  // namespace plastometer
