// A golden in which one difference at a time is planted.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>

#include "harness/results/case.h"
#include "tests/harness/golden/random_golden.h"

namespace plastometer {

inline constexpr int64_t kTokens = 70, kLayers = 2, kHeads = 2;
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

using Change = std::function<void(Golden&)>;

// Eight windows so that there is an interval; the first two are traced, with
// rows, states and probe.
inline Golden Whole() {
  RandomGolden random(7);
  Golden golden = random.Golden("prose.uniform");
  golden.pins.num_windows = 8;
  golden.pins.traced_windows = 2;
  golden.metrics.tolerances.clear();
  golden.trace.windows.clear();
  for (int w = 0; w < 8; ++w) {
    WindowTrace window = random.Window(golden.trace, kTokens, w < 2);
    window.nll_sum = 200 + w;
    if (w < 2) {
      window.row_digests.assign(kTokens * (kLayers + 1), 5);
      window.state_digests.assign(kTokens / 16 * kLayers * kHeads, 6);
      for (double& nll : window.nll) nll = 3;
      window.probe = {{4, 9}, {2.0F, 1.0F}, 4, 2.0F, 0.7};
    }
    golden.trace.windows.push_back(window);
  }
  return golden;
}

// As a run leaves it: from one token on, everything is NaN.
inline Golden Diverged(int64_t from_token) {
  Golden golden = Whole();
  golden.pins.expect = "diverges";
  WindowTrace& w = golden.trace.windows[0];
  for (size_t i = static_cast<size_t>(from_token) - 1; i < w.nll.size(); ++i)
    w.nll[i] = kNan;
  w.nll_sum = w.probe.target_nll = kNan;
  w.probe.logits[0] = w.probe.target_logit = static_cast<float>(kNan);
  golden.metrics.values = {{"nll_nats", kNan}, {"nll_sum_nats", kNan}};
  return golden;
}

}  // namespace plastometer
