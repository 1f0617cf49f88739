// Where two traces part, in the order of computation: token by token, and
// within a token layer by layer.
#include <algorithm>
#include <cmath>
#include <string>

#include "base/counters.h"
#include "harness/golden/compare.h"

namespace plastometer {
namespace {

std::string Tokens(int64_t first, int64_t last) {
  return first == last
             ? "token " + std::to_string(first)
             : "tokens " + std::to_string(first) + "-" + std::to_string(last);
}

// One traced window of both.
class Pair {
 public:
  Pair(const Trace& a, const Trace& b, int64_t window_idx)
      : a_(a.windows[window_idx]),
        b_(b.windows[window_idx]),
        num_layers_(a.num_layers),
        num_heads_(a.num_heads),
        window_idx_(window_idx) {}

  std::optional<Divergence> Find() const {
    const Place row = FirstRow(), state = FirstState();
    const int64_t loss = FirstLoss();
    // An update is a cause only of what comes after its whole mini-batch.
    const int64_t updated = (state.at + 1) * kMiniBatchTokens;
    // Token t's loss is made by row t - 1.
    if (loss >= 0 && (row.at < 0 || loss <= row.at) &&
        (state.at < 0 || loss <= updated))
      return HasRows() ? AtHead(loss) : AtLoss(loss);
    if (state.at >= 0 && (row.at < 0 || updated <= row.at))
      return AtState(state);
    if (row.at >= 0) return AtRow(row);
    if (!SameProbe(a_.probe, b_.probe)) return AtHead(a_.num_tokens - 1);
    return std::nullopt;
  }

 private:
  bool HasRows() const {
    return !a_.row_digests.empty() && !b_.row_digests.empty();
  }

  struct Place {
    int64_t at = -1;     // token, or mini-batch
    int64_t entry = -1;  // of the residual stream, or layer
    int64_t head = -1;
    int64_t num_heads = 0;
  };

  Place FirstRow() const {
    const int64_t num_entries = num_layers_ + 1;
    const auto n = static_cast<int64_t>(
        std::min(a_.row_digests.size(), b_.row_digests.size()));
    for (int64_t i = 0; i < n; ++i)
      if (a_.row_digests[i] != b_.row_digests[i])
        return {i / num_entries, i % num_entries};
    return {};
  }

  Place FirstState() const {
    const int64_t per_batch = num_layers_ * num_heads_;
    const auto n = static_cast<int64_t>(
        std::min(a_.state_digests.size(), b_.state_digests.size()));
    Place place;
    for (int64_t i = 0; i < n; ++i) {
      if (a_.state_digests[i] == b_.state_digests[i]) continue;
      const int64_t m = i / per_batch, l = i % per_batch / num_heads_;
      if (place.at < 0) place = {m, l, i % num_heads_, 0};
      if (place.at != m || place.entry != l) break;
      ++place.num_heads;
    }
    return place;
  }

  // The token whose loss differs first.
  int64_t FirstLoss() const {
    const size_t n = std::min(a_.nll.size(), b_.nll.size());
    for (size_t i = 0; i < n; ++i)
      if (!SameBits(a_.nll[i], b_.nll[i])) return static_cast<int64_t>(i) + 1;
    return -1;
  }

  std::string Window() const {
    return "window " + std::to_string(window_idx_) + " (" +
           Tokens(0, a_.num_tokens - 1) + "), ";
  }

  Divergence At(int64_t token, const std::string& where) const {
    Divergence d;
    d.window_idx = window_idx_;
    d.token = d.last_token = token;
    d.mini_batch = token / kMiniBatchTokens;
    d.where = where;
    d.growth_nats = Growth(token);
    return d;
  }

  Divergence AtRow(const Place& row) const {
    Divergence d = At(row.at, row.entry == 0 ? "embedding" : "block");
    if (row.entry == 0) {
      d.text = Window() + Tokens(row.at, row.at) +
               ": the embedding differs (other token, or other table)";
      return d;
    }
    d.layer = row.entry - 1;
    d.text = Window() + Tokens(row.at, row.at) + ", layer " +
             std::to_string(d.layer) +
             ": the block's output differs, its input does not" + Before(d);
    return d;
  }

