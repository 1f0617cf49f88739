// n-gram predictor with additive smoothing.
#include <cmath>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "datasets/synthetic/synthetic.h"

namespace plastometer::synthetic {

namespace {

class NgramAgent : public FloorAgent {
 public:
  // `contexts`: vocab^order.
  NgramAgent(uint64_t vocab, uint64_t contexts, int order, double alpha)
      : vocab_(vocab), contexts_(contexts), alpha_(alpha), missing_(order) {}

  double Observe(int32_t id) override {
    const double vocab = static_cast<double>(vocab_);
    const uint64_t with_id = context_ * vocab_ + static_cast<uint64_t>(id);
    double nats = std::log(vocab);
    if (missing_ > 0) {
      --missing_;
    } else {
      const double count = counts_[with_id]++;
      const double total = totals_[context_]++;
      nats = std::log((total + vocab * alpha_) / (count + alpha_));
    }
    context_ = with_id % contexts_;
    return nats;
  }

 private:
  const uint64_t vocab_;
  const uint64_t contexts_;
  const double alpha_;
  int missing_;           // ids until a context is there
  uint64_t context_ = 0;  // the last ids as digits of base vocab
  std::unordered_map<uint64_t, double> counts_;  // of context and id
  std::unordered_map<uint64_t, double> totals_;  // of context
};

}  // namespace

std::unique_ptr<FloorAgent> NewNgramAgent(int32_t vocab, int order,
                                          double alpha) {
  if (vocab < 2 || order < 0 || !(alpha > 0) || !std::isfinite(alpha))
    throw UsageError("n-gram: vocab " + std::to_string(vocab) + ", order " +
                     std::to_string(order) + ", alpha " +
                     std::to_string(alpha) +
                     "; at least 2, at least 0, above 0 are expected");
  const auto size = static_cast<uint64_t>(vocab);
  uint64_t contexts = 1;
  for (int i = 0; i <= order; ++i) {
    if (contexts > (uint64_t{1} << 63) / size)
      throw UsageError("n-gram: vocab " + std::to_string(vocab) +
                       " to the power of order " + std::to_string(order) +
                       " + 1 is above 2^63; take a lower order");
    contexts *= size;
  }
  return std::make_unique<NgramAgent>(size, contexts / size, order, alpha);
}

}  // namespace plastometer::synthetic
