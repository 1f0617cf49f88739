// How far one next-token distribution has moved from another. Pure functions of
// spans, in fp64.
#pragma once
#include <span>
#include <vector>

namespace plastometer::stats {

// A softmax with its logarithm.
struct Distribution {
  std::vector<double> p, log_p;  // log_p in nats
};
// Throws kInternal when there are no logits.
Distribution Softmax(std::span<const double> logits);

struct TokenShift {
  double kl = 0;  // KL(from || to) = sum p log(p / q), nats, >= 0
  // Jensen-Shannon divergence (Lin, 1991, eq. 3.5 with equal weights): the mean
  // of KL(from || m) and KL(to || m), m = (from + to) / 2; in [0, ln 2] nats.
  double js = 0;
  // Another most probable token; of equal ones the lowest id counts.
  bool top_flipped = false;
};
// Exactly 0 for equal distributions; what rounding leaves outside the bounds is
// put on them; NaN where a logit was not finite. Throws kInternal when the
// sizes differ.
TokenShift ShiftBetween(const Distribution& from, const Distribution& to);

}  // namespace plastometer::stats