  // Whether the state that the block read was the golden's.
  std::string Before(const Divergence& d) const {
    if (d.mini_batch == 0) return "; the state is still W0";
    if (a_.state_digests.empty() || b_.state_digests.empty()) return "";
    return "; the state after mini-batch " + std::to_string(d.mini_batch - 1) +
           " is the golden's in every layer";
  }

  Divergence AtState(const Place& state) const {
    const int64_t first = state.at * kMiniBatchTokens;
    Divergence d = At(first, "state");
    d.last_token = first + kMiniBatchTokens - 1;
    d.mini_batch = state.at;
    d.layer = state.entry;
    d.head = state.head;
    d.text = Window() + "layer " + std::to_string(d.layer) +
             ": the update of the fast weights by mini-batch " +
             std::to_string(d.mini_batch) + " (" + Tokens(first, d.last_token) +
             ") differs, in " + std::to_string(state.num_heads) + " of " +
             std::to_string(num_heads_) + " heads, the first is " +
             std::to_string(state.head) +
             "; all outputs up to there are the golden's";
    return d;
  }

  Divergence AtHead(int64_t token) const {
    Divergence d = At(token, "head");
    d.text = Window() + Tokens(token, token) +
             ": the loss differs, every layer's output does not (final norm, "
             "head, or loss)";
    return d;
  }

  Divergence AtLoss(int64_t token) const {
    Divergence d = At(token, "loss");
    d.text = Window() + Tokens(token, token) +
             ": the loss differs (there is no trace of this window's layers)";
    return d;
  }

  std::vector<double> Growth(int64_t token) const {
    std::vector<double> growth;
    const auto n = static_cast<int64_t>(std::min(a_.nll.size(), b_.nll.size()));
    for (int64_t begin = 1; token + begin <= n; begin *= 2) {
      double sum = 0;
      int64_t count = 0;
      for (int64_t d = begin; d < 2 * begin && token + d <= n; ++d, ++count) {
        const double difference = a_.nll[token + d - 1] - b_.nll[token + d - 1];
        sum += difference * difference;
      }
      growth.push_back(std::sqrt(sum / static_cast<double>(count)));
    }
    return growth;
  }

  const WindowTrace &a_, &b_;
  const int64_t num_layers_, num_heads_, window_idx_;
};

std::optional<Divergence> InBlocks(const WindowTrace& a, const WindowTrace& b,
                                   int64_t window_idx) {
  const size_t n = std::min(a.block_digests.size(), b.block_digests.size());
  for (size_t i = 0; i < n; ++i) {
    if (a.block_digests[i] == b.block_digests[i]) continue;
    Divergence d;
    d.window_idx = window_idx;
    d.where = "loss";
    d.token = static_cast<int64_t>(i) * kLossBlock + 1;
    d.last_token = std::min(d.token + kLossBlock, a.num_tokens) - 1;
    d.text = "window " + std::to_string(window_idx) + ", one of " +
             Tokens(d.token, d.last_token) +
             (a.is_traced() && b.is_traced()
                  ? ": the loss of the scoring pass differs, the traced pass "
                    "gives the same"
                  : ": the loss differs (there is no trace of this window's "
                    "layers)");
    return d;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Divergence> FirstDivergence(const Golden& candidate,
                                          const Golden& golden) {
  const Trace &a = candidate.trace, &b = golden.trace;
  const auto n =
      static_cast<int64_t>(std::min(a.windows.size(), b.windows.size()));
  const bool same_shape =
      a.num_layers == b.num_layers && a.num_heads == b.num_heads;
  for (int64_t w = 0; same_shape && w < n; ++w) {
    if (!a.windows[w].is_traced() || !b.windows[w].is_traced()) continue;
    if (auto found = Pair(a, b, w).Find()) return found;
  }
  for (int64_t w = 0; w < n; ++w)
    if (auto found = InBlocks(a.windows[w], b.windows[w], w)) return found;
  return std::nullopt;
}

}  // namespace plastometer
