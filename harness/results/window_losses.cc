#include "harness/results/window_losses.h"

#include <algorithm>
#include <string>

#include "base/sha256.h"

namespace plastometer {

namespace {

uint64_t Digest(std::span<const double> losses, int64_t loss_bytes) {
  std::string bytes;
  for (const double loss : losses) {
    const auto narrow = static_cast<float>(loss);
    const void* from = loss_bytes == 8 ? static_cast<const void*>(&loss)
                                       : static_cast<const void*>(&narrow);
    bytes.append(static_cast<const char*>(from),
                 static_cast<size_t>(loss_bytes));
  }
  return DigestPrefix(Sha256Hex(bytes), 8);
}

}  // namespace

WindowTrace SummariseLosses(std::span<const double> nll, int64_t loss_bytes) {
  WindowTrace window;
  window.num_tokens = static_cast<int64_t>(nll.size()) + 1;
  for (const double loss : nll) window.nll_sum += loss;
  for (size_t i = 0; i < nll.size(); i += kLossBlock)
    window.block_digests.push_back(
        Digest(nll.subspan(i, std::min<size_t>(kLossBlock, nll.size() - i)),
               loss_bytes));
  return window;
}

}  // namespace plastometer
