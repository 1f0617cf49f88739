#include "model/causality.h"

#include <cmath>
#include <vector>

#include "base/error.h"

namespace plastometer {
namespace {

bool Moved(double before, double after) {
  return before != after && !(std::isnan(before) && std::isnan(after));
}

class Comparison {
 public:
  Comparison(const ForwardResult& a, const ForwardResult& b)
      : a_(a),
        b_(b),
        logits_a_(a.logits.at("logits")),
        logits_b_(b.logits.at("logits")),
        num_tokens_(a.num_tokens),
        row_bytes_(logits_a_.bytes.size() /
                   static_cast<size_t>(2 * num_tokens_)) {}

  // The first of the row's tokens [0, end) whose loss, or whose prediction of
  // the next token, moved; -1: none.
  int64_t FirstMoved(int64_t row, int64_t end) const {
    for (int64_t t = 0; t < end; ++t)
      if (LossMoved(row, t) || LogitsMoved(row, t)) return t;
    return -1;
  }

 private:
  bool LossMoved(int64_t row, int64_t t) const {
    const auto i = static_cast<size_t>(row * a_.num_losses + t - 1);
    return t > 0 && Moved(a_.nll[i], b_.nll[i]);
  }
  bool LogitsMoved(int64_t row, int64_t t) const {
    const size_t at = static_cast<size_t>(row * num_tokens_ + t) * row_bytes_;
    return !std::equal(logits_a_.bytes.begin() + at,
                       logits_a_.bytes.begin() + at + row_bytes_,
                       logits_b_.bytes.begin() + at);
  }

  const ForwardResult &a_, &b_;
  const HostTensor &logits_a_, &logits_b_;
  const int64_t num_tokens_;
  const size_t row_bytes_;
};

}  // namespace

void CheckCausality(const ScoreTwoRows& score, std::span<const int32_t> ids,
                    int64_t vocab_size, const std::string& what) {
  const auto T = static_cast<int64_t>(ids.size());
  if (T < 4) return;
  // Shapes are equal, so equal means equal to the bit.
  const int64_t changed = T / 2;
  std::vector<int32_t> same(ids.begin(), ids.end()), pair = same;
  same.insert(same.end(), ids.begin(), ids.end());
  pair.insert(pair.end(), ids.begin(), ids.end());
  int32_t& other = pair[static_cast<size_t>(T + changed)];
  other = static_cast<int32_t>((other + 1) % vocab_size);
  const ForwardResult a = score(same), b = score(pair);
  const Comparison comparison(a, b);
  const auto fail = [&](int64_t token, const std::string& cause) {
    throw InternalError("causality probe: changing " + cause +
                        " moved what is said at token " +
                        std::to_string(token) + " (" + what + ")");
  };
  if (const int64_t t = comparison.FirstMoved(1, changed); t >= 0)
    fail(t, "token " + std::to_string(changed));
  if (const int64_t t = comparison.FirstMoved(0, T); t >= 0)
    fail(t, "a neighbour row");
}

}  // namespace plastometer
