#include "model/mixers/ttt/gate_shuffle.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "base/philox.h"

namespace plastometer {
namespace {

constexpr int64_t b = kMiniBatchTokens;
constexpr uint64_t kSeed = 0x5368'7566'666c'65;

}  // namespace

// Fisher and Yates, from the end.
std::array<int64_t, b> GateOrder(int64_t layer, int64_t mini_batch) {
  std::array<int64_t, b> order;
  std::iota(order.begin(), order.end(), 0);
  PhiloxStream random(kSeed, static_cast<uint64_t>(layer) << 40 |
                                 static_cast<uint64_t>(mini_batch));
  for (int64_t i = b - 1; i > 0; --i)
    std::swap(order[i], order[random.NextBelow(static_cast<uint32_t>(i + 1))]);
  return order;
}

at::Tensor ShuffleGates(const at::Tensor& lr, int64_t position, int64_t layer,
                        at::Tensor& held) {
  const at::Tensor all = held.defined() ? at::cat({held, lr}, 1) : lr;
  const int64_t num_held = all.size(1) - lr.size(1);
  // Where the mini-batch of a token begins in `all`, and the token itself.
  int64_t begin = num_held - position % b;
  std::vector<int64_t> rows;
  for (int64_t t = num_held; t < all.size(1);) {
    const int64_t end = std::min(begin + b, all.size(1));
    const auto order = GateOrder(layer, (position + t - num_held) / b);
    for (; t < end; ++t)
      rows.push_back(begin >= b ? begin - b + order[t - begin] : t);
    if (end == begin + b) begin = end;
  }
  const at::Tensor index = at::tensor(rows, at::kLong).to(lr.device());
  const int64_t kept = std::max<int64_t>(begin - b, 0);
  held = all.narrow(1, kept, all.size(1) - kept).clone();
  return all.index_select(1, index);
}

}  // namespace plastometer
